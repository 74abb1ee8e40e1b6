/* SPDX-License-Identifier: MIT */
/*
 * Entry of a guest test kernel by the PVH boot ABI, wherever it was loaded:
 * identity map of 512 GiB (4 GiB without 1 GiB pages), the image at its linked
 * address, 64-bit mode, then guest_start(start information, load address).
 * Also exception stubs and the recovery of guest_try().
 */
#define OFF(symbol) (symbol - 0xffffffff80000000)

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad OFF(guest_entry) + 0x200000

	.text
	.code32
	.global guest_entry
guest_entry:
	cli
	cld
	/* PVH gives no stack; below 640 KiB there is always RAM for one word. */
	movl $0x7c00, %esp
	call 1f
1:	popl %ebp
	subl $OFF(1b), %ebp
	movl %eax, OFF(boot_magic)(%ebp)	/* multiboot's, or nothing's */
	leal OFF(boot_stack_top)(%ebp), %esp
	leal OFF(pd)(%ebp), %esi
	movl $0x83, %eax
	movl $2048, %ecx
3:	movl %eax, (%esi)
	addl $0x200000, %eax
	addl $8, %esi
	loop 3b
	leal OFF(pdpt)(%ebp), %esi
	leal OFF(pd) + 3(%ebp), %eax
	movl $4, %ecx
4:	movl %eax, (%esi)
	addl $4096, %eax
	addl $8, %esi
	loop 4b
	movl $0x80000001, %eax
	pushl %ebx
	cpuid
	popl %ebx
	btl $26, %edx
	jnc 6f
	/* Entries 4 to 511 in 1 GiB pages; their upper halves are i / 4. */
	leal OFF(pdpt) + 32(%ebp), %esi
	movl $4, %ecx
5:	movl %ecx, %eax
	shll $30, %eax
	orl $0x83, %eax
	movl %eax, (%esi)
	movl %ecx, %eax
	shrl $2, %eax
	movl %eax, 4(%esi)
	addl $8, %esi
	incl %ecx
	cmpl $512, %ecx
	jne 5b
6:
	leal OFF(pd_image)(%ebp), %esi
	leal 0x83(%ebp), %eax
	movl %eax, (%esi)
	addl $0x200000, %eax
	movl %eax, 8(%esi)
	leal OFF(pd_image) + 3(%ebp), %eax
	movl %eax, OFF(pdpt_image) + 510 * 8(%ebp)
	leal OFF(pdpt) + 3(%ebp), %eax
	movl %eax, OFF(pml4)(%ebp)
	leal OFF(pdpt_image) + 3(%ebp), %eax
	movl %eax, OFF(pml4) + 511 * 8(%ebp)
	movl %cr4, %eax
	orl $0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	leal OFF(pml4)(%ebp), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x900, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010021, %eax
	andl $~0xc, %eax		/* no EM, TS */
	movl %eax, %cr0
	leal OFF(gdt)(%ebp), %eax
	movl %eax, OFF(gdt_pointer) + 2(%ebp)
	lgdt OFF(gdt_pointer)(%ebp)
	pushl $8
	leal OFF(7f)(%ebp), %eax
	pushl %eax
	lretl

	.code64
7:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl %ebx, %edi
	movl %ebp, %esi
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movq $guest_start, %rax
	call *%rax
8:	hlt
	jmp 8b

	.balign 16
	.global guest_stubs
guest_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
	.else
	pushq $0
	.endif
	pushq $vector
	jmp stub_common
	.set vector, vector + 1
	.endr

	.balign 16
stub_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	movq %rsp, %rdi
	movq %rsp, %rbx
	andq $-16, %rsp
	cld
	call guest_trap
	movq %rbx, %rsp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

/*
 * u32 guest_call_recover(void (*fn)(void *), void *arg, u64 *saved_sp): calls
 * fn(arg) and returns ~0; guest_recover(saved, value) makes it return value.
 */
	.global guest_call_recover
guest_call_recover:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	subq $8, %rsp
	movq %rsp, (%rdx)
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	movl $-1, %eax
9:	addq $8, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.global guest_recover
guest_recover:
	movq %rdi, %rsp
	movl %esi, %eax
	jmp 9b

/*
 * void guest_execute(const void *code, struct guest_regs *r): loads RAX, RBX,
 * RCX, RDX, RSI, RDI and R8 from *r, calls @code, stores them again.
 */
	.global guest_execute
guest_execute:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %rsi
	movq %rdi, %rbp
	movq %rsi, %r12
	movq (%r12), %rax
	movq 8(%r12), %rbx
	movq 16(%r12), %rcx
	movq 24(%r12), %rdx
	movq 32(%r12), %rsi
	movq 40(%r12), %rdi
	movq 48(%r12), %r8
	call *%rbp
	popq %r12
	movq %rax, (%r12)
	movq %rbx, 8(%r12)
	movq %rcx, 16(%r12)
	movq %rdx, 24(%r12)
	movq %rsi, 32(%r12)
	movq %rdi, 40(%r12)
	movq %r8, 48(%r12)
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* u64 guest_call_hypercall(page, control, input, output) */
	.global guest_call_hypercall
guest_call_hypercall:
	movq %rdi, %rax
	movq %rcx, %r8
	movq %rsi, %rcx
	call *%rax
	ret

	.global guest_vp_thunk
guest_vp_thunk:
	popq %rdi
	popq %rax
	call *%rax

	.data
	.balign 16
	.global gdt
gdt:	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cff3000000ffff		/* user data, 0x1b */
	.quad 0x00affb000000ffff		/* user code, 0x23 */
	.quad 0, 0				/* TSS, filled in C */
	.quad 0x00cf9b000000ffff		/* 32-bit code, 0x38 */
gdt_pointer:
	.word . - gdt - 1
	.quad 0
	.global boot_magic
boot_magic:
	.long 0

	.section .bss.page, "aw", @nobits
	.balign 4096
	.global pml4
pml4:	.skip 4096
pdpt:	.skip 4096
pdpt_image: .skip 4096
pd_image: .skip 4096
pd:	.skip 4 * 4096
	.skip 32768
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
