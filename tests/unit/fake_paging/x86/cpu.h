/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h without INVLPG; CPUID is the test's, as in fake_cpuid.
 */
#pragma once

#define cpuid  cpuid_real
#define invlpg invlpg_real
#include_next "x86/cpu.h"
#undef cpuid
#undef invlpg

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf);

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	return fake_cpuid(leaf, subleaf);
}

static inline void invlpg(u64 va)
{
	(void)va;
}
