/* SPDX-License-Identifier: MIT */
/*
 * An AVX instruction.
 * why: invalid opcode at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile(".byte 0xc5, 0xf8, 0x57, 0xc0 /* vxorps */" : : : "memory");
	return "it went on";
}
