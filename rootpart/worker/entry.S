/* SPDX-License-Identifier: MIT */
/*
 * Entry of the worker in ring 3, and its only way into the kernel.
 * include/worker/abi.h.
 */
#define STACK_TOP 0x70000000

	.section .text.entry, "ax"
	.code64
	.globl worker_entry
worker_entry:
	movl	$STACK_TOP, %esp
	xorl	%ebp, %ebp		/* end of every backtrace */
	call	worker_main
	ud2

/*
 * s64 worker_syscall(u64 number, u64 a, u64 b, u64 c, u64 d): SYSCALL takes
 * RCX and R11, which a C function may lose.
 */
	.text
	.globl worker_syscall
	.type worker_syscall, @function
worker_syscall:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	syscall
	ret
	.size worker_syscall, . - worker_syscall

	.section .note.GNU-stack, "", @progbits
