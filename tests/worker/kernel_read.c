/* SPDX-License-Identifier: MIT */
/*
 * Reads the kernel's map of memory.
 * why: page fault reading 0xffff800000200000 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq (%0), %%rax" : : "r"(0xffff800000200000ull) : "rax");
	return "it went on";
}
