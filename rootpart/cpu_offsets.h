/* SPDX-License-Identifier: MIT */
/*
 * Places in structs of C that trap.S and syscall.S reach; cpu.c and process.c
 * assert each of them.
 */
#pragma once

/* struct cpu, by GS. */
#define CPU_KERNEL_STACK 72 /* tss.rsp[0] */
#define CPU_USER_RSP     176
#define CPU_CURRENT      184
#define CPU_ATTENTION    200 /* run_queue.attention, a byte */

#define TASK_PROCESS     32

#define PROCESS_OPS      0
#define OPS_SYSCALL      0
