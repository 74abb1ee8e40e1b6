/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL from ring 3 to the syscall function of the process's owner, and the
 * first entry into ring 3. The processor has put the caller's RIP into RCX and
 * its flags into R11, and turned interrupts off; RSP is still the caller's and
 * may be anything. RCX is canonical, as SYSRET needs it: the last page of the
 * lower half is never mapped.
 */
#include "rootpart/cpu_offsets.h"

#define SEL_USER_DATA    0x1b
#define SEL_USER_CODE    0x23
#define RFLAGS_START     0x202

	.text
	.balign 16
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	swapgs
	movq	%rsp, %gs:CPU_USER_RSP
	movq	%gs:CPU_KERNEL_STACK, %rsp
	pushq	%gs:CPU_USER_RSP
	pushq	%rcx
	pushq	%r11
	pushq	%rbp
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%r8
	pushq	%r9
	pushq	%r10
	movq	%r10, %r9
	movq	%rdx, %r8
	movq	%rsi, %rcx
	movq	%rdi, %rdx
	movq	%rax, %rsi
	movq	%gs:CPU_CURRENT, %rax
	movq	TASK_PROCESS(%rax), %rdi
	movq	PROCESS_OPS(%rdi), %rax
	xorl	%ebp, %ebp		/* end of every backtrace */
	sti
	call	*OPS_SYSCALL(%rax)
	cli
	cmpb	$0, %gs:CPU_ATTENTION
	jne	2f
1:	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rbp
	popq	%r11
	popq	%rcx
	popq	%rsp
	swapgs
	sysretq
2:	pushq	%rax
	subq	$8, %rsp
	call	process_attend
	addq	$8, %rsp
	popq	%rax
	jmp	1b
	.size syscall_entry, . - syscall_entry

	/* void syscall_enter_ring3(u64 rip, u64 rsp) */
	.globl syscall_enter_ring3
	.type syscall_enter_ring3, @function
syscall_enter_ring3:
	pushq	$SEL_USER_DATA
	pushq	%rsi
	pushq	$RFLAGS_START
	pushq	$SEL_USER_CODE
	pushq	%rdi
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	swapgs
	iretq
	.size syscall_enter_ring3, . - syscall_enter_ring3

	.section .note.GNU-stack, "", @progbits
