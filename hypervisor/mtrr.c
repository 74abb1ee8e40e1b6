/* SPDX-License-Identifier: MIT */
/*
 * Reading of the MTRRs, on the boot processor, once. The firmware sets all
 * processors' alike, and the root's writes are refused. What they mean is
 * memtype.c's. Intel SDM volume 3, 12.11.1 and 12.11.2.
 */
#include "hypervisor/mtrr.h"

#include "hypervisor/cpu.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define CPUID_1_EDX_MTRR BIT(12)

static struct mtrr_set set;

static const u32 fixed_msrs[] = {
	MSR_MTRR_FIX64K_00000,
	MSR_MTRR_FIX16K_80000,
	MSR_MTRR_FIX16K_A0000,
	MSR_MTRR_FIX4K_C0000,
	MSR_MTRR_FIX4K_C0000 + 1,
	MSR_MTRR_FIX4K_C0000 + 2,
	MSR_MTRR_FIX4K_C0000 + 3,
	MSR_MTRR_FIX4K_C0000 + 4,
	MSR_MTRR_FIX4K_C0000 + 5,
	MSR_MTRR_FIX4K_C0000 + 6,
	MSR_MTRR_FIX4K_C0000 + 7,
};
static_assert(ARRAY_SIZE(fixed_msrs) == MTRR_FIXED_COUNT);

void mtrr_init(void)
{
	set = (struct mtrr_set){ .phys_bits = this_cpu()->features.phys_bits };
	if (!(cpuid(1, 0).edx & CPUID_1_EDX_MTRR)) {
		/* Without MTRRs, only page tables restrict caching. */
		set.def_type = MTRR_DEF_ENABLE | MEMTYPE_WB;
		return;
	}
	set.cap = msr_read(MSR_MTRR_CAP);
	set.def_type = msr_read(MSR_MTRR_DEF_TYPE);
	for (u32 i = 0; i < MTRR_FIXED_COUNT && set.cap & MTRR_CAP_FIXED; i++)
		set.fixed[i] = msr_read(fixed_msrs[i]);
	for (u32 i = 0; i < MIN(MTRR_CAP_VCNT(set.cap), MTRR_VAR_MAX); i++) {
		set.var[i].base = msr_read(MSR_MTRR_PHYS_BASE(i));
		set.var[i].mask = msr_read(MSR_MTRR_PHYS_MASK(i));
	}
}

const struct mtrr_set *mtrr_set(void)
{
	return &set;
}
