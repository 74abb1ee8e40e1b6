/* SPDX-License-Identifier: MIT */
/*
 * The end of a child's second-level tables, when none of its VPs is left:
 * frames are released and tables given back, 2 MiB of GPA space at a time, so
 * that the caller can stop between. What is left is in the tables themselves.
 */
#include "base/assert.h"
#include "hypervisor/deposit.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat_impl.h"

static bool first_present(const struct slat *slat, const u64 *t, u32 *index)
{
	for (u32 i = 0; i < PT_ENTRIES; i++) {
		if (!slat_is_present(slat, t[i]))
			continue;
		*index = i;
		return true;
	}
	return false;
}

/* Of a large leaf: 512 frames, the rest the next time. */
static void release_some(struct slat *slat)
{
	for (u32 i = 0; i < PT_ENTRIES && slat->drain_spa < slat->drain_end; i++) {
		frame_release_map(SPA(slat->drain_spa));
		slat->drain_spa += PAGE_SIZE;
	}
}

/* The last table: its leaves are pages. */
static void release_pages(struct slat *slat, const u64 *t)
{
	for (u32 i = 0; i < PT_ENTRIES; i++) {
		if (!slat_is_present(slat, t[i]))
			continue;
		frame_release_map(SPA(slat_leaf_spa(t[i], 1)));
		slat->pages[1]--;
	}
}

static void take_leaf(struct slat *slat, u64 e, u32 level)
{
	slat->drain_spa = slat_leaf_spa(e, level);
	slat->drain_end = slat->drain_spa + PT_SPAN(level);
	slat->pages[level]--;
	release_some(slat);
}

/* Takes out the first leaf, last-level table or empty table there is. */
static void drain_first(struct slat *slat)
{
	u64 *t = slat->root;
	u64 *link = NULL;

	for (u32 level = SLAT_TOP_LEVEL;; level--) {
		u32 i;

		if (level > 1 && first_present(slat, t, &i)) {
			if (!slat_is_leaf(slat, t[i], level)) {
				link = &t[i];
				t = slat_below(*link);
				continue;
			}
			take_leaf(slat, t[i], level);
			t[i] = 0;
			return;
		}
		if (level == 1)
			release_pages(slat, t);
		if (link)
			*link = 0;
		else
			slat->root = NULL;
		deposit_give(slat->deposit, t);
		return;
	}
}

bool slat_drain(struct slat *slat)
{
	slat_free(slat, slat_stale(slat));
	if (slat->drain_spa < slat->drain_end)
		release_some(slat);
	else if (slat->root)
		drain_first(slat);
	return !slat->root && slat->drain_spa == slat->drain_end;
}
