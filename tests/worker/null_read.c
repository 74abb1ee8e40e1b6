/* SPDX-License-Identifier: MIT */
/*
 * Reads through a null pointer.
 * why: page fault reading 0x0 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq 0, %%rax" : : : "rax");
	return "it went on";
}
