/* SPDX-License-Identifier: MIT */
/*
 * Loads the kernel's data segment.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movl %0, %%ss" : : "r"(0x10) : "memory");
	return "it went on";
}
