/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page: the hypervisor lays its own code over it once
 * HV_MSR_HYPERCALL names it. Until then a call there faults.
 */

	.text
	.balign 4096
	.globl hypercall_page
	.type hypercall_page, @function
hypercall_page:
	.fill 4096, 1, 0xcc
	.size hypercall_page, . - hypercall_page

	.section .note.GNU-stack, "", @progbits
