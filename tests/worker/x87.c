/* SPDX-License-Identifier: MIT */
/*
 * An instruction of the x87.
 * why: device not available at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("fninit" : : : "memory");
	return "it went on";
}
