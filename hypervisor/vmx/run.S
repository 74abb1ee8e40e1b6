/* SPDX-License-Identifier: MIT */
/*
 * vmx_enter(regs, host_rsp, launched): into the guest and back. Only general
 * registers: RIP, RSP and RFLAGS are the VMCS's, CR2 and the rest run.c's.
 * RDI points to struct vp_regs, GPR_RAX first, in the order of instruction
 * encoding. Intel SDM volume 3, 27.1.
 */
#include "hypervisor/vmx/vmcs.h"

#define GPR(n) (8 * (n))(%rdi)

	.section .text
	.globl vmx_enter
	.type vmx_enter, @function
vmx_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi
	cmpq (%rsi), %rsp
	je 1f
	movq %rsp, (%rsi)
	movl $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
	jbe .Lrefused
1:
	testb %dl, %dl			/* the moves leave the flags alone */
	movq GPR(0), %rax
	movq GPR(1), %rcx
	movq GPR(2), %rdx
	movq GPR(3), %rbx
	movq GPR(5), %rbp
	movq GPR(6), %rsi
	movq GPR(8), %r8
	movq GPR(9), %r9
	movq GPR(10), %r10
	movq GPR(11), %r11
	movq GPR(12), %r12
	movq GPR(13), %r13
	movq GPR(14), %r14
	movq GPR(15), %r15
	movq GPR(7), %rdi
	jz 2f
	vmresume
	jmp .Lrefused
2:
	vmlaunch
.Lrefused:
	popq %rdi			/* the guest's registers stay as they were */
	movl $1, %eax
	jmp .Lreturn

	/* HOST_RIP. RSP is HOST_RSP: on top lies the pointer to vp_regs. */
	.globl vmx_exit_entry
	.type vmx_exit_entry, @object
vmx_exit_entry:
	pushq %rdi
	movq 8(%rsp), %rdi
	movq %rax, GPR(0)
	movq %rcx, GPR(1)
	movq %rdx, GPR(2)
	movq %rbx, GPR(3)
	movq %rbp, GPR(5)
	movq %rsi, GPR(6)
	popq GPR(7)
	movq %r8, GPR(8)
	movq %r9, GPR(9)
	movq %r10, GPR(10)
	movq %r11, GPR(11)
	movq %r12, GPR(12)
	movq %r13, GPR(13)
	movq %r14, GPR(14)
	movq %r15, GPR(15)
	popq %rdi
	xorl %eax, %eax
.Lreturn:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size vmx_enter, . - vmx_enter

	.section .note.GNU-stack, "", @progbits
