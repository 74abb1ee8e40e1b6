/* SPDX-License-Identifier: MIT */
/*
 * Saving and restoring FPU, SSE and further user state, by XSAVE where the
 * processor has it, else by FXSAVE. Intel SDM volume 1, chapters 10 and 13.
 */
#pragma once

#include "base/types.h"

#define FXSAVE_SIZE       512u
#define XSAVE_HEADER_SIZE 64u

/* Places in the legacy region of an area, bytes. */
#define FXSAVE_FCW        0u
#define FXSAVE_MXCSR      24u
#define FXSAVE_MXCSR_MASK 28u
#define FXSAVE_ST0        32u /* 16 bytes each, 10 of them used */
#define FXSAVE_XMM0       160u
/* Behind it, in the header: components that are not in their initial state. */
#define XSAVE_BV FXSAVE_SIZE

/* After FINIT, and after reset. */
#define FCW_DEFAULT   0x37fu
#define MXCSR_DEFAULT 0x1f80u
/* Where the processor tells no mask. */
#define MXCSR_MASK_DEFAULT 0xffbfu

/* @area: 64-byte aligned, as large as CPUID 0Dh says for the mask. */
static inline void xsave(void *area, u64 mask)
{
	__asm__ volatile("xsaveq (%0)"
			 :
			 : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

static inline void xrstor(const void *area, u64 mask)
{
	__asm__ volatile("xrstorq (%0)"
			 :
			 : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

/* @area: 16-byte aligned, FXSAVE_SIZE bytes. */
static inline void fxsave(void *area)
{
	__asm__ volatile("fxsaveq (%0)" : : "r"(area) : "memory");
}

static inline void fxrstor(const void *area)
{
	__asm__ volatile("fxrstorq (%0)" : : "r"(area) : "memory");
}

/* XMM0 to XMM5, as they are. */
static inline void xmm_read(u64 out[12])
{
	__asm__ volatile("movups %%xmm0, (%0)\n\t"
			 "movups %%xmm1, 16(%0)\n\t"
			 "movups %%xmm2, 32(%0)\n\t"
			 "movups %%xmm3, 48(%0)\n\t"
			 "movups %%xmm4, 64(%0)\n\t"
			 "movups %%xmm5, 80(%0)"
			 :
			 : "r"(out)
			 : "memory");
}

/* Makes x87's error pointers (FOP, FIP, FDP) say nothing of who used it before. */
static inline void x87_pointers_forget(void)
{
	static const u32 zero;

	__asm__ volatile("fnclex; emms; fildl %0" : : "m"(zero));
}
