/* SPDX-License-Identifier: MIT */
/*
 * A hypercall, which is the kernel's alone.
 * why: invalid opcode at 0x40[0-9a-f]{4}
 */
#include "tests/worker/lib/worker.h"

#include "x86/cpu.h"

const char *worker_test(void)
{
	bool amd = cpuid(0, 0).ecx == 0x444d4163; /* "cAMD" */

	/* HvCallGetVpIndexFromApicId or any other: RCX is its input. */
	if (amd)
		__asm__ volatile("vmmcall" : : "c"(0x40), "d"(0) : "rax", "memory");
	else
		__asm__ volatile("vmcall" : : "c"(0x40), "d"(0) : "rax", "memory");
	return "it went on";
}
