/* SPDX-License-Identifier: MIT */
/*
 * Other modes of the processor for the guest test kernels: ring 3, and 32-bit
 * compatibility mode, which runs at the image's identity-mapped address.
 */
	.text
	.code64
/* void guest_enter_user(u64 rip, u64 rsp): never returns. */
	.global guest_enter_user
guest_enter_user:
	pushq $0x1b
	pushq %rsi
	pushq $2
	pushq $0x23
	pushq %rdi
	iretq

	.global guest_iret
guest_iret:
	movq %rsp, %rax
	xorl %ecx, %ecx
	movl %ss, %ecx
	pushq %rcx
	pushq %rax
	pushfq
	pushq $8
	leaq 1f(%rip), %rax
	pushq %rax
	iretq
1:	ret

	.global guest_run_on
guest_run_on:
	movq %rdi, %rsp
	movq %rdx, %rax
	movq %rcx, %rdi
	jmp *%rsi

/* void guest_compat(u32 *r, u64 code, u64 stack_top, u64 entry, u64 back) */
	.global guest_compat
guest_compat:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, saved_sp(%rip)
	/* Ring 3 leaves null selectors behind, which 64-bit mode does not mind. */
	movl $0x10, %eax
	movl %eax, %ss
	movl %eax, %ds
	movl %eax, %es
	movq %rsi, %rax
	movq %rdi, %rbp
	movq %rdx, %rsp
	pushq %r8		/* on the way back: offset, then selector 8 above it */
	movl $8, 4(%rsp)
	pushq %rax
	pushq $0x38
	pushq %rcx
	lretq

	.code32
	.global guest_compat_entry
guest_compat_entry:
	movl (%ebp), %eax
	movl 4(%ebp), %ebx
	movl 8(%ebp), %ecx
	movl 12(%ebp), %edx
	movl 16(%ebp), %esi
	movl 20(%ebp), %edi
	call *(%esp)
	movl %eax, (%ebp)
	movl %ebx, 4(%ebp)
	movl %ecx, 8(%ebp)
	movl %edx, 12(%ebp)
	movl %esi, 16(%ebp)
	movl %edi, 20(%ebp)
	addl $8, %esp
	lretl

	.code64
	.global guest_compat_back
guest_compat_back:
	movq saved_sp(%rip), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	movabsq $1f, %rax
	jmp *%rax
1:	ret

	.bss
	.balign 8
saved_sp:
	.skip 8

	.section .note.GNU-stack, "", @progbits
