/* SPDX-License-Identifier: MIT */
/*
 * Writes to its own code.
 * why: page fault writing 0x400000 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movb $0, (%0)" : : "r"(WORKER_IMAGE) : "memory");
	return "it went on";
}
