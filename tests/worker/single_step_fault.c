/* SPDX-License-Identifier: MIT */
/*
 * Sets the trap flag and runs an undefined instruction behind a load of SS, which holds
 * the debug exception back.
 * why: (debug exception|invalid opcode) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("movl %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); popfq; "
			 "movl %%ecx, %%ss; ud2"
			 :
			 :
			 : "rcx", "memory", "cc");
	return "it went on";
}
