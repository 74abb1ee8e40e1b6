/* SPDX-License-Identifier: MIT */
/*
 * Into ring 3 and back: SYSCALL, SYSRET and the first entry. Numbers and
 * arguments of system calls are include/worker/abi.h's; what they mean is up
 * to the process's owner. Intel SDM volume 3, 5.8.8.
 */
#pragma once

#include "base/types.h"

/* Where SYSCALL leads; no function to call. */
void syscall_entry(void);
/* Sets up SYSCALL on the calling VP. */
void syscall_init_vp(void);

/*
 * Leaves for ring 3 at @rip with stack pointer @rsp, all other registers zero.
 * By the task of a process, interrupts off, on its own stack.
 */
_Noreturn void syscall_enter_ring3(u64 rip, u64 rsp);
