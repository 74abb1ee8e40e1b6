/* SPDX-License-Identifier: MIT */
/*
 * An array of pages that doubles. A write first gets all the memory that it
 * needs, then changes the file. Any task, under the file system's lock.
 */
#include "rootpart/memfs_data.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"

#define INDEX_FIRST 8u

bool memfs_charge(struct memfs_budget *b, u64 bytes)
{
	if (bytes > b->limit - b->used)
		return false;
	b->used += bytes;
	return true;
}

static u8 *page_at(const struct memfs_data *d, u64 offset)
{
	u64 index = offset >> PAGE_SHIFT;

	return index < d->room ? d->pages[index] : NULL;
}

/* How much of @len bytes at @offset lies in the page that they begin in. */
static size_t piece(u64 offset, size_t len)
{
	return MIN(len, PAGE_SIZE - (offset & PAGE_MASK));
}

size_t memfs_data_read(const struct memfs_data *d, u64 offset, u8 *to, size_t len)
{
	if (offset >= d->size)
		return 0;
	len = MIN(len, d->size - offset);
	for (size_t done = 0, part; done < len; done += part) {
		u64 at = offset + done;
		const u8 *page = page_at(d, at);

		part = piece(at, len - done);
		if (page != NULL)
			memcpy(to + done, page + (at & PAGE_MASK), part);
		else
			memset(to + done, 0, part);
	}
	return len;
}

/* Chains go through the pages' first words; the rest of the pages is zero. */
static void *pop_page(void **chain)
{
	void **page = *chain;

	*chain = page[0];
	page[0] = NULL;
	return page;
}

static void free_pages(void *chain, u64 count, struct memfs_budget *b)
{
	while (chain != NULL)
		(void)page_free(pop_page(&chain), 0);
	b->used -= count * PAGE_SIZE;
}

static int get_pages(u64 count, struct memfs_budget *b, void **chain)
{
	*chain = NULL;
	if (!memfs_charge(b, count * PAGE_SIZE))
		return -ENOSPC;
	for (u64 i = 0; i < count; i++) {
		void **page = page_alloc_zeroed(0);

		if (page == NULL) {
			free_pages(*chain, count, b);
			return -ENOSPC;
		}
		page[0] = *chain;
		*chain = page;
	}
	return 0;
}

/* Makes the index hold page @end - 1. */
static int grow_index(struct memfs_data *d, struct memfs_budget *b, u64 end)
{
	u64 room = MAX(d->room, INDEX_FIRST);
	u64 more;
	void **pages;

	if (end <= d->room)
		return 0;
	while (room < end)
		room *= 2;
	more = (room - d->room) * sizeof(*pages);
	if (!memfs_charge(b, more))
		return -ENOSPC;
	pages = kzalloc(room * sizeof(*pages));
	if (pages == NULL) {
		b->used -= more;
		return -ENOSPC;
	}
	if (d->room > 0)
		memcpy(pages, d->pages, d->room * sizeof(*pages));
	kfree(d->pages);
	d->pages = pages;
	d->room = room;
	return 0;
}

/* Makes all pages [first, end) be there. */
static int fill(struct memfs_data *d, struct memfs_budget *b, u64 first, u64 end)
{
	u64 missing = 0;
	void *chain;
	int r;

	for (u64 i = first; i < end; i++)
		missing += i >= d->room || d->pages[i] == NULL;
	r = get_pages(missing, b, &chain);
	if (r != 0)
		return r;
	r = grow_index(d, b, end);
	if (r != 0) {
		free_pages(chain, missing, b);
		return r;
	}
	for (u64 i = first; i < end; i++) {
		if (d->pages[i] == NULL)
			d->pages[i] = pop_page(&chain);
	}
	return 0;
}

int memfs_data_write(
	struct memfs_data *d, struct memfs_budget *b, u64 offset, const u8 *from, size_t len)
{
	u64 end;
	int r;

	if (len == 0)
		return 0;
	/* A file never ends behind the limit, so that its index stays small. */
	if (__builtin_add_overflow(offset, len, &end) || end > b->limit)
		return -ENOSPC;
	r = fill(d, b, offset >> PAGE_SHIFT, (end + PAGE_MASK) >> PAGE_SHIFT);
	if (r != 0)
		return r;
	for (size_t done = 0, part; done < len; done += part) {
		u64 at = offset + done;

		part = piece(at, len - done);
		memcpy(page_at(d, at) + (at & PAGE_MASK), from + done, part);
	}
	d->size = MAX(d->size, end);
	return 0;
}

int memfs_data_resize(struct memfs_data *d, struct memfs_budget *b, u64 size)
{
	u8 *last = page_at(d, size);

	if (size > b->limit)
		return -ENOSPC;
	for (u64 i = (size + PAGE_MASK) >> PAGE_SHIFT; i < d->room; i++) {
		if (d->pages[i] == NULL)
			continue;
		(void)page_free(d->pages[i], 0);
		d->pages[i] = NULL;
		b->used -= PAGE_SIZE;
	}
	if (size < d->size && (size & PAGE_MASK) != 0 && last != NULL)
		memset(last + (size & PAGE_MASK), 0, PAGE_SIZE - (size & PAGE_MASK));
	d->size = size;
	return 0;
}

void memfs_data_free(struct memfs_data *d, struct memfs_budget *b)
{
	for (u64 i = 0; i < d->room; i++) {
		if (d->pages[i] == NULL)
			continue;
		(void)page_free(d->pages[i], 0);
		b->used -= PAGE_SIZE;
	}
	kfree(d->pages);
	b->used -= d->room * sizeof(*d->pages);
	*d = (struct memfs_data){ 0 };
}
