/* SPDX-License-Identifier: MIT */
/*
 * Loads a segment of the local descriptor table, which there is not.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movl %0, %%ds" : : "r"(0x0f) : "memory");
	return "it went on";
}
