/* SPDX-License-Identifier: MIT */
/*
 * Writes the port that would end the emulator.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("outb %%al, $0xf4" : : : "memory");
	return "it went on";
}
