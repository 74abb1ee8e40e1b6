/* SPDX-License-Identifier: MIT */
/*
 * All of a child of two VPs but its memory, as its parent reads it by hypercalls
 * and gives it to another one. The VPs are suspended, time is frozen.
 */
#pragma once

#include "hv/vp_state.h"
#include "tests/guest/lib/child_vp.h"

#define SAVE_REGISTERS 96u
#define SAVE_VPS       2u
#define SAVE_WAITING   16u

struct saved_vp {
	struct hv_local_apic_state apic __aligned(PAGE_SIZE);
	u8 fpu[PAGE_SIZE] __aligned(PAGE_SIZE);
	struct hv_message_page messages __aligned(PAGE_SIZE);
	u8 event_flags[PAGE_SIZE];
	struct hv_message waiting[SAVE_WAITING];
	union hv_register_value registers[SAVE_REGISTERS];
	struct hv_stimers_state timers;
	u64 deadline;  /* of the APIC's timer; 0: none */
	u64 assist[2]; /* the first bytes of its VP assist page */
};

struct saved {
	struct saved_vp vp[SAVE_VPS]; /* first: aligned */
	u64 time;                     /* reference time */
	u64 tsc;
	u32 sequence; /* of the reference TSC page, the last one */
};

/* In pages of ours, zeroed. */
struct saved *save_alloc(void);
void save_child(u64 id, struct saved *s);
/* Of a child whose VPs wait for it in the state after their creation. */
void save_restore(u64 id, const struct saved *s);
/* The name of a register that differs, else of a block; NULL: all is the same. */
const char *save_difference(const struct saved *a, const struct saved *b, u64 *which);
