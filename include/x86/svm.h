/* SPDX-License-Identifier: MIT */
/*
 * Instructions and CPUID bits of AMD-V. AMD APM volume 2, 15.4 and 15.5.
 * VMRUN itself is in hypervisor/svm/run.S, since it changes every register.
 */
#pragma once

#include "base/types.h"

/* CPUID 8000_0001h ECX. */
#define CPUID_SVM      BIT(2)

#define CPUID_SVM_LEAF 0x8000000au
/* Its EDX; EBX is the number of ASIDs. */
#define CPUID_SVM_NPT      BIT(0)
#define CPUID_SVM_NEXT_RIP BIT(3)
#define CPUID_SVM_DECODE   BIT(7)

/* Stores the state that VMLOAD loads to the VMCB at physical address @vmcb. */
static inline void svm_vmsave(u64 vmcb)
{
	__asm__ volatile("vmsave %0" : : "a"(vmcb) : "memory");
}

/* Lets the processor take interrupts, NMIs and the like again. */
static inline void svm_stgi(void)
{
	__asm__ volatile("stgi" : : : "memory");
}
