/* SPDX-License-Identifier: MIT */
/*
 * INT of a vector that belongs to a device.
 * why: software interrupt at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("int $0x80" : : : "memory");
	return "it went on";
}
