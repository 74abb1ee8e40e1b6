/* SPDX-License-Identifier: MIT */
/*
 * Entry of a test program under Linux, the system call, and calls of the
 * vDSO, all by the x86-64 ABI.
 */

	.text
	.globl _start
	.type _start, @function
_start:
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	andq	$-16, %rsp
	call	program_start
	ud2
	.size _start, . - _start

	/* s64 system_call(u64 number, u64 a, u64 b, u64 c, u64 d) */
	.globl system_call
	.type system_call, @function
system_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	syscall
	ret
	.size system_call, . - system_call

	.section .note.GNU-stack, "", @progbits
