/* SPDX-License-Identifier: MIT */
/*
 * The tree: two levels of 512 pointers, then pages of 64 entries. TLFS ids of
 * ports and connections are chosen by their creator, mostly one after the other,
 * so that one page of entries serves many.
 */
#include "hypervisor/id_table.h"

#include "hypervisor/deposit.h"
#include "lib/string.h"

#define ENTRIES    (PAGE_SIZE / ID_TABLE_ENTRY)
#define POINTERS   (PAGE_SIZE / sizeof(void *))
#define LEAF_SHIFT 6u
#define MID_SHIFT  15u
#define ID_BITS    24u

static_assert(ENTRIES == 1u << LEAF_SHIFT);
static_assert(POINTERS == 1u << (MID_SHIFT - LEAF_SHIFT));
static_assert(POINTERS == 1u << (ID_BITS - MID_SHIFT));

/* Where the pointer to @id's page of pointers, or of entries, stands. */
static void **mid_of(void *root, u32 id)
{
	return (void **)root + (id >> MID_SHIFT);
}

static void **leaf_of(void *mid, u32 id)
{
	return (void **)mid + (id >> LEAF_SHIFT) % POINTERS;
}

static struct id_entry *entry_of(void *leaf, u32 id)
{
	return (struct id_entry *)(void *)((u8 *)leaf + id % ENTRIES * ID_TABLE_ENTRY);
}

void *id_table_find(const struct id_table *t, u32 id)
{
	void *page = t->root;
	struct id_entry *e;

	if (!id || id >> ID_BITS)
		return NULL;
	if (page)
		page = *mid_of(page, id);
	if (page)
		page = *leaf_of(page, id);
	if (!page)
		return NULL;
	e = entry_of(page, id);
	return e->id ? e : NULL;
}

static void *first_pointer(void *page)
{
	void **p = page;

	for (u32 i = 0; i < POINTERS; i++)
		if (p[i])
			return p[i];
	return NULL;
}

static struct id_entry *first_entry(void *leaf)
{
	for (u32 i = 0; i < ENTRIES; i++)
		if (entry_of(leaf, i)->id)
			return entry_of(leaf, i);
	return NULL;
}

/* No page of it is empty. */
void *id_table_first(const struct id_table *t)
{
	return t->root ? first_entry(first_pointer(first_pointer(t->root))) : NULL;
}

/* The page at *@at, a new one if there is none; NULL: nor is there memory. */
static void *grow(struct deposit *d, void **at)
{
	if (!*at)
		*at = deposit_take(d);
	return *at;
}

/* The page at *@at goes back if it is @empty. */
static void shrink(struct deposit *d, void **at, bool empty)
{
	if (!empty)
		return;
	deposit_give(d, *at);
	*at = NULL;
}

/* Takes the pages on @id's way back that have nothing in them. */
static void prune(struct id_table *t, struct deposit *d, u32 id)
{
	void **mid, **leaf;

	if (!t->root)
		return;
	mid = mid_of(t->root, id);
	if (*mid) {
		leaf = leaf_of(*mid, id);
		if (*leaf)
			shrink(d, leaf, !first_entry(*leaf));
		shrink(d, mid, !first_pointer(*mid));
	}
	shrink(d, &t->root, !first_pointer(t->root));
}

enum hv_status id_table_add(struct id_table *t, struct deposit *d, u32 id, void **entry)
{
	void *page;

	if (id_table_find(t, id))
		return HV_STATUS_OBJECT_IN_USE;
	page = grow(d, &t->root);
	if (page)
		page = grow(d, mid_of(page, id));
	if (page)
		page = grow(d, leaf_of(page, id));
	if (!page) {
		prune(t, d, id);
		return HV_STATUS_INSUFFICIENT_MEMORY;
	}
	entry_of(page, id)->id = id;
	*entry = entry_of(page, id);
	return HV_STATUS_SUCCESS;
}

void id_table_remove(struct id_table *t, struct deposit *d, u32 id)
{
	memset(id_table_find(t, id), 0, ID_TABLE_ENTRY);
	prune(t, d, id);
}
