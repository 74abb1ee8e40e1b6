/* SPDX-License-Identifier: MIT */
/*
 * Pushes to where no address is.
 * why: (stack|general protection) fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq %0, %%rsp; pushq %%rax" : : "r"(0x0000900000000000ull) : "memory");
	return "it went on";
}
