/* SPDX-License-Identifier: MIT */
/*
 * Calls itself until its stack is full.
 * why: page fault writing 0x6ffef[0-9a-f]{3} at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

static u64 deeper(volatile u64 depth)
{
	volatile u64 block[64];

	block[depth % 64] = depth;
	return depth == 0 ? 0 : deeper(depth + 1) + block[depth % 64];
}

const char *worker_test(void)
{
	return deeper(1) == 0 ? "it came to an end" : "it went on";
}
