/* SPDX-License-Identifier: MIT */
/*
 * Sets the trap flag.
 * why: debug exception at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
	return "it went on";
}
