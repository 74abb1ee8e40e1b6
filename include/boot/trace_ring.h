/* SPDX-License-Identifier: MIT */
/*
 * Binary trace: one ring per processor of fixed-size records, written without
 * locks by that processor only, shared read-only with the root. head is
 * stored after the record; a reader that finds head more than size records
 * ahead of its own position was overtaken.
 */
#pragma once

#include "base/types.h"

#define TRACE_RING_MAGIC 0x43525456u /* "VTRC" */

enum trace_event {
	TRACE_NONE,
	TRACE_EXIT,      /* a: RIP, b: kind | detail << 8; of a hypercall RCX */
	TRACE_INJECT,    /* a: RIP, b: vector | type << 8 */
	TRACE_IRQ,       /* a: physical vector, b: 0 */
	TRACE_HYPERCALL, /* a: control word, b: result word */
	TRACE_IPI,       /* a: target APIC id, b: ICR low */
	TRACE_VP_START,  /* a: VP index, b: RIP */
	TRACE_FAULT,     /* a: GPA, b: access bits */
	TRACE_INTERCEPT, /* a: message type, b: RIP */
	TRACE_EVENT_COUNT,
};

struct trace_record {
	u64 tsc;
	u32 event;
	u16 partition;
	u16 vp;
	u64 a;
	u64 b;
};

struct trace_ring {
	u32 magic;
	u32 size; /* records, a power of two */
	u64 head; /* records ever written */
	u8 reserved[48];
	struct trace_record records[];
};

static_assert(sizeof(struct trace_record) == 32);
static_assert(offsetof(struct trace_ring, records) == 64);
