/* SPDX-License-Identifier: MIT */
/*
 * Loads another address space.
 * why: general protection fault at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movq %%rax, %%cr3" : : : "memory");
	return "it went on";
}
