/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h with CPUID by the test: it defines fake_cpuid(). The rest is that
 * of the next directory, which may be tests/unit/fake.
 */
#pragma once

#define cpuid cpuid_real
#include_next "x86/cpu.h"
#undef cpuid

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf);

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	return fake_cpuid(leaf, subleaf);
}
