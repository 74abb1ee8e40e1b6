/* SPDX-License-Identifier: MIT */
/*
 * Second-level tables: the radix tree of EPT and NPT, of which the vendor
 * supplies the bits. Entries are replaced by single 8-byte stores, so that a
 * processor walking the tables sees the old or the new mapping; a table is
 * filled before it is linked, and one that is linked no more keeps what it
 * says until no processor can be walking it: stale tables are linked through
 * the frame table.
 */
#include "hypervisor/slat.h"

#include "base/assert.h"
#include "hypervisor/deposit.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat_impl.h"
#include "lib/string.h"

u64 *slat_below(u64 entry)
{
	return spa_to_virt(SPA(entry & PTE_ADDR));
}

static u64 *reserve_take(struct slat_reserve *r)
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

static void reserve_give(struct slat_reserve *r, void *t)
{
	*(void **)t = r->freed;
	r->freed = t;
	r->freed_pages++;
}

u64 *slat_table_take(struct slat *slat)
{
	return slat->deposit ? deposit_take(slat->deposit) : reserve_take(&slat->reserve);
}

void slat_table_retire(struct slat *slat, u64 *table)
{
	frame_list_push(&slat->stale, virt_to_spa(table));
}

static void table_give(struct slat *slat, void *t)
{
	if (slat->deposit)
		deposit_give(slat->deposit, t);
	else
		reserve_give(&slat->reserve, t);
}

struct frame_list slat_stale(struct slat *slat)
{
	struct frame_list stale;

	spin_lock(&slat->lock);
	stale = slat->stale;
	slat->stale = (struct frame_list){ 0 };
	spin_unlock(&slat->lock);
	return stale;
}

void slat_free(struct slat *slat, struct frame_list tables)
{
	spa_t spa;

	spin_lock(&slat->lock);
	while (frame_list_pop(&tables, &spa))
		table_give(slat, spa_to_virt(spa));
	spin_unlock(&slat->lock);
}

static enum hv_status root_table(struct slat *slat, const struct slat_format *format)
{
	slat->format = format;
	slat->root = slat_table_take(slat);
	if (!slat->root)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	slat->root_spa = virt_to_spa(slat->root);
	return HV_STATUS_SUCCESS;
}

enum hv_status slat_init(struct slat *slat, const struct slat_format *format, u64 reserve)
{
	memset(slat, 0, sizeof(*slat));
	slat->reserve.fresh = pool_alloc_raw(reserve);
	if (!slat->reserve.fresh)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	slat->reserve.fresh_pages = slat->reserve.total = reserve;
	return root_table(slat, format);
}

enum hv_status slat_init_deposit(
	struct slat *slat, const struct slat_format *format, struct deposit *deposit)
{
	memset(slat, 0, sizeof(*slat));
	slat->deposit = deposit;
	return root_table(slat, format);
}

enum hv_status slat_split(struct slat *slat, u64 *e, u32 level)
{
	const struct slat_format *f = slat->format;
	u64 *t = slat_table_take(slat);
	u64 base = slat_leaf_spa(*e, level);

	if (!t)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	for (u32 i = 0; i < PT_ENTRIES; i++)
		t[i] = slat_leaf(slat, base + i * PT_SPAN(level - 1), level - 1,
			slat_leaf_access(slat, *e), f->type(*e, level));
	slat->pages[level]--;
	slat->pages[level - 1] += PT_ENTRIES;
	WRITE_ONCE(*e, f->table(virt_to_spa(t).a));
	return HV_STATUS_SUCCESS;
}

/* Finds the entry of @level for @gpa; makes tables and splits on the way. */
static enum hv_status entry_at(struct slat *slat, u64 gpa, u32 level, u64 **out)
{
	u64 *t = slat->root;

	for (u32 l = SLAT_TOP_LEVEL; l > level; l--) {
		u64 *e = &t[PT_INDEX(gpa, l)];

		if (!slat_is_present(slat, *e)) {
			u64 *below = slat_table_take(slat);

			if (!below)
				return HV_STATUS_INSUFFICIENT_MEMORY;
			WRITE_ONCE(*e, slat->format->table(virt_to_spa(below).a));
		} else if (slat_is_leaf(slat, *e, l)) {
			enum hv_status s = slat_split(slat, e, l);

			if (s != HV_STATUS_SUCCESS)
				return s;
		}
		t = slat_below(*e);
	}
	*out = &t[PT_INDEX(gpa, level)];
	return HV_STATUS_SUCCESS;
}

static void leaf_gone(struct slat *slat, u64 e, u32 level, struct frame_list *gone)
{
	slat->pages[level]--;
	for (u64 at = 0; gone && at < PT_SPAN(level); at += PAGE_SIZE)
		frame_list_push(gone, SPA(slat_leaf_spa(e, level) + at));
}

/* Retires the tables below @e and takes leaves off the count. */
static void drop_below(struct slat *slat, u64 e, u32 level, struct frame_list *gone)
{
	u64 *t;

	if (!slat_is_present(slat, e))
		return;
	if (slat_is_leaf(slat, e, level)) {
		leaf_gone(slat, e, level, gone);
		return;
	}
	t = slat_below(e);
	for (u32 i = 0; i < PT_ENTRIES; i++)
		drop_below(slat, t[i], level - 1, gone);
	slat_table_retire(slat, t);
}

static u32 level_for(const struct slat *slat, u64 addresses, u64 size, u32 max_level)
{
	u32 level = max_level == 3 && !slat->format->page1g ? 2 : max_level;

	while (level > 1 && (!IS_ALIGNED(addresses, PT_SPAN(level)) || size < PT_SPAN(level)))
		level--;
	return level;
}

static bool leaves_are_pages(const struct slat *slat)
{
	return slat->log >= SLAT_LOG_SPLITTING && slat->log <= SLAT_LOG_ON;
}

/* @access as a leaf has it that is made now. */
static u32 access_now(const struct slat *slat, u32 access)
{
	if (slat->log != SLAT_LOG_PROTECTING && slat->log != SLAT_LOG_ON)
		return access & SLAT_ALL;
	return access & SLAT_WRITE ? access | SLAT_LOGGED : access & ~(u32)SLAT_LOGGED;
}

enum hv_status slat_map(struct slat *slat, gpa_t gpa, spa_t spa, u64 size, u32 access,
	enum memtype type, u32 max_level)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	u64 at = gpa.a, to = spa.a, end = gpa.a + size;

	assert(IS_ALIGNED(at | to | size, PAGE_SIZE));
	spin_lock(&slat->lock);
	while (at < end) {
		u32 level =
			level_for(slat, at | to, end - at, leaves_are_pages(slat) ? 1 : max_level);
		u64 *e;
		u64 old;

		status = entry_at(slat, at, level, &e);
		if (status != HV_STATUS_SUCCESS)
			break;
		old = *e;
		WRITE_ONCE(*e, slat_leaf(slat, to, level, access_now(slat, access), type));
		drop_below(slat, old, level, NULL);
		slat->pages[level]++;
		at += PT_SPAN(level);
		to += PT_SPAN(level);
	}
	spin_unlock(&slat->lock);
	return status;
}

u64 *slat_walk(struct slat *slat, u64 gpa, u32 level, u32 *at)
{
	u64 *t = slat->root;

	for (u32 l = SLAT_TOP_LEVEL;; l--) {
		u64 *e = &t[PT_INDEX(gpa, l)];

		if (l == level || !slat_is_present(slat, *e) || slat_is_leaf(slat, *e, l)) {
			*at = l;
			return e;
		}
		t = slat_below(*e);
	}
}

/* @i: an entry that is empty, as its neighbours mostly are not. */
static bool table_is_empty(const u64 *t, u32 i)
{
	if ((i > 0 && t[i - 1]) || (i < PT_ENTRIES - 1 && t[i + 1]))
		return false;
	for (u32 j = 0; j < PT_ENTRIES; j++)
		if (t[j])
			return false;
	return true;
}

/* Takes tables out that have become empty; a deposit has better use for them. */
static void prune(struct slat *slat, u64 gpa)
{
	for (u32 level = 1; level < SLAT_TOP_LEVEL; level++) {
		u32 at;
		u64 *e = slat_walk(slat, gpa, level + 1, &at);

		if (at > level + 1 || !slat_is_present(slat, *e))
			continue;
		if (slat_is_leaf(slat, *e, at) ||
			!table_is_empty(slat_below(*e), PT_INDEX(gpa, level)))
			return;
		slat_table_retire(slat, slat_below(*e));
		WRITE_ONCE(*e, 0);
	}
}

/* Removes the largest whole thing at *at and moves on. */
static enum hv_status remove_one(struct slat *slat, u64 *at, u64 end, struct frame_list *gone)
{
	u32 level = level_for(slat, *at, end - *at, 3);
	u32 found;
	u64 *e = slat_walk(slat, *at, level, &found);
	u64 old = *e;

	if (slat_is_present(slat, old)) {
		if (found > level)
			return slat_split(slat, e, found);
		WRITE_ONCE(*e, 0);
		drop_below(slat, old, level, gone);
		if (slat->deposit)
			prune(slat, *at);
	}
	*at = ALIGN_DOWN(*at, PT_SPAN(found)) + PT_SPAN(found);
	return HV_STATUS_SUCCESS;
}

enum hv_status slat_remove(struct slat *slat, gpa_t gpa, u64 size, struct frame_list *gone)
{
	enum hv_status status = HV_STATUS_SUCCESS;
	u64 at = gpa.a, end = gpa.a + size;

	assert(IS_ALIGNED(at | size, PAGE_SIZE));
	spin_lock(&slat->lock);
	while (at < end && status == HV_STATUS_SUCCESS)
		status = remove_one(slat, &at, end, gone);
	spin_unlock(&slat->lock);
	return status;
}

enum hv_status slat_unmap(struct slat *slat, gpa_t gpa, u64 size)
{
	return slat_remove(slat, gpa, size, NULL);
}

/* Whether the leaves of @level in @t map one aligned range alike; @i: the one that changed. */
static bool is_uniform(const struct slat *slat, const u64 *t, u32 i, u32 level)
{
	u64 span = PT_SPAN(level);

	if (!slat_is_present(slat, t[0]) || !slat_is_leaf(slat, t[0], level) ||
		!IS_ALIGNED(slat_leaf_spa(t[0], level), PT_SPAN(level + 1)))
		return false;
	if ((i > 0 && t[i - 1] + span != t[i]) || (i < PT_ENTRIES - 1 && t[i] + span != t[i + 1]))
		return false;
	for (u32 j = 1; j < PT_ENTRIES; j++)
		if (t[j] != t[0] + j * span)
			return false;
	return true;
}

static void promote_to(struct slat *slat, u64 gpa, u32 level)
{
	u32 at;
	u64 *e = slat_walk(slat, gpa, level, &at);
	u64 *t;

	if (at != level || !slat_is_present(slat, *e) || slat_is_leaf(slat, *e, level))
		return;
	t = slat_below(*e);
	if (!is_uniform(slat, t, PT_INDEX(gpa, level - 1), level - 1))
		return;
	WRITE_ONCE(*e, slat_leaf(slat, slat_leaf_spa(t[0], level - 1), level,
			       slat_leaf_access(slat, t[0]), slat->format->type(t[0], level - 1)));
	slat_table_retire(slat, t);
	slat->pages[level - 1] -= PT_ENTRIES;
	slat->pages[level]++;
}

void slat_promote_locked(struct slat *slat, u64 gpa)
{
	if (leaves_are_pages(slat))
		return;
	promote_to(slat, gpa, 2);
	if (slat->format->page1g)
		promote_to(slat, gpa, 3);
}

void slat_promote(struct slat *slat, gpa_t gpa)
{
	spin_lock(&slat->lock);
	slat_promote_locked(slat, gpa.a);
	spin_unlock(&slat->lock);
}

bool slat_lookup(const struct slat *slat, gpa_t gpa, struct slat_mapping *out)
{
	const u64 *t = slat->root;

	if (gpa.a >= PT_SPAN(SLAT_TOP_LEVEL + 1))
		return false;
	for (u32 level = SLAT_TOP_LEVEL; level > 0; level--) {
		u64 e = READ_ONCE(t[PT_INDEX(gpa.a, level)]);

		if (!slat_is_present(slat, e))
			return false;
		if (slat_is_leaf(slat, e, level)) {
			out->spa = SPA(slat_leaf_spa(e, level) | (gpa.a & (PT_SPAN(level) - 1)));
			out->access = slat_leaf_access(slat, e);
			out->level = level;
			out->type = slat->format->type(e, level);
			return true;
		}
		t = slat_below(e);
	}
	return false;
}
