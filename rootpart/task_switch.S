/* SPDX-License-Identifier: MIT */
/*
 * void task_switch(u64 *save, u64 load): saves what the ABI says a callee
 * keeps, and the stack pointer to *save; goes on with the stack @load.
 * void task_start(void): where a new task's first switch returns to; R12
 * holds the function that task.c put there. Interrupts are off in both.
 */

	.text
	.globl task_switch
	.type task_switch, @function
task_switch:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size task_switch, . - task_switch

	.globl task_start
	.type task_start, @function
task_start:
	xorl	%ebp, %ebp
	call	*%r12
	ud2
	.size task_start, . - task_start

	.section .note.GNU-stack, "", @progbits
