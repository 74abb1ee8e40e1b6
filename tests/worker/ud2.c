/* SPDX-License-Identifier: MIT */
/*
 * An undefined instruction.
 * why: invalid opcode at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("ud2" : : : "memory");
	return "it went on";
}
