/* SPDX-License-Identifier: MIT */
/*
 * u64 guest_call_xmm(const void *page, u64 control, u64 first, u64 second,
 * const u64 in[12], u64 out[12]): a fast hypercall with XMM0 to 5 from @in;
 * what they hold afterwards goes to @out.
 */
	.text
	.code64
	.global guest_call_xmm
guest_call_xmm:
	movups (%r8), %xmm0
	movups 16(%r8), %xmm1
	movups 32(%r8), %xmm2
	movups 48(%r8), %xmm3
	movups 64(%r8), %xmm4
	movups 80(%r8), %xmm5
	movq %rdi, %rax
	movq %rcx, %r8
	movq %rsi, %rcx
	pushq %r9
	call *%rax
	popq %r9
	movups %xmm0, (%r9)
	movups %xmm1, 16(%r9)
	movups %xmm2, 32(%r9)
	movups %xmm3, 48(%r9)
	movups %xmm4, 64(%r9)
	movups %xmm5, 80(%r9)
	ret

	.section .note.GNU-stack, "", @progbits
