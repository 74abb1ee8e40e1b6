/* SPDX-License-Identifier: MIT */
/*
 * Entry points of the hypervisor's own exceptions and interrupts: build a
 * struct trap_frame (trap.h), call trap_handle(), return. GS is the
 * hypervisor's throughout, so there is no SWAPGS. Also RDMSR and WRMSR with
 * fix-up, and the switch to another stack.
 */
	.section .text
	.balign 16
	.global trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if vector == 8 || vector == 10 || vector == 11 || vector == 12 || vector == 13 || vector == 14 || vector == 17 || vector == 21 || vector == 29 || vector == 30
	.else
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

	.balign 16
	.type trap_common, @function
trap_common:
	cld
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %rdi
	call trap_handle
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rbp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rbx
	popq %rax
	addq $16, %rsp
	iretq
	.size trap_common, . - trap_common

/* bool msr_read_safe(u32 msr, u64 *v) */
	.global msr_read_safe
	.type msr_read_safe, @function
msr_read_safe:
	movl %edi, %ecx
1:	rdmsr
	shlq $32, %rdx
	movl %eax, %eax
	orq %rdx, %rax
	movq %rax, (%rsi)
	movl $1, %eax
	ret
	.size msr_read_safe, . - msr_read_safe

/* bool msr_write_safe(u32 msr, u64 v) */
	.global msr_write_safe
	.type msr_write_safe, @function
msr_write_safe:
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
2:	wrmsr
	movl $1, %eax
	ret
	.size msr_write_safe, . - msr_write_safe

msr_failed:
	xorl %eax, %eax
	ret

	.pushsection .fixup, "a"
	.quad 1b, msr_failed
	.quad 2b, msr_failed
	.popsection

/* _Noreturn void stack_switch(u64 top, void (*fn)(void *), void *arg) */
	.global stack_switch
	.type stack_switch, @function
stack_switch:
	movq %rdi, %rsp
	xorl %ebp, %ebp
	movq %rdx, %rdi
	call *%rsi
3:	hlt
	jmp 3b
	.size stack_switch, . - stack_switch

/* void image_move(void *to, const void *from, u64 bytes, u64 cr3): copies the
 * running image and continues in the copy, at the same virtual addresses. */
	.global image_move
image_move:
	movq %rcx, %rax
	movq %rdx, %rcx
	shrq $3, %rcx
	rep movsq
	movq %rax, %cr3
	ret

	.section .note.GNU-stack, "", @progbits
