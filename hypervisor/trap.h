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

/* Numbers of the interrupt stacks in the TSS; each a stack of its own. */
enum { TRAP_IST_NMI = 1, TRAP_IST_DF = 2, TRAP_IST_MC = 3 };

/* Fills the IDT that all processors share. Once. */
void trap_init(void);
/* Loads it on the calling processor. */
void trap_table_load(void);
/* Gives NMI, #DF and #MC stacks of their own, once all processors have them. */
void trap_use_ist(void);
/* Called by trap.S. */
void trap_handle(struct trap_frame *frame);

/* Continues at fn(arg) on the stack below @top. */
_Noreturn void stack_switch(u64 top, void (*fn)(void *), void *arg);

/* RDMSR and WRMSR of registers that may not exist; false: it raised #GP. */
[[nodiscard]] bool msr_read_safe(u32 msr, u64 *v);
[[nodiscard]] bool msr_write_safe(u32 msr, u64 v);
