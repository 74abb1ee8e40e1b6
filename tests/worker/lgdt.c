/* SPDX-License-Identifier: MIT */
/*
 * Loads a descriptor table.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("subq $16, %%rsp; lgdt (%%rsp)" : : : "memory");
	return "it went on";
}
