/* SPDX-License-Identifier: MIT */
/*
 * Start-up of the other processors: a page that smp.c copies below 1 MiB,
 * fills in, and points a STARTUP IPI at. Real mode to 64-bit mode in one
 * step, on the final page tables, which still have the identity map then.
 * Intel SDM volume 3, 8.4 and 9.8.5.
 */
#define CR0_PG_WP_NE_PE 0x80010021
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900

	.section .rodata
	.balign 16
	.global ap_trampoline, ap_trampoline_end
	.global ap_trampoline_cr3, ap_trampoline_stack, ap_trampoline_cpu
	.code16
ap_trampoline:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movzwl %ax, %ebx
	shll $4, %ebx				/* EBX: where this page is */
	leal (ap_gdt - ap_trampoline)(%ebx), %eax
	movl %eax, ap_gdt_pointer + 2 - ap_trampoline
	leal (ap_long - ap_trampoline)(%ebx), %eax
	movl %eax, ap_jump - ap_trampoline
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl ap_trampoline_cr3 - ap_trampoline, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME_NXE, %eax
	wrmsr
	lgdtl ap_gdt_pointer - ap_trampoline
	movl $CR0_PG_WP_NE_PE, %eax
	movl %eax, %cr0
	ljmpl *(ap_jump - ap_trampoline)

	.code64
ap_long:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq (ap_trampoline_stack - ap_trampoline)(%rbx), %rsp
	movq (ap_trampoline_cpu - ap_trampoline)(%rbx), %rdi
	xorl %ebp, %ebp
	movq $smp_ap_main, %rax
	call *%rax
1:	hlt
	jmp 1b

	.balign 8
ap_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
ap_gdt_pointer:
	.word . - ap_gdt - 1
	.long 0
	.balign 4
ap_jump:
	.long 0
	.word 8
	.balign 8
ap_trampoline_cr3:
	.quad 0
ap_trampoline_stack:
	.quad 0
ap_trampoline_cpu:
	.quad 0
ap_trampoline_end:

	.section .note.GNU-stack, "", @progbits
