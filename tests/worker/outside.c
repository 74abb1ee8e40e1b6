/* SPDX-License-Identifier: MIT */
/*
 * Reads where the child has no memory.
 * why: page fault reading 0x1f0000000000 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movb (%0), %%al" : : "r"(WORKER_MEMORY + 0x0f0000000000ull) : "rax");
	return "it went on";
}
