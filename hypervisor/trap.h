/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own exceptions and interrupts: IDT, entry frame, dispatch.
 * Exceptions are always fatal, but for those at addresses in the fix-up table
 * (msr_read_safe and friends). Runs on each processor, interrupts off.
 */
#pragma once

#include "base/types.h"

/* As trap.S pushes it. */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector;
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

/* Fills the IDT that all processors share. Once. */
void trap_init(void);
/* Called by trap.S. */
void trap_handle(struct trap_frame *frame);

/* RDMSR and WRMSR of registers that may not exist; false: it raised #GP. */
[[nodiscard]] bool msr_read_safe(u32 msr, u64 *v);
[[nodiscard]] bool msr_write_safe(u32 msr, u64 v);
