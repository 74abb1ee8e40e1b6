/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts of the root kernel: the frame that trap.S builds,
 * and where each vector goes. An exception of the kernel is a bug of ours and
 * ends in panic_trap(); one of ring 3 ends its process.
 */
#pragma once

#include "base/types.h"

struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector;
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

static_assert(sizeof(struct trap_frame) == 22 * 8);

#define TRAP_STUB_SIZE 16u /* bytes between two of trap.S's entry points */
#define TRAP_STACKS    4u  /* of exceptions that may come at any instruction: IST1 and on */

/* Whether it was ring 3 that was interrupted. */
static inline bool trap_from_ring3(const struct trap_frame *frame)
{
	return (frame->cs & 3) == 3;
}

/* Fills the IDT that all VPs share. Boot, once. */
void trap_init(void);
/* Loads it on the calling VP. */
void trap_load(void);
/* Called by trap.S, interrupts off. */
void trap_handle(struct trap_frame *frame);

/* Name of an exception: "page fault". */
const char *trap_name(u64 vector);
