/* SPDX-License-Identifier: MIT */
/*
 * Lower halves of processes. Tables are made when a mapping needs them and
 * stay until the space goes. The kernel's half is shared below the root table
 * and never changes there (paging.c). Called by tasks that own the space.
 */
#include "rootpart/address_space.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "rootpart/paging.h"
#include "x86/paging.h"

/* In a leaf, ignored by the processor: the page goes with the mapping. */
#define PTE_OWNED BIT(9)

#define TABLE     (PTE_P | PTE_W | PTE_U)

/* An entry, and the level of the table that it is in. */
struct place {
	u64 *entry;
	u32 level;
};

static u64 *table_ptr(u64 entry)
{
	return gpa_ptr(GPA(entry & PTE_ADDR));
}

static bool is_leaf(const struct place *p)
{
	return p->level == 1 || (*p->entry & PTE_PS);
}

/* The leaf that maps @va, or the entry where tables end. */
static struct place find(const struct address_space *as, u64 va)
{
	struct place p = { .level = 4 };
	u64 *table = table_ptr(as->root);

	for (;; p.level--) {
		p.entry = &table[PT_INDEX(va, p.level)];
		if (!(*p.entry & PTE_P) || is_leaf(&p))
			return p;
		table = table_ptr(*p.entry);
	}
}

/* Puts a table into an empty entry. */
static int table_add(u64 *entry)
{
	void *table = page_alloc_zeroed(0);

	if (table == NULL)
		return -ENOMEM;
	*entry = gpa_of(table).a | TABLE;
	return 0;
}

/* Address after the last one that *p maps, or does not map. */
static u64 place_end(const struct place *p, u64 va)
{
	return ALIGN_DOWN(va, PT_SPAN(p->level)) + PT_SPAN(p->level);
}

static bool range_valid(u64 va, u64 size)
{
	return IS_ALIGNED(va | size, PAGE_SIZE) && size > 0 && va >= ADDRESS_SPACE_FIRST &&
	       va < ADDRESS_SPACE_END && size <= ADDRESS_SPACE_END - va;
}

static bool rights_valid(u32 rights)
{
	return !(rights & ~(ADDRESS_WRITE | ADDRESS_EXECUTE)) &&
	       rights != (ADDRESS_WRITE | ADDRESS_EXECUTE);
}

static u64 leaf_bits(u32 rights)
{
	u64 bits = PTE_P | PTE_U;

	if (rights & ADDRESS_WRITE)
		bits |= PTE_W;
	if (!(rights & ADDRESS_EXECUTE) && cpu_features()->nx)
		bits |= PTE_NX;
	return bits;
}

/* An empty entry for @va, of level 2 if a @large leaf is wanted and there is no table. */
static int place_make(const struct address_space *as, u64 va, bool large, struct place *p)
{
	for (;;) {
		*p = find(as, va);
		if (*p->entry & PTE_P)
			return -EEXIST;
		/* Where a table is left of small pages, there are small ones again. */
		if (p->level <= (large ? 2 : 1))
			return 0;
		if (table_add(p->entry) != 0)
			return -ENOMEM;
	}
}

static void give_back(void *page)
{
	int r = page_free(page, 0);

	/* Nobody does DMA to pages that only a process can name. */
	assert(r == 0);
}

static void leaf_clear(const struct place *p)
{
	u64 old = *p->entry;

	*p->entry = 0;
	if (old & PTE_OWNED)
		give_back(gpa_ptr(GPA(old & PTE_ADDR)));
}

/* Large leaves lie wholly inside. */
static void clear(const struct address_space *as, u64 va, u64 end)
{
	while (va < end) {
		struct place p = find(as, va);

		if (*p.entry & PTE_P)
			leaf_clear(&p);
		va = place_end(&p, va);
	}
}

int address_space_map(struct address_space *as, u64 va, gpa_t gpa, u64 size, u32 rights)
{
	u64 bits = leaf_bits(rights);
	u64 end = va + size;
	u64 pa = gpa.a;
	int r = 0;

	if (!range_valid(va, size) || !rights_valid(rights) || !IS_ALIGNED(pa, PAGE_SIZE) ||
		pa > PTE_ADDR || size > PTE_ADDR - pa)
		return -EINVAL;
	for (u64 at = va; at < end;) {
		bool large = IS_ALIGNED(at | pa, PAGE_2M) && end - at >= PAGE_2M;
		struct place p;

		r = place_make(as, at, large, &p);
		if (r != 0) {
			clear(as, va, at);
			break;
		}
		*p.entry = pa | bits | (p.level == 2 ? PTE_PS : 0);
		at += PT_SPAN(p.level);
		pa += PT_SPAN(p.level);
	}
	return r;
}

static int alloc_one(const struct address_space *as, u64 va, u64 bits)
{
	struct place p;
	int r = place_make(as, va, false, &p);
	void *page;

	if (r != 0)
		return r;
	page = page_alloc_zeroed(0);
	if (page == NULL)
		return -ENOMEM;
	*p.entry = gpa_of(page).a | bits | PTE_OWNED;
	return 0;
}

int address_space_alloc(struct address_space *as, u64 va, u64 size, u32 rights)
{
	u64 bits = leaf_bits(rights);
	int r = 0;

	if (!range_valid(va, size) || !rights_valid(rights))
		return -EINVAL;
	for (u64 at = va; r == 0 && at < va + size; at += PAGE_SIZE) {
		r = alloc_one(as, at, bits);
		if (r != 0)
			clear(as, va, at);
	}
	return r;
}

/* Makes @va a border between leaves: what was one large leaf maps the same as small ones. */
static int split(const struct address_space *as, u64 va)
{
	struct place p = find(as, va);
	u64 *table;

	if (p.level == 1 || !(*p.entry & PTE_P) || IS_ALIGNED(va, PAGE_2M))
		return 0;
	table = page_alloc_zeroed(0);
	if (table == NULL)
		return -ENOMEM;
	for (u64 i = 0; i < PT_ENTRIES; i++)
		table[i] = (*p.entry & ~PTE_PS) + i * PAGE_SIZE;
	*p.entry = gpa_of(table).a | TABLE;
	return 0;
}

int address_space_unmap(struct address_space *as, u64 va, u64 size)
{
	if (!range_valid(va, size))
		return -EINVAL;
	if (split(as, va) != 0 || split(as, va + size) != 0)
		return -ENOMEM;
	clear(as, va, va + size);
	if (this_cpu()->cr3 == as->root)
		paging_switch(as->root);
	return 0;
}

void *address_space_ptr(const struct address_space *as, u64 va)
{
	struct place p;

	if (va >= ADDRESS_SPACE_END)
		return NULL;
	p = find(as, va);
	if (!(*p.entry & PTE_P))
		return NULL;
	return (u8 *)table_ptr(*p.entry) + va % PT_SPAN(p.level);
}

int address_space_create(struct address_space *as)
{
	u64 *root = page_alloc_zeroed(0);

	if (root == NULL)
		return -ENOMEM;
	paging_copy_kernel_half(root);
	as->root = gpa_of(root).a;
	return 0;
}

/* Frees what the first @entries entries of a table lead to, and the table. */
static void table_free(u64 *table, u32 level, u32 entries)
{
	for (u32 i = 0; i < entries; i++) {
		struct place p = { .entry = &table[i], .level = level };

		if (!(*p.entry & PTE_P))
			continue;
		if (is_leaf(&p))
			leaf_clear(&p);
		else
			table_free(table_ptr(*p.entry), level - 1, PT_ENTRIES);
	}
	give_back(table);
}

void address_space_destroy(struct address_space *as)
{
	if (as->root == 0)
		return;
	assert(this_cpu()->cr3 != as->root);
	table_free(table_ptr(as->root), 4, PT_ENTRIES / 2);
	as->root = 0;
}
