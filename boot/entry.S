/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's first instructions: multiboot2 header, and the way from
 * GRUB's 32-bit protected mode to 64-bit C at the linked address. Runs once,
 * on the boot processor, wherever the image was loaded (2 MiB-aligned).
 * Multiboot2 specification 2.0, 3.1 to 3.3.
 */
#define HEADER_MAGIC 0xe85250d6
#define LOADER_MAGIC 0x36d76289

#define CR0_PG_WP_PE 0x80010001
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

/* Offset of a symbol in the image, wherever that is loaded. */
#define OFF(symbol) (symbol - 0xffffffff80000000)

#define PTE_TABLE 0x03
#define PTE_LARGE 0x83

	.section .multiboot2, "a"
	.balign 8
header:
	.long HEADER_MAGIC
	.long 0				/* i386, 32-bit protected mode */
	.long header_end - header
	.long -(HEADER_MAGIC + (header_end - header))

	.balign 8			/* information request */
	.word 1, 0
	.long 8 + 4 * 5
	.long 1, 3, 6, 9, 21		/* command line, modules, memory, ELF, load base */
	.balign 8			/* console: EGA text is welcome */
	.word 4, 1
	.long 12
	.long 2
	.balign 8			/* framebuffer: any; grub.cfg chooses the mode */
	.word 5, 1
	.long 20
	.long 0, 0, 0
	.balign 8			/* modules page-aligned */
	.word 6, 0
	.long 8
	.balign 8			/* relocatable: 1 MiB to 4 GiB, 2 MiB steps, lowest */
	.word 10, 0
	.long 24
	.long 0x100000, 0xffffffff, 0x200000, 1
	.balign 8			/* end */
	.word 0, 0
	.long 8
header_end:

	.section .boot, "ax"
	.code32
	.global boot_entry
boot_entry:
	cli
	cld
	/* The information structure's reserved word is all the stack we have. */
	leal 8(%ebx), %esp
	call 1f
1:	popl %ebp
	subl $OFF(1b), %ebp		/* EBP: where the image is */
	leal OFF(boot_stack_top)(%ebp), %esp
	cmpl $LOADER_MAGIC, %eax
	movl $OFF(message_loader), %esi
	jne boot_refuse

	/* CPUID exists wherever GRUB runs 64-bit images; long mode may not. */
	pushl %ebx
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	popl %ebx

	/* Time of the first instruction, as good as it gets. */
	rdtsc
	movl %eax, OFF(boot_tsc)(%ebp)
	movl %edx, OFF(boot_tsc) + 4(%ebp)

	/* Identity map of the first 4 GiB, in 2 MiB pages. */
	leal OFF(boot_pd)(%ebp), %edi
	movl $PTE_LARGE, %eax
	movl $2048, %ecx
2:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 2b
	leal OFF(boot_pdpt)(%ebp), %edi
	leal OFF(boot_pd) + PTE_TABLE(%ebp), %eax
	movl $4, %ecx
3:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 3b

	/* The image at its linked address, 16 MiB of it. */
	leal OFF(boot_pd_image)(%ebp), %edi
	leal PTE_LARGE(%ebp), %eax
	movl $8, %ecx
4:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 4b
	leal OFF(boot_pd_image) + PTE_TABLE(%ebp), %eax
	movl %eax, OFF(boot_pdpt_image) + 510 * 8(%ebp)
	leal OFF(boot_pdpt) + PTE_TABLE(%ebp), %eax
	movl %eax, OFF(boot_pml4)(%ebp)
	leal OFF(boot_pdpt_image) + PTE_TABLE(%ebp), %eax
	movl %eax, OFF(boot_pml4) + 511 * 8(%ebp)

	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	leal OFF(boot_pml4)(%ebp), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG_WP_PE, %eax
	movl %eax, %cr0

	/* Far return into 64-bit code, still at the identity-mapped address. */
	leal OFF(boot_gdt)(%ebp), %eax
	movl %eax, OFF(boot_gdt_pointer) + 2(%ebp)
	lgdt OFF(boot_gdt_pointer)(%ebp)
	pushl $8
	leal OFF(5f)(%ebp), %eax
	pushl %eax
	lretl

	.code64
5:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl %ebx, %edi				/* information structure */
	movl %ebp, %esi				/* load address */
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movq $hv_main, %rax
	call *%rax
6:	hlt
	jmp 6b

	.code32
no_long_mode:
	movl $OFF(message_long_mode), %esi

/* Prints the string at image offset ESI on COM1, VGA text and port 0xE9. */
boot_refuse:
	addl %ebp, %esi
	movl $0xb8000, %edi
7:	lodsb
	testb %al, %al
	jz 9f
	cmpb $' ', %al			/* line ends are for the others */
	jb 10f
	movb %al, (%edi)
	movb $0x4f, 1(%edi)
	addl $2, %edi
10:	outb %al, $0xe9
	movb %al, %bl
	movl $0x3fd, %edx
	movl $0x100000, %ecx
8:	inb %dx, %al
	testb $0x20, %al
	loopz 8b
	movb %bl, %al
	movl $0x3f8, %edx
	outb %al, %dx
	jmp 7b
9:	hlt
	jmp 9b

message_loader:
	.asciz "error: Verdigris was not started by a multiboot2 loader; boot it from GRUB with the multiboot2 command\r\n"
message_long_mode:
	.asciz "error: this processor has no 64-bit mode (long mode); choose a 64-bit machine\r\n"

	.section .data
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.long 0
	.balign 8
	.global boot_tsc
boot_tsc:
	.quad 0

	.section .bss.page, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pd_image:
	.skip 4096
boot_pd:
	.skip 4 * 4096
boot_stack:
	.skip 16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
