/* SPDX-License-Identifier: MIT */
/*
 * Control, debug and extended control registers. Intel SDM volume 3, 2.5.
 */
#pragma once

#include "base/types.h"

#define CR0_PE         BIT(0)
#define CR0_MP         BIT(1)
#define CR0_EM         BIT(2)
#define CR0_TS         BIT(3)
#define CR0_ET         BIT(4)
#define CR0_NE         BIT(5)
#define CR0_WP         BIT(16)
#define CR0_AM         BIT(18)
#define CR0_NW         BIT(29)
#define CR0_CD         BIT(30)
#define CR0_PG         BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)

#define XCR0_X87       BIT(0)
#define XCR0_SSE       BIT(1)
#define XCR0_AVX       BIT(2)

#define X86_CR_ACCESSORS(name, reg)                                             \
	static inline u64 name##_read(void)                                     \
	{                                                                       \
		u64 v;                                                          \
		__asm__ volatile("movq %%" #reg ", %0" : "=r"(v) : : "memory"); \
		return v;                                                       \
	}                                                                       \
	static inline void name##_write(u64 v)                                  \
	{                                                                       \
		__asm__ volatile("movq %0, %%" #reg : : "r"(v) : "memory");     \
	}

X86_CR_ACCESSORS(cr0, cr0)
X86_CR_ACCESSORS(cr2, cr2)
X86_CR_ACCESSORS(cr3, cr3)
X86_CR_ACCESSORS(cr4, cr4)
X86_CR_ACCESSORS(cr8, cr8)
X86_CR_ACCESSORS(dr0, dr0)
X86_CR_ACCESSORS(dr1, dr1)
X86_CR_ACCESSORS(dr2, dr2)
X86_CR_ACCESSORS(dr3, dr3)
X86_CR_ACCESSORS(dr6, dr6)
X86_CR_ACCESSORS(dr7, dr7)

static inline u64 xcr0_read(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return ((u64)hi << 32) | lo;
}

static inline void xcr0_write(u64 v)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
