/* SPDX-License-Identifier: MIT */
/*
 * Saves the state of the FPU.
 * why: (device not available|invalid opcode) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("fxsave (%0)" : : "r"(WORKER_MAILBOX) : "memory");
	return "it went on";
}
