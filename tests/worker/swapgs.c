/* SPDX-License-Identifier: MIT */
/*
 * Swaps the bases of GS.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("swapgs" : : : "memory");
	return "it went on";
}
