/* SPDX-License-Identifier: MIT */
/*
 * Runs its stack.
 * why: page fault executing 0x6fff[0-9a-f]{4} at 0x6fff[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("jmp *%%rsp" : : : "memory");
	return "it went on";
}
