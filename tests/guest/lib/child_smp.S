/* SPDX-License-Identifier: MIT */
/*
 * Code of children with several VPs; child_smp.h says what each piece does.
 */
#include "tests/guest/lib/child_smp.h"

#define MSR_APIC_BASE 0x1b
#define X2APIC_SVR    0x80f
#define X2APIC_ICR    0x830

	.section .rodata
	.code64

	.balign 16
	.global smp_boss_code
smp_boss_code:
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
	sti
1:	incq 56(%rdi)
	movq (%rdi), %rax
	cmpl $SMP_BOSS_PAGE, %eax
	je 2f
	cmpl $SMP_BOSS_MSR, %eax
	je 3f
	cmpl $SMP_BOSS_STORM, %eax
	je 4f
	cmpl $SMP_BOSS_READ, %eax
	je 6f
	pause
	jmp 1b
2:	movl 8(%rdi), %eax
	movl %eax, 0x310(%rbx)
	movl 16(%rdi), %eax
	movl %eax, 0x300(%rbx)
	jmp 7f
3:	movl 8(%rdi), %ecx
	movl 16(%rdi), %eax
	movl 20(%rdi), %edx
	wrmsr
	jmp 7f
4:	movl 8(%rdi), %ecx
	movl $0x01000000, 0x310(%rbx)
	movl 16(%rdi), %eax
5:	movl %eax, 0x300(%rbx)
	decl %ecx
	jnz 5b
	jmp 7f
6:	movl 8(%rdi), %ecx
	rdmsr
	movl %eax, 64(%rdi)
	movl %edx, 68(%rdi)
7:	movq $0, (%rdi)
	jmp 1b

	.org smp_boss_code + SMP_BOSS_HANDLER
	pushq %rax
	pushq %rcx
	pushq %rdx
	incq 24(%rdi)
	movl 48(%rdi), %ecx
	testl %ecx, %ecx
	jz 8f
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	jmp 9f
8:	movl $0, 0xb0(%rbx)
9:	popq %rdx
	popq %rcx
	popq %rax
	iretq

	.org smp_boss_code + SMP_BOSS_EXTINT
	incq 40(%rdi)
	iretq

	.org smp_boss_code + SMP_BOSS_NMI
	incq 32(%rdi)
	iretq
	.global smp_boss_code_end
smp_boss_code_end:

	.code16
	.balign 16
	.global smp_vp_code
smp_vp_code:
	movl %edx, %esi
	movl $1, %eax
	cpuid
	shrl $24, %ebx
	movw %bx, %di			/* the APIC id */
	shlw $6, %bx
	movw $(SMP_RECORDS >> 4), %ax
	movw %ax, %ds
	movw $(SMP_STACKS >> 4), %ax
	movw %ax, %ss
	movw %di, %ax
	incw %ax
	shlw $8, %ax
	movw %ax, %sp
	movl %esi, 40(%bx)
	movl %cr0, %eax
	movl %eax, 44(%bx)
	movw %cs, 48(%bx)
	movl $MSR_APIC_BASE, %ecx
	rdmsr
	orl $0xc00, %eax
	wrmsr
	movl $X2APIC_SVR, %ecx
	movl $0x1ff, %eax
	xorl %edx, %edx
	wrmsr
	lock incl (%bx)
	movw 50(%bx), %ax
	cmpw $SMP_HALT, %ax
	je 2f
	cmpw $SMP_DEAD, %ax
	je 3f
	cmpw $SMP_SELF, %ax
	je 4f
	cmpw $SMP_STORM, %ax
	je 5f
	cmpw $SMP_MASKED, %ax
	je 1f
	sti
1:	incl 8(%bx)
	jmp 1b
2:	sti
	hlt
	incl 8(%bx)
	jmp 2b
3:	cli
	hlt
	incl 8(%bx)
	jmp 3b
4:	movl $X2APIC_ICR, %ecx
	movl $0x4500, %eax
	movzwl %di, %edx
	wrmsr
	jmp 1b
5:	incl 8(%bx)
	rdtsc
	movl %eax, %edx
	shrl $3, %edx
	andl 60(%bx), %edx
	movl $X2APIC_ICR, %ecx
	movl $0x4500, %eax
	wrmsr
	movl $0x4600, %eax
	orl 56(%bx), %eax
	wrmsr
	jmp 5b

	.org smp_vp_code + SMP_VP_HANDLER
	incl 16(%bx)
	movl 52(%bx), %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	iretw

	.org smp_vp_code + SMP_VP_EXTINT
	incl 32(%bx)
	iretw

	.org smp_vp_code + SMP_VP_NMI
	incl 24(%bx)
	iretw
	.global smp_vp_code_end
smp_vp_code_end:

	.section .note.GNU-stack, "", @progbits
