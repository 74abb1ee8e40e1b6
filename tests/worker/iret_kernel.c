/* SPDX-License-Identifier: MIT */
/*
 * Returns to the kernel's code segment.
 * why: (general protection fault|page fault reading 0x6fff[0-9a-f]{4}) at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

const char *worker_test(void)
{
	__asm__ volatile("pushq $0x10; pushq $0; pushq $2; pushq $8; pushq $0; iretq"
			 :
			 :
			 : "memory");
	return "it went on";
}
