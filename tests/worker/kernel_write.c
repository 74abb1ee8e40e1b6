/* SPDX-License-Identifier: MIT */
/*
 * Writes to the kernel's map of memory.
 * why: page fault writing 0xffff800000200000 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq %%rax, (%0)" : : "r"(0xffff800000200000ull) : "memory");
	return "it went on";
}
