/* SPDX-License-Identifier: MIT */
/*
 * Sets AC, NT, DF, ID and IOPL, is interrupted and makes system calls with
 * them.
 * why: survived
 */
#include "tests/worker/lib/worker.h"

#include "x86/cpu.h"

/* Sets the flags, makes a system call, and gives those that it came back with. */
static u64 set_flags(u64 flags)
{
	u64 number = 99;

	__asm__ volatile("pushfq; orq %2, (%%rsp); popfq; syscall; pushfq; popq %0; cld"
			 : "=&r"(flags), "+a"(number)
			 : "r"(flags)
			 : "rcx", "r11", "memory", "cc");
	return flags;
}

const char *worker_test(void)
{
	u64 flags = set_flags(0x247000 | RFLAGS_DF);

	worker_spin(20);
	if (flags & 0x3000)
		return "it has a privilege level for ports";
	if (!(flags & RFLAGS_AC) || !(flags & RFLAGS_NT))
		return "flags that are free to set were not set";
	return NULL;
}
