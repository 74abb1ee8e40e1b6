/* SPDX-License-Identifier: MIT */
/*
 * Sets the trap flag and makes a system call behind a load of SS, which
 * holds the exception back.
 * why: debug exception at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movl %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); movl $99, %%eax; popfq; "
			 "movl %%ecx, %%ss; syscall; nop"
			 :
			 :
			 : "rax", "rcx", "r11", "memory", "cc");
	return "it went on";
}
