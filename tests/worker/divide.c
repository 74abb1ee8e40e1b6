/* SPDX-License-Identifier: MIT */
/*
 * Divides by zero.
 * why: divide error at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; divl %%edx" : : : "rax", "rdx");
	return "it went on";
}
