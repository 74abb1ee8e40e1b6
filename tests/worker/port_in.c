/* SPDX-License-Identifier: MIT */
/*
 * Reads a port.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("inb $0x60, %%al" : : : "rax");
	return "it went on";
}
