/* SPDX-License-Identifier: MIT */
/*
 * void svm_enter(struct vp_regs *regs, u64 vmcb, u64 host): runs the guest
 * until its next exit. Called by run.c with interrupts off.
 *
 * V_INTR_MASKING makes the IF that VMRUN finds the guest's mask of physical
 * interrupts, so IF must be on there; GIF, off from CLGI on, holds everything
 * back until VMRUN sets it for the guest. An exit clears GIF again. What
 * ended the guest stays pending: CLI comes before STGI, so an interrupt waits
 * for the caller's own IF, and an NMI is taken at the STGI, by when the
 * hypervisor's GS, TR and frame pointer are back. AMD APM volume 2, 15.5, 15.17 and 15.21.
 */
#include "hypervisor/svm/run_regs.h"

	.section .text
	.balign 16
	.global svm_enter
	.type svm_enter, @function
svm_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdx
	pushq %rdi
	movq %rsi, %rax
	clgi
	sti
	vmload %rax
	movq REGS_RCX(%rdi), %rcx
	movq REGS_RDX(%rdi), %rdx
	movq REGS_RBX(%rdi), %rbx
	movq REGS_RBP(%rdi), %rbp
	movq REGS_RSI(%rdi), %rsi
	movq REGS_R8(%rdi), %r8
	movq REGS_R9(%rdi), %r9
	movq REGS_R10(%rdi), %r10
	movq REGS_R11(%rdi), %r11
	movq REGS_R12(%rdi), %r12
	movq REGS_R13(%rdi), %r13
	movq REGS_R14(%rdi), %r14
	movq REGS_R15(%rdi), %r15
	movq REGS_RDI(%rdi), %rdi
	vmrun %rax
	/* RAX and RSP are ours again, everything else is the guest's. */
	vmsave %rax
	popq %rax
	movq %rcx, REGS_RCX(%rax)
	movq %rdx, REGS_RDX(%rax)
	movq %rbx, REGS_RBX(%rax)
	movq %rbp, REGS_RBP(%rax)
	movq %rsi, REGS_RSI(%rax)
	movq %rdi, REGS_RDI(%rax)
	movq %r8, REGS_R8(%rax)
	movq %r9, REGS_R9(%rax)
	movq %r10, REGS_R10(%rax)
	movq %r11, REGS_R11(%rax)
	movq %r12, REGS_R12(%rax)
	movq %r13, REGS_R13(%rax)
	movq %r14, REGS_R14(%rax)
	movq %r15, REGS_R15(%rax)
	popq %rax
	vmload %rax
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	cli
	stgi
	ret
	.global svm_enter_end
svm_enter_end:
	.size svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
