/* SPDX-License-Identifier: MIT */
/*
 * Entry of a test program in ring 3, and the system call.
 */

	.text
	.globl worker_entry
worker_entry:
	orq	%rbx, %rax
	orq	%rcx, %rax
	orq	%rdx, %rax
	orq	%rsi, %rax
	orq	%rdi, %rax
	orq	%rbp, %rax
	orq	%r8, %rax
	orq	%r9, %rax
	orq	%r10, %rax
	orq	%r11, %rax
	orq	%r12, %rax
	orq	%r13, %rax
	orq	%r14, %rax
	orq	%r15, %rax
	movq	%rax, worker_entry_bits(%rip)
	call	worker_main
	ud2

	/* s64 worker_call(u64 number, u64 a, u64 b, u64 c, u64 d) */
	.globl worker_call
	.type worker_call, @function
worker_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	syscall
	ret
	.size worker_call, . - worker_call

	.bss
	.balign 8
	.globl worker_entry_bits
worker_entry_bits:
	.skip 8

	.section .note.GNU-stack, "", @progbits
