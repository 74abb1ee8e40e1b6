/* SPDX-License-Identifier: MIT */
/*
 * Writes to the page that tells it of its child.
 * why: page fault writing 0x10000000 at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movb $0, (%0)" : : "r"(WORKER_START) : "memory");
	return "it went on";
}
