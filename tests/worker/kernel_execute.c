/* SPDX-License-Identifier: MIT */
/*
 * Jumps to the kernel's code.
 * why: page fault executing 0xffffffffc0000000 at 0xffffffffc0000000
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("jmp *%0" : : "r"(0xffffffffc0000000ull) : "memory");
	return "it went on";
}
