/* SPDX-License-Identifier: MIT */
/*
 * The bits of nested page-table entries, for hypervisor/slat.c: ordinary
 * 64-bit page-table entries, walked as user accesses, so U is always set.
 * Memory types go through the host's PAT, which must be left at its value
 * after reset. AMD APM volume 2, 15.25.
 */
#include "hypervisor/slat.h"

#include "hypervisor/svm/svm.h"
#include "x86/paging.h"

/* A is set from the start, and D in leaves: the processor need not write them. */
#define NPT_TABLE (PTE_P | PTE_W | PTE_U | PTE_A)
#define NPT_LEAF  (PTE_P | PTE_U | PTE_A | PTE_D)

/*
 * PAT after reset: WB, WT, UC-, UC, and the same four again. What stands here
 * is combined with the guest's own PAT and, by system address, with the
 * MTRRs. So UC- serves for UC: the MTRRs make devices uncached anyway, and a
 * guest's own WC, for a framebuffer, stays WC. The PAT has no WC and no WP:
 * UC- and WT are nearest. The upper copies tell those apart in type().
 */
static const struct {
	u8 type;
	u8 index;
} pat_index[] = {
	{ MEMTYPE_WB, 0 },
	{ MEMTYPE_WT, 1 },
	{ MEMTYPE_UC, 2 },
	{ MEMTYPE_WP, 5 },
	{ MEMTYPE_WC, 6 },
};

static u64 pat_bit(u32 level)
{
	return level == 1 ? PTE_PAT_4K : PTE_PAT_LARGE;
}

static u64 type_bits(enum memtype type, u32 level)
{
	u8 index = 2;

	for (u32 i = 0; i < ARRAY_SIZE(pat_index); i++)
		if (pat_index[i].type == type)
			index = pat_index[i].index;
	return (index & 1 ? PTE_PWT : 0) | (index & 2 ? PTE_PCD : 0) |
	       (index & 4 ? pat_bit(level) : 0);
}

static u64 npt_table(u64 spa)
{
	return spa | NPT_TABLE;
}

static u64 npt_leaf(u64 spa, u32 level, u32 access, enum memtype type)
{
	u64 e = spa | NPT_LEAF | type_bits(type, level);

	if (!access)
		return 0;
	if (access & SLAT_WRITE)
		e |= PTE_W;
	if (!(access & SLAT_EXEC))
		e |= PTE_NX;
	return level > 1 ? e | PTE_PS : e;
}

static u32 npt_access(u64 e)
{
	if (!(e & PTE_P))
		return 0;
	return SLAT_READ | (e & PTE_W ? SLAT_WRITE : 0) | (e & PTE_NX ? 0 : SLAT_EXEC);
}

static enum memtype npt_type(u64 e, u32 level)
{
	u8 index =
		(u8)((e & PTE_PWT ? 1 : 0) | (e & PTE_PCD ? 2 : 0) | (e & pat_bit(level) ? 4 : 0));

	for (u32 i = 0; i < ARRAY_SIZE(pat_index); i++)
		if (pat_index[i].index == index)
			return pat_index[i].type;
	return MEMTYPE_UC;
}

struct slat_format svm_slat_format = {
	.table = npt_table,
	.leaf = npt_leaf,
	.access = npt_access,
	.type = npt_type,
	.large = PTE_PS,
};
