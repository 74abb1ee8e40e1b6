/* SPDX-License-Identifier: MIT */
/*
 * INT1 goes to the debug exception whatever the gate's privilege.
 * why: (debug exception|invalid opcode) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile(".byte 0xf1" : : : "memory");
	return "it went on";
}
