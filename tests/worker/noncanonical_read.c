/* SPDX-License-Identifier: MIT */
/*
 * Reads where no address is.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq (%0), %%rax" : : "r"(0x0000800000000000ull) : "rax");
	return "it went on";
}
