/* SPDX-License-Identifier: MIT */
/*
 * The system call that has no entry point.
 * why: (general protection fault|invalid opcode) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("sysenter" : : : "memory");
	return "it went on";
}
