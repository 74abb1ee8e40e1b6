/* SPDX-License-Identifier: MIT */
/*
 * Sets the base of GS.
 * why: invalid opcode at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xd8"
			 :
			 : "a"(0xffff800000000000ull)
			 : "memory");
	return "it went on";
}
