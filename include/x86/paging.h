/* SPDX-License-Identifier: MIT */
/*
 * Bits of ordinary (first-level) page-table entries and geometry of the radix
 * tree. Intel SDM volume 3, 4.5.
 */
#pragma once

#include "base/types.h"

#define PTE_P         BIT(0)
#define PTE_W         BIT(1)
#define PTE_U         BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_A         BIT(5)
#define PTE_D         BIT(6)
#define PTE_PS        BIT(7)
#define PTE_PAT_4K    BIT(7)
#define PTE_G         BIT(8)
#define PTE_PAT_LARGE BIT(12)
#define PTE_NX        BIT(63)
#define PTE_ADDR      0x000ffffffffff000ull

#define PT_ENTRIES    512u
/* Index into the table of @level (1 lowest to 4, or 5) for address @a. */
#define PT_INDEX(a, level) (((a) >> (12 + 9 * ((level)-1))) & 511)
/* Bytes that one entry of @level maps. */
#define PT_SPAN(level) (1ull << (12 + 9 * ((level)-1)))

/* Whether all bits above the 48 that four levels translate are as the highest of those. */
static inline bool linear_is_canonical(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

/* Page-fault error code. */
#define PF_P     BIT(0)
#define PF_W     BIT(1)
#define PF_U     BIT(2)
#define PF_RSVD  BIT(3)
#define PF_FETCH BIT(4)
