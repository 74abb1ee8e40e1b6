/* SPDX-License-Identifier: MIT */
/*
 * Where components stand in a child's XSAVE areas, by its CPUID table. Intel SDM
 * volume 1, 13.4.
 */
#include "hypervisor/policy_cpuid.h"
#include "x86/xsave.h"

#define HEAD          (FXSAVE_SIZE + XSAVE_HEADER_SIZE)
#define FIRST         2u      /* component behind the head */
#define ECX_XSAVE     BIT(26) /* of leaf 1 */
#define ECX_ALIGNED64 BIT(1)  /* of a component's subleaf of leaf 0xD */

u32 cpuid_table_xsave_size(const struct cpuid_table *t, u64 states)
{
	u32 size = HEAD;

	if (!(t->basic[1].ecx & ECX_XSAVE))
		return 0;
	for (u32 i = FIRST; i < CPUID_TABLE_XSAVE; i++)
		if (states >> i & 1)
			size = MAX(size, t->xsave[i].ebx + t->xsave[i].eax);
	return size;
}

u32 cpuid_table_compacted(const struct cpuid_table *t, u64 states, u32 component)
{
	u32 at = HEAD;

	for (u32 i = FIRST; i < CPUID_TABLE_XSAVE; i++) {
		if (!(states >> i & 1))
			continue;
		if (t->xsave[i].ecx & ECX_ALIGNED64)
			at = (u32)ALIGN_UP(at, 64);
		if (i == component)
			break;
		at += t->xsave[i].eax;
	}
	return at;
}
