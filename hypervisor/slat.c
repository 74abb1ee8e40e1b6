/* SPDX-License-Identifier: MIT */
/*
 * Second-level tables: the radix tree of EPT and NPT, of which the vendor
 * supplies the bits. Entries are replaced by single 8-byte stores, so that a
 * processor walking the tables sees the old or the new mapping; a table is
 * filled before it is linked. A table whose place a large leaf takes goes
 * back to the reserve only with slat_map() of a larger leaf, which happens at
 * boot alone, before any processor walks.
 */
#include "hypervisor/slat.h"

#include "base/assert.h"
#include "hypervisor/pool.h"
#include "lib/string.h"
#include "x86/paging.h"

#define ROOT_LEVEL 4u

static u64 *table_take(struct slat_reserve *r)
{
	u64 *t;

	if (r->freed) {
		t = r->freed;
		r->freed = *(void **)t;
		r->freed_pages--;
	} else if (r->fresh_pages) {
		t = (u64 *)r->fresh;
		r->fresh += PAGE_SIZE;
		r->fresh_pages--;
	} else {
		return NULL;
	}
	memset(t, 0, PAGE_SIZE);
	return t;
}

enum hv_status slat_init(struct slat *slat, const struct slat_format *format, u64 reserve)
{
	memset(slat, 0, sizeof(*slat));
	slat->format = format;
	slat->reserve.fresh = pool_alloc_raw(reserve);
	if (!slat->reserve.fresh)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	slat->reserve.fresh_pages = slat->reserve.total = reserve;
	slat->root = table_take(&slat->reserve);
	assert(slat->root);
	slat->root_spa = virt_to_spa(slat->root);
	return HV_STATUS_SUCCESS;
}

static bool is_present(const struct slat *slat, u64 entry)
{
	return slat->format->access(entry) != 0;
}

static bool is_leaf(const struct slat *slat, u64 entry, u32 level)
{
	return level == 1 || (entry & slat->format->large);
}

static u64 leaf_spa(u64 entry, u32 level)
{
	return entry & PTE_ADDR & ~(PT_SPAN(level) - 1);
}

/* Puts a table of equal, smaller leaves in the place of the leaf @e. */
static enum hv_status split(struct slat *slat, u64 *e, u32 level)
{
	const struct slat_format *f = slat->format;
	u64 *t = table_take(&slat->reserve);
	u64 base = leaf_spa(*e, level);

	if (!t)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	for (u32 i = 0; i < PT_ENTRIES; i++)
		t[i] = f->leaf(base + i * PT_SPAN(level - 1), level - 1, f->access(*e),
			f->type(*e, level));
	slat->pages[level]--;
	slat->pages[level - 1] += PT_ENTRIES;
	WRITE_ONCE(*e, f->table(virt_to_spa(t).a));
	return HV_STATUS_SUCCESS;
}

/* Finds the entry of @level for @gpa; makes tables and splits on the way. */
static enum hv_status entry_at(struct slat *slat, u64 gpa, u32 level, u64 **out)
{
	u64 *t = slat->root;

	for (u32 l = ROOT_LEVEL; l > level; l--) {
		u64 *e = &t[PT_INDEX(gpa, l)];

		if (!is_present(slat, *e)) {
			u64 *below = table_take(&slat->reserve);

			if (!below)
				return HV_STATUS_INSUFFICIENT_MEMORY;
			WRITE_ONCE(*e, slat->format->table(virt_to_spa(below).a));
		} else if (is_leaf(slat, *e, l)) {
			enum hv_status s = split(slat, e, l);

			if (s != HV_STATUS_SUCCESS)
				return s;
		}
		t = spa_to_virt(SPA(*e & PTE_ADDR));
	}
	*out = &t[PT_INDEX(gpa, level)];
	return HV_STATUS_SUCCESS;
}

/* Gives the tables below @e back to the reserve and takes leaves off the count. */
static void drop_below(struct slat *slat, u64 e, u32 level)
{
	u64 *t;

	if (!is_present(slat, e))
		return;
	if (is_leaf(slat, e, level)) {
		slat->pages[level]--;
		return;
	}
	t = spa_to_virt(SPA(e & PTE_ADDR));
	for (u32 i = 0; i < PT_ENTRIES; i++)
		drop_below(slat, t[i], level - 1);
	*(void **)t = slat->reserve.freed;
	slat->reserve.freed = t;
	slat->reserve.freed_pages++;
}

static u32 level_for(const struct slat *slat, u64 addresses, u64 size, u32 max_level)
{
	u32 level = max_level == 3 && !slat->format->page1g ? 2 : max_level;

	while (level > 1 && (!IS_ALIGNED(addresses, PT_SPAN(level)) || size < PT_SPAN(level)))
		level--;
	return level;
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	u64 at = gpa.a, to = spa.a, end = gpa.a + size;

	assert(IS_ALIGNED(at | to | size, PAGE_SIZE));
	spin_lock(&slat->lock);
	while (at < end) {
		u32 level = level_for(slat, at | to, end - at, max_level);
		u64 *e;
		u64 old;

		status = entry_at(slat, at, level, &e);
		if (status != HV_STATUS_SUCCESS)
			break;
		old = *e;
		WRITE_ONCE(*e, slat->format->leaf(to, level, access, type));
		drop_below(slat, old, level);
		slat->pages[level]++;
		at += PT_SPAN(level);
		to += PT_SPAN(level);
	}
	spin_unlock(&slat->lock);
	return status;
}

enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	u64 at = gpa.a, end = gpa.a + size;

	assert(IS_ALIGNED(at | size, PAGE_SIZE));
	spin_lock(&slat->lock);
	while (at < end) {
		u32 level = level_for(slat, at, end - at, 3);
		u64 *e;
		u64 old;

		status = entry_at(slat, at, level, &e);
		if (status != HV_STATUS_SUCCESS)
			break;
		old = *e;
		WRITE_ONCE(*e, 0);
		drop_below(slat, old, level);
		at += PT_SPAN(level);
	}
	spin_unlock(&slat->lock);
	return status;
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	const u64 *t = slat->root;

	for (u32 level = ROOT_LEVEL; level > 0; level--) {
		u64 e = READ_ONCE(t[PT_INDEX(gpa.a, level)]);

		if (!is_present(slat, e))
			return false;
		if (is_leaf(slat, e, level)) {
			out->spa = SPA(leaf_spa(e, level) | (gpa.a & (PT_SPAN(level) - 1)));
			out->access = slat->format->access(e);
			out->level = level;
			out->type = slat->format->type(e, level);
			return true;
		}
		t = spa_to_virt(SPA(e & PTE_ADDR));
	}
	return false;
}
