/* SPDX-License-Identifier: MIT */
/*
 * Code that children of the test kernels run, 64-bit, CPL 0; child_code.h says
 * what each piece does.
 */
#include "tests/guest/lib/child_code.h"

	.section .rodata
	.code64

	.macro CODE name
	.balign 16
	.global \name
\name:
	.endm

	/* RDX: the time by the page at RBX, while its sequence is ESI; else to \again. */
	.macro TIME_BY_PAGE again
	movq 8(%rbx), %r8
	movq 16(%rbx), %r9
	lfence
	rdtsc
	lfence
	shlq $32, %rdx
	orq %rdx, %rax
	mulq %r8
	addq %r9, %rdx
	cmpl (%rbx), %esi
	jne \again
	.endm

	.macro END name
	.global \name\()_end
\name\()_end:
	.endm

	CODE code_halt
1:	incq (%rdi)
	sti
	hlt
	cli
	jmp 1b
	END code_halt

	/* Gate 2 leads to the second half. */
	CODE code_nmi_halt
	movl $0xfee00300, %ebx
	movl $0x44400, (%rbx)		/* NMI to ourselves */
1:	jmp 1b
	.org code_nmi_halt + CODE_NMI_HALT_HANDLER
	incq (%rdi)
	movl $0x44400, (%rbx)
2:	sti
	hlt
	jmp 2b
	END code_nmi_halt

	/* Gate 0x51 leads to the second half. */
	CODE code_self_halt
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
1:	cli
	movl $0x40051, 0x300(%rbx)	/* to ourselves */
	sti
	hlt
	jmp 1b
	.org code_self_halt + CODE_SELF_HALT_HANDLER
	incq (%rdi)
	movl $0, 0xb0(%rbx)		/* EOI */
	iretq
	END code_self_halt

	CODE code_count
	sti
1:	incq (%rdi)
	jmp 1b
	END code_count

	/* Gate CODE_TIMER_VECTOR leads to the second half. */
	CODE code_timer
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)		/* APIC on */
	movl $0xb, 0x3e0(%rbx)		/* divide by 1 */
	movl 8(%rdi), %eax		/* one-shot, or 0x20000: periodic */
	orl $CODE_TIMER_VECTOR, %eax
	movl %eax, 0x320(%rbx)
	movl 16(%rdi), %eax
	movl %eax, 0x380(%rbx)
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, 32(%rdi)
	sti
	cmpl $0, 24(%rdi)
	jne 2f
1:	hlt
	jmp 1b
2:	pause
	jmp 2b
	.org code_timer + CODE_TIMER_HANDLER
	pushq %rax
	pushq %rdx
	incq (%rdi)
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, 40(%rdi)
	movl $0, 0xb0(%rbx)
	popq %rdx
	popq %rax
	iretq
	END code_timer

	/* The same gate. VP 1 runs from CODE_IPI_TARGET on. */
	CODE code_ipi
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
4:	cmpl $0, 16(%rdi)		/* VP 1 is ready */
	je 4b
1:	incq 8(%rdi)
	movl $0x01000000, 0x310(%rbx)
	movl $CODE_TIMER_VECTOR, 0x300(%rbx)
2:	pause
	movq (%rdi), %rax
	cmpq 8(%rdi), %rax
	jb 2b
	jmp 1b
	.org code_ipi + CODE_IPI_TARGET
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
	incl 16(%rdi)
3:	sti
	hlt
	jmp 3b
	.org code_ipi + CODE_TIMER_HANDLER
	incq (%rdi)
	movl $0, 0xb0(%rbx)
	iretq
	END code_ipi

	CODE code_count_masked
1:	incq (%rdi)
	jmp 1b
	END code_count_masked

	CODE code_count_cpuid
	sti
1:	xorl %eax, %eax
	cpuid
	incq (%rdi)
	jmp 1b
	END code_count_cpuid

	CODE code_count_call
	sti
1:	movl %esi, %ecx
	xorl %edx, %edx
	call *%rbx
	incq (%rdi)
	jmp 1b
	END code_count_call

	/* The same gate. */
	CODE code_wake_count
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
	movl $0xb, 0x3e0(%rbx)
	movl $CODE_TIMER_VECTOR, 0x320(%rbx)
	movl 16(%rdi), %eax
	movl %eax, 0x380(%rbx)
	movq $1, 24(%rdi)
	sti
	hlt
1:	incq (%rdi)
	jmp 1b
	.org code_wake_count + CODE_TIMER_HANDLER
	movl $0, 0xb0(%rbx)
	iretq
	END code_wake_count

	CODE code_clock
	sti				/* Bochs' AMD-V keeps the host's interrupts back without it */
1:	movl (%rbx), %esi
	testl %esi, %esi
	jz 3f
	TIME_BY_PAGE 1b
	jmp 4f
3:	movl $0x40000020, %ecx
	rdmsr
	shlq $32, %rdx
	orq %rax, %rdx
	incq 24(%rdi)
4:	cmpq 8(%rdi), %rdx
	jae 5f
	incq 16(%rdi)
5:	movq %rdx, 8(%rdi)
	incq (%rdi)
	jmp 1b
	END code_clock

	CODE code_page_clock
	sti
1:	movl (%rbx), %esi
	testl %esi, %esi
	jz 1b
	TIME_BY_PAGE 1b
	cmpq 8(%rdi), %rdx
	jae 2f
	incq 16(%rdi)
2:	movq %rdx, 8(%rdi)
	incq (%rdi)
	jmp 1b
	END code_page_clock

	/* Gate CODE_TIMER_VECTOR leads to the second half. */
	CODE code_wait
	movl $0xfee00000, %ebx
	movl $0x1ff, 0xf0(%rbx)
	incq 16(%rdi)
1:	sti
	hlt
	cli
	jmp 1b
	.org code_wait + CODE_TIMER_HANDLER
	movl $0x40000020, %ecx
	rdmsr
	shlq $32, %rdx
	orq %rax, %rdx
	movq %rdx, 8(%rdi)
	incq (%rdi)
	movl $0, 0xb0(%rbx)
	iretq
	END code_wait

	CODE code_out
1:	outb %al, $0x80
	jmp 1b
	END code_out

	CODE code_state
	pcmpeqd %xmm3, %xmm3
	fldpi
	movq $0x123456789000, %rax
	movq %rax, %cr2
	movq %rax, %dr1
	swapgs
	movl $0xc0000082, %ecx		/* LSTAR, without an exit */
	movl $0x1000, %eax
	xorl %edx, %edx
	wrmsr
1:	outb %al, $0x80
	jmp 1b
	END code_state

	CODE code_call
	movl $0x40000000, %ecx
	movl $1, %eax
	xorl %edx, %edx
	wrmsr
	incl %ecx
	movl %ebx, %eax
	orl $1, %eax
	wrmsr
1:	movq %r12, %rcx
	movq %r13, %rdx
	movq %r14, %r8
	call *%rbx
	outb %al, $0x80
	jmp 1b
	END code_call

	CODE code_probe
	rdmsr
1:	outb %al, $0x80
	jmp 1b
	.org code_probe + CODE_PROBE_WRITE
	wrmsr
	jmp 1b
	.org code_probe + CODE_PROBE_CPUID
	cpuid
	jmp 1b
	.org code_probe + CODE_PROBE_FAULT
2:	outb %al, $0x81
	jmp 2b
	END code_probe

	CODE code_post
	movl $0x40000000, %ecx
	movl $1, %eax
	xorl %edx, %edx
	wrmsr
	incl %ecx
	movl %ebx, %eax
	orl $1, %eax
	wrmsr
	sti				/* nothing comes; it shows Bochs' ryzen the root's */
1:	movq (%rdi), %rax		/* number of this message */
	cmpq 8(%rdi), %rax
	jae 3f
	movq %rax, 16(%rsi)		/* payload */
2:	movl $0x5c, %ecx
	movq %rsi, %rdx
	xorl %r8d, %r8d
	call *%rbx
	testq %rax, %rax
	jnz 4f
	incq (%rdi)
	jmp 1b
4:	cmpq $0x13, %rax		/* its port is full */
	jne 3f
	incq 16(%rdi)
	pause
	jmp 2b
3:	outb %al, $0x80
	jmp 3b
	END code_post

	/* Gate CODE_TIMER_VECTOR leads to the second half. */
	CODE code_receive
	movl $0xfee00000, %ebp
	movl $0x1ff, 0xf0(%rbp)		/* APIC on */
	int $CODE_TIMER_VECTOR		/* what came before that */
1:	sti
	hlt
	jmp 1b
	.org code_receive + CODE_TIMER_HANDLER
	incq 24(%rdi)
	cmpl $0, (%rsi)
	je 3f
	movq 16(%rsi), %rax
	cmpq %rax, (%rdi)
	je 2f
	incq 8(%rdi)
2:	incq (%rdi)
	xorl %eax, %eax
	xchgl %eax, (%rsi)
	testb $1, 5(%rsi)
	jz 3f
	movl $0x40000084, %ecx		/* EOM */
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
3:	xorl %eax, %eax
	xchgq %rax, (%rbx)
	orq %rax, 16(%rdi)
	movl $0, 0xb0(%rbp)		/* EOI */
	iretq
	END code_receive

	/* Gate CODE_TIMER_VECTOR leads to the second half, which ends with no EOI. */
	CODE code_stamp
	movl $0xfee00000, %ebp
	movl $0x1ff, 0xf0(%rbp)
1:	sti
	hlt
	cli
	outb %al, $0x80
	jmp 1b
	.org code_stamp + CODE_TIMER_HANDLER
	rdtsc				/* RAX and RDX are nobody's */
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, (%rdi)
	xorl %eax, %eax
	movl %eax, (%rsi)
	movq %rax, (%rbx)
	iretq
	END code_stamp

	CODE code_stamp_call
	movl $0x40000000, %ecx
	movl $1, %eax
	xorl %edx, %edx
	wrmsr
	incl %ecx
	movl %ebx, %eax
	orl $1, %eax
	wrmsr
	sti				/* nothing comes; it shows Bochs' ryzen the root's */
1:	movq %r12, %rcx
	movq %r14, %r8
	rdtsc
	shlq $32, %rdx			/* from here on CODE_STAMP_OWN instructions */
	orq %rdx, %rax
	movq %rax, (%rdi)
	movq %r13, %rdx
	call *%rbx
	outb %al, $0x80
	jmp 1b
	END code_stamp_call

	.section .note.GNU-stack, "", @progbits
