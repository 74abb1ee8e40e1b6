/* SPDX-License-Identifier: MIT */
/*
 * Entry of the root kernel by the PVH boot ABI: 32-bit protected mode, paging
 * off, EBX = struct pvh_start_info, no stack. The image may be at any 2 MiB
 * boundary, so this code finds out where it is, maps the image at its virtual
 * base and the first 4 GiB one to one, and goes on in 64-bit mode at the
 * virtual base. Xen "x86/HVM direct boot ABI".
 */

#define VIRT             0xffffffffc0000000
/* Offset of a symbol from the image's first byte. */
#define OFF(sym)         ((sym) - VIRT)

#define SCRATCH          0xff8
#define IMAGE_2M_PAGES   8
#define PTE_PW           0x003
#define PTE_PW_LARGE     0x083
#define CR4_PAE          0x20
#define CR0_PG_WP        0x80010000
#define MSR_EFER         0xc0000080
#define EFER_LME         0x100

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long 0x200000 + OFF(root_entry)

	.section .text.entry, "ax"
	.code32
	.globl root_entry
root_entry:
	cli
	cld
	/*
	 * A stack for one call, to learn where this is: start_info may be read
	 * only, but every PC has memory behind the BIOS data area. What was
	 * there is put back.
	 */
	movl	SCRATCH, %edx
	movl	$SCRATCH + 4, %esp
	call	1f
1:	popl	%ebp
	movl	%edx, SCRATCH
	subl	$OFF(1b), %ebp		/* EBP: physical address of the image */
	leal	OFF(boot_stack_top)(%ebp), %esp

	/* The first 4 GiB one to one, as large pages. */
	leal	OFF(boot_pd)(%ebp), %edi
	xorl	%ecx, %ecx
2:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$PTE_PW_LARGE, %eax
	movl	%eax, (%edi,%ecx,8)
	incl	%ecx
	cmpl	$2048, %ecx
	jne	2b

	leal	OFF(boot_pd) + PTE_PW(%ebp), %eax
	leal	OFF(boot_pdpt_low)(%ebp), %edi
	movl	%eax, (%edi)
	addl	$0x1000, %eax
	movl	%eax, 8(%edi)
	addl	$0x1000, %eax
	movl	%eax, 16(%edi)
	addl	$0x1000, %eax
	movl	%eax, 24(%edi)

	/* The image at its virtual base. */
	leal	PTE_PW_LARGE(%ebp), %eax
	leal	OFF(boot_pd_image)(%ebp), %edi
	xorl	%ecx, %ecx
3:	movl	%eax, (%edi,%ecx,8)
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$IMAGE_2M_PAGES, %ecx
	jne	3b

	leal	OFF(boot_pd_image) + PTE_PW(%ebp), %eax
	movl	%eax, OFF(boot_pdpt_image) + 511 * 8(%ebp)
	leal	OFF(boot_pdpt_low) + PTE_PW(%ebp), %eax
	movl	%eax, OFF(boot_pml4)(%ebp)
	leal	OFF(boot_pdpt_image) + PTE_PW(%ebp), %eax
	movl	%eax, OFF(boot_pml4) + 511 * 8(%ebp)

	/* Long mode. */
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	leal	OFF(boot_pml4)(%ebp), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG_WP, %eax
	movl	%eax, %cr0

	/* A GDT with 64-bit code, by a pointer built on the stack. */
	leal	OFF(boot_gdt)(%ebp), %eax
	subl	$8, %esp
	movw	$23, (%esp)
	movl	%eax, 2(%esp)
	lgdt	(%esp)
	addl	$8, %esp
	leal	OFF(4f)(%ebp), %eax
	pushl	$8
	pushl	%eax
	lret

	.code64
4:	movq	$5f, %rax		/* leave the identity map */
	jmp	*%rax
5:	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movq	$boot_stack_top, %rsp
	movl	%ebx, %edi
	movl	%ebp, %esi
	xorl	%ebp, %ebp		/* end of every backtrace */
	call	root_main
6:	hlt
	jmp	6b

	.section .rodata
	.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 8: 64-bit code */
	.quad	0x00cf93000000ffff	/* 16: data */

	.section .bss
	.balign 4096
boot_pml4:	.skip 4096
boot_pdpt_low:	.skip 4096
boot_pdpt_image: .skip 4096
boot_pd_image:	.skip 4096
boot_pd:	.skip 4 * 4096

	.section .note.GNU-stack, "", @progbits
