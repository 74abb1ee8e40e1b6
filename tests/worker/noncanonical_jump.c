/* SPDX-License-Identifier: MIT */
/*
 * Jumps to where no address is.
 * why: general protection fault at 0x[0-9a-f]+
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("jmp *%0" : : "r"(0x0000800000000000ull) : "memory");
	return "it went on";
}
