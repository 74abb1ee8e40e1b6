/* SPDX-License-Identifier: MIT */
/*
 * One child of one VP that runs a few bytes of code at a time, until its next
 * message to SINT 0 of the calling VP, which must be on.
 */
#pragma once

#include "hv/message.h"
#include "tests/guest/lib/child_vp.h"

#define PROBE_RAM    (8 * MIB)
#define PROBE_REG(n) (HV_X64_REGISTER_RAX + (n))
#define PROBE_RAX    PROBE_REG(0)
#define PROBE_RCX    PROBE_REG(1)
#define PROBE_RDX    PROBE_REG(2)
#define PROBE_RBX    PROBE_REG(3)
#define PROBE_RSP    PROBE_REG(4)
#define PROBE_RSI    PROBE_REG(6)
#define PROBE_RDI    PROBE_REG(7)

extern struct probe {
	u64 id;
	u8 *ram;
	struct hv_message m; /* the last one */
} probe;

/* A child of child_machine()'s, not released yet. */
void probe_begin(void);
/*
 * The same with code of child_code.h at CHILD_CODE, for another processor if
 * there is one; RDI is CHILD_DATA, CODE_TIMER_VECTOR leads to its handler.
 */
void probe_start(const u8 *code, const u8 *end);
void probe_end(void);
/* Goes on with this code, at CHILD_CODE; or at @rip; or where it is. */
void probe_code(const void *code, size_t size);
void probe_at(u64 rip);
void probe_resume(void);
/* The same for an array of bytes. */
#define PROBE(...) probe_code((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

u64 probe_get(u32 name);
void probe_set(u32 name, u64 v);
/* Stops its clock, or lets it go on; and the time that it has. */
void probe_freeze(bool frozen);
u64 probe_time(void);

/* From now on @vector leads to an OUT to the port of that number. */
void probe_gate(u8 vector);
/* Whether the message is that OUT. */
bool probe_took(u8 vector);
/* The word @n of what was pushed last. */
u64 probe_pushed(u32 n);
