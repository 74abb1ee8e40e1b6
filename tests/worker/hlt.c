/* SPDX-License-Identifier: MIT */
/*
 * Halts.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("hlt" : : : "memory");
	return "it went on";
}
