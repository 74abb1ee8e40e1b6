/* SPDX-License-Identifier: MIT */
/*
 * Finds all registers zero at the start, and those that a system call keeps
 * as they were after it.
 * why: survived
 */
#include "tests/worker/lib/worker.h"

/* RBX, RBP, RDI, RSI, RDX, R8, R9, R10, R12 to R15 as a system call leaves them. */
static void call_with_pattern(u64 *kept)
{
	__asm__ volatile("pushq %%rbp; pushq %%rax\n"
			 "movq $0x1111, %%rbx; movq $0x2222, %%rbp; movq $0x3333, %%rdi\n"
			 "movq $0x4444, %%rsi; movq $0x5555, %%rdx; movq $0x6666, %%r8\n"
			 "movq $0x7777, %%r9; movq $0x8888, %%r10; movq $0x9999, %%r12\n"
			 "movq $0xaaaa, %%r13; movq $0xbbbb, %%r14; movq $0xcccc, %%r15\n"
			 "movl $99, %%eax\n"
			 "syscall\n"
			 "popq %%rax\n"
			 "movq %%rbx, (%%rax); movq %%rbp, 8(%%rax); movq %%rdi, 16(%%rax)\n"
			 "movq %%rsi, 24(%%rax); movq %%rdx, 32(%%rax); movq %%r8, 40(%%rax)\n"
			 "movq %%r9, 48(%%rax); movq %%r10, 56(%%rax); movq %%r12, 64(%%rax)\n"
			 "movq %%r13, 72(%%rax); movq %%r14, 80(%%rax); movq %%r15, 88(%%rax)\n"
			 "popq %%rbp"
			 :
			 : "a"(kept)
			 : "rbx", "rdi", "rsi", "rdx", "r8", "r9", "r10", "r11", "rcx", "r12",
			 "r13", "r14", "r15", "memory", "cc");
}

const char *worker_test(void)
{
	u64 kept[12];

	if (worker_entry_bits != 0)
		return "not all registers were zero at the start";
	for (u32 i = 0; i < 1000; i++) {
		call_with_pattern(kept);
		for (u32 r = 0; r < ARRAY_SIZE(kept); r++) {
			if (kept[r] != 0x1111 * (u64)(r + 1))
				return "a register changed in a system call";
		}
	}
	return NULL;
}
