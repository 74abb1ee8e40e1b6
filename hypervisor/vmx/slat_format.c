/* SPDX-License-Identifier: MIT */
/*
 * Bits of EPT entries, for hypervisor/slat.c. Accessed and dirty bits are not
 * used. A leaf's memory type stands alone: the guest's PAT refines it.
 * Intel SDM volume 3, 29.3.2 and 29.3.7.
 */
#include "hypervisor/slat.h"
#include "hypervisor/vmx/vmx.h"
#include "x86/paging.h"

#define EPT_READ       BIT(0)
#define EPT_WRITE      BIT(1)
#define EPT_EXEC       BIT(2)
#define EPT_TYPE_SHIFT 3u
#define EPT_TYPE_MASK  7u
#define EPT_LARGE      BIT(7)

static_assert(EPT_READ == SLAT_READ && EPT_WRITE == SLAT_WRITE && EPT_EXEC == SLAT_EXEC);

static u64 table(u64 spa)
{
	return spa | EPT_READ | EPT_WRITE | EPT_EXEC;
}

/* Without READ, WRITE is a misconfiguration, and EXEC alone an option. */
static u64 leaf(u64 spa, u32 level, u32 access, enum memtype type)
{
	assert(access & SLAT_READ);
	return spa | (access & SLAT_ALL) | ((u64)type << EPT_TYPE_SHIFT) |
	       (level > 1 ? EPT_LARGE : 0);
}

static u32 access(u64 entry)
{
	return (u32)(entry & SLAT_ALL);
}

static enum memtype type(u64 entry, u32 level)
{
	(void)level;
	return (enum memtype)((entry >> EPT_TYPE_SHIFT) & EPT_TYPE_MASK);
}

struct slat_format vmx_slat_format = {
	.table = table,
	.leaf = leaf,
	.access = access,
	.type = type,
	.large = EPT_LARGE,
	.page1g = true, /* until a processor starts that lacks it */
};
