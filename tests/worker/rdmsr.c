/* SPDX-License-Identifier: MIT */
/*
 * Reads an MSR.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("rdmsr" : : "c"(0xc0000101) : "rax", "rdx");
	return "it went on";
}
