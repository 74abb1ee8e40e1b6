/* SPDX-License-Identifier: MIT */
/*
 * INT3, whose gate is the kernel's.
 * why: software interrupt at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("int3" : : : "memory");
	return "it went on";
}
