/* SPDX-License-Identifier: MIT */
/*
 * An SSE instruction: there is no state for it.
 * why: (device not available|invalid opcode) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("xorps %%xmm0, %%xmm0" : : : "memory");
	return "it went on";
}
