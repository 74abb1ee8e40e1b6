/* SPDX-License-Identifier: MIT */
/*
 * Makes system calls, and is interrupted, with stack pointers that are no
 * stack.
 * why: survived
 */
#include "tests/worker/lib/worker.h"

#include "base/errno.h"
#include "x86/cpu.h"

/* With RSP = @pointer: a system call, then spins until the TSC is @end. Its result. */
static s64 spin_on(u64 pointer, u64 end)
{
	s64 result = 99;

	__asm__ volatile("movq %%rsp, %%r12; movq %1, %%rsp\n"
			 "syscall\n"
			 "movq %%rax, %%r13\n"
			 "1: rdtsc; shlq $32, %%rdx; orq %%rdx, %%rax; cmpq %2, %%rax; jb 1b\n"
			 "movq %%r13, %%rax\n"
			 "movq %%r12, %%rsp"
			 : "+a"(result)
			 : "r"(pointer), "r"(end)
			 : "rcx", "rdx", "r11", "r12", "r13", "memory", "cc");
	return result;
}

const char *worker_test(void)
{
	static const u64 pointers[] = { 0, 1, 0x700000000000, 0x800000000000, 0xffff800000100000,
		0xffffd10000008000, 0xffffffffc0000000, ~0ull };

	for (u32 i = 0; i < ARRAY_SIZE(pointers); i++) {
		u64 in = (u64)worker_submit(WORKER_TIME, 0, 0, 0) + 1000000;

		(void)worker_submit(WORKER_TIMER, in, 0, 0);
		if (spin_on(pointers[i], rdtsc() + worker_start()->tsc_hz / 500) != -ENOSYS)
			return "a system call that does not exist did something";
	}
	return NULL;
}
