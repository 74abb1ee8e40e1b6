/* SPDX-License-Identifier: MIT */
/*
 * Entry points of the 256 vectors, TRAP_STUB_SIZE bytes apart. Each makes the
 * frame of trap.h on the stack that the processor chose and calls
 * trap_handle(); then everything is as it was.
 *
 * In the kernel GS is struct cpu's, in ring 3 the process's. What comes from
 * ring 3 swaps the two first and on its way back last; interrupts are off
 * there. NMI, double fault, machine check and debug exceptions may come between
 * a swap and the border, and in syscall.S on ring 3's stack: they have stacks
 * of their own, and look at where GS points.
 */
#include "rootpart/cpu_offsets.h"

#define VEC_DB       1
#define VEC_NMI      2
#define VEC_DF       8
#define VEC_MC       18

#define FRAME_CS     144
#define FRAME_RFLAGS 152
#define MSR_GS_BASE  0xc0000101
#define RFLAGS_AC    0x40000
#define BIT_AC       18

	.macro PUSH_REGISTERS
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	/* Vector and error code, too. */
	.macro POP_REGISTERS
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	.endm

	/* Ring 3's alignment check flag would let the kernel into ring 3's pages. */
	.macro CLEAR_AC
	btl	$BIT_AC, FRAME_RFLAGS(%rsp)
	jnc	8f
	pushfq
	andl	$~RFLAGS_AC, (%rsp)
	popfq
8:
	.endm

	.text
	.balign 16
	.globl trap_stubs
trap_stubs:
	vector = 0
	.rept 256
	.balign 16
	/* Vectors whose exception pushes an error code itself. */
	.if (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30) == 0
	pushq	$0
	.endif
	pushq	$vector
	.if vector == VEC_DB
	jmp	trap_debug
	.elseif vector == VEC_NMI || vector == VEC_DF || vector == VEC_MC
	jmp	trap_anywhere
	.else
	jmp	trap_common
	.endif
	vector = vector + 1
	.endr

	/* On the stack: vector, error code, RIP, CS. */
trap_common:
	testb	$3, 24(%rsp)
	jnz	trap_ring3
	PUSH_REGISTERS
	cld
	movq	%rsp, %rdi
	call	trap_handle
	POP_REGISTERS
	iretq

trap_ring3:
	swapgs
trap_ring3_swapped:
	PUSH_REGISTERS
	cld
	CLEAR_AC
	xorl	%ebp, %ebp		/* end of every backtrace */
	movq	%rsp, %rdi
	call	trap_handle
	cmpb	$0, %gs:CPU_ATTENTION
	jne	2f
1:	POP_REGISTERS
	swapgs
	iretq
2:	call	process_attend
	jmp	1b

	/*
	 * Ring 3 raises these at will and dies of it, so that its task has to be on
	 * its own stack: what the processor pushed goes there.
	 */
trap_debug:
	testb	$3, 24(%rsp)
	jz	trap_anywhere
	swapgs
	pushq	%rax
	movq	%rsp, %rax
	movq	%gs:CPU_KERNEL_STACK, %rsp
	pushq	56(%rax)
	pushq	48(%rax)
	pushq	40(%rax)
	pushq	32(%rax)
	pushq	24(%rax)
	pushq	16(%rax)
	pushq	8(%rax)
	movq	(%rax), %rax
	jmp	trap_ring3_swapped

	/* RBX: whether GS was ring 3's. The kernel's base is in the upper half. */
trap_anywhere:
	PUSH_REGISTERS
	cld
	CLEAR_AC
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	xorl	%ebx, %ebx
	testl	%edx, %edx
	js	1f
	swapgs
	incl	%ebx
1:	movq	%rsp, %rdi
	call	trap_handle
	testl	%ebx, %ebx
	jz	2f
	swapgs
2:	POP_REGISTERS
	iretq

	.section .note.GNU-stack, "", @progbits
