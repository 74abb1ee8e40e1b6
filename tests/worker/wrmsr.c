/* SPDX-License-Identifier: MIT */
/*
 * Moves the entry point of system calls.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xc0000082) : "memory");
	return "it went on";
}
