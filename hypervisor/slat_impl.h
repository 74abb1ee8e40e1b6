/* SPDX-License-Identifier: MIT */
/*
 * What the files of slat.h share: entries, and the tables' coming and going.
 * Under the slat's lock.
 */
#pragma once

#include "hypervisor/slat.h"
#include "x86/paging.h"

#define SLAT_TOP_LEVEL 4u
#define SLAT_GPA_END   BIT(SLAT_GPA_BITS)

/* Ignored by both vendors' processors in leaves: SDM volume 3, 29.3.2; APM volume 2, 5.4. */
#define ENTRY_LOGGED BIT(52)
#define ENTRY_DIRTY  BIT(53)

static inline bool slat_is_present(const struct slat *slat, u64 entry)
{
	return slat->format->access(entry) != 0;
}

static inline bool slat_is_leaf(const struct slat *slat, u64 entry, u32 level)
{
	return level == 1 || (entry & slat->format->large);
}

static inline u64 slat_leaf_spa(u64 entry, u32 level)
{
	return entry & PTE_ADDR & ~(PT_SPAN(level) - 1);
}

static inline u32 slat_leaf_access(const struct slat *slat, u64 entry)
{
	u32 access = slat->format->access(entry);

	if (entry & ENTRY_LOGGED)
		access |= SLAT_LOGGED | SLAT_WRITE;
	return entry & ENTRY_DIRTY ? access | SLAT_DIRTY : access;
}

static inline u64 slat_leaf(
	const struct slat *slat, u64 spa, u32 level, u32 access, enum memtype type)
{
	u32 rights = access & SLAT_ALL;

	if (access & SLAT_LOGGED && !(access & SLAT_DIRTY))
		rights &= ~(u32)SLAT_WRITE;
	return slat->format->leaf(spa, level, rights, type) |
	       (access & SLAT_LOGGED ? ENTRY_LOGGED : 0) | (access & SLAT_DIRTY ? ENTRY_DIRTY : 0);
}

u64 *slat_below(u64 entry);
/* A zeroed table, NULL if there is none. */
u64 *slat_table_take(struct slat *slat);
/* It is linked nowhere any more, but a processor may be walking it. */
void slat_table_retire(struct slat *slat, u64 *table);
/* Puts a table of equal, smaller leaves in the place of the leaf *e. */
enum hv_status slat_split(struct slat *slat, u64 *e, u32 level);
/* Where a walk for @gpa ends, at @level or above: *at is that level. */
u64 *slat_walk(struct slat *slat, u64 gpa, u32 level, u32 *at);
void slat_promote_locked(struct slat *slat, u64 gpa);
