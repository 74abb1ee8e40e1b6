/* SPDX-License-Identifier: MIT */
/*
 * A list is filled message by message. Every number in one is the guest's, and is checked against
 * what the header said, which was checked against itself.
 */
#include "vmbus/gpadl.h"

#include "base/errno.h"
#include "lib/string.h"
#include "vmbus/host.h"

#define RANGE_HEAD 8u /* a range's count and offset, in range_bytes */
#define RING_MIN   2u /* pages */

void vmbus_gpadls_init(struct vmbus_gpadls *t, const struct vmbus_host *host)
{
	*t = (struct vmbus_gpadls){ .host = host };
	list_init(&t->list);
}

struct vmbus_gpadl *vmbus_gpadl_named(const struct vmbus_gpadls *t, u32 id)
{
	list_for_each(l, &t->list)
	{
		struct vmbus_gpadl *g = list_entry(l, struct vmbus_gpadl, link);

		if (g->id == id)
			return g;
	}
	return NULL;
}

struct vmbus_gpadl *vmbus_gpadl_find(const struct vmbus_gpadls *t, u32 id)
{
	struct vmbus_gpadl *g = vmbus_gpadl_named(t, id);

	return g != NULL && g->filled == g->pages && !g->torn_down ? g : NULL;
}

bool vmbus_gpadl_holds_rings(const struct vmbus_gpadl *g, u32 downstream)
{
	return g->offset == 0 && g->bytes % VMBUS_PAGE == 0 && g->pages >= 2 * RING_MIN &&
	       downstream >= RING_MIN && downstream <= g->pages - RING_MIN;
}

void vmbus_gpadl_remove(struct vmbus_gpadls *t, struct vmbus_gpadl *g)
{
	list_remove(&g->link);
	t->count--;
	t->pages -= g->pages;
	t->host->free(g);
}

void vmbus_gpadls_clear(struct vmbus_gpadls *t)
{
	while (!list_empty(&t->list))
		vmbus_gpadl_remove(t, list_entry(t->list.next, struct vmbus_gpadl, link));
}

/* How many pages the range touches; 0: it makes no sense. */
static u32 pages_of(const struct vmbus_gpadl_header *h)
{
	u64 end = (u64)h->byte_offset + h->byte_count;

	if (h->byte_offset >= VMBUS_PAGE || h->byte_count == 0)
		return 0;
	return (u32)((end + VMBUS_PAGE - 1) / VMBUS_PAGE);
}

static int check(const struct vmbus_gpadls *t, const struct vmbus_gpadl_header *h)
{
	u32 pages = pages_of(h);

	if (h->range_count != 1 || pages == 0 || h->range_bytes != RANGE_HEAD + pages * 8ull)
		return -EINVAL;
	if (vmbus_gpadl_named(t, h->gpadl) != NULL)
		return -EEXIST;
	if (t->count == VMBUS_GPADLS_MAX || pages > VMBUS_GPADL_PAGES_MAX - t->pages)
		return -ENOSPC;
	return 0;
}

/* @count page numbers at @pfns, which need not be aligned. */
static int fill(const struct vmbus_gpadls *t, struct vmbus_gpadl *g, const void *pfns, u32 count)
{
	const struct vmbus_host *host = t->host;

	if (count == 0 || count > g->pages - g->filled)
		return -EINVAL;
	for (u32 i = 0; i < count; i++) {
		u64 pfn;

		memcpy(&pfn, (const u8 *)pfns + i * 8ull, sizeof(pfn));
		g->page[g->filled] = host->page(host->context, pfn);
		if (g->page[g->filled] == NULL)
			return -EFAULT;
		g->pfns[g->filled] = pfn;
		g->filled++;
	}
	return g->filled == g->pages;
}

/* What came behind @head bytes of a message; -EINVAL: no whole numbers. */
static int take(struct vmbus_gpadls *t, struct vmbus_gpadl *g, const void *message, u32 head,
	u32 size, struct vmbus_gpadl **out)
{
	u32 bytes = size - head;
	int r = fill(t, g, (const u8 *)message + head, bytes / 8);

	if (r < 0)
		vmbus_gpadl_remove(t, g);
	*out = r == 1 ? g : NULL;
	return r;
}

int vmbus_gpadl_begin(struct vmbus_gpadls *t, const struct vmbus_gpadl_header *h, u32 size,
	struct vmbus_gpadl **out)
{
	struct vmbus_gpadl *g;
	int r = size >= sizeof(*h) ? check(t, h) : -EINVAL;
	u32 pages;

	*out = NULL;
	if (r != 0)
		return r;
	pages = pages_of(h);
	g = t->host->alloc(sizeof(*g) + pages * (sizeof(g->page[0]) + sizeof(g->pfns[0])));
	if (g == NULL)
		return -ENOMEM;
	g->pfns = (u64 *)(void *)&g->page[pages];
	g->id = h->gpadl;
	g->relid = h->relid;
	g->offset = h->byte_offset;
	g->bytes = h->byte_count;
	g->pages = pages;
	list_push_back(&t->list, &g->link);
	t->count++;
	t->pages += pages;
	return take(t, g, h, sizeof(*h), size, out);
}

int vmbus_gpadl_continue(struct vmbus_gpadls *t, const struct vmbus_gpadl_body *b, u32 size,
	struct vmbus_gpadl **out, u32 *relid)
{
	struct vmbus_gpadl *g = size >= sizeof(*b) ? vmbus_gpadl_named(t, b->gpadl) : NULL;

	*out = NULL;
	if (g == NULL || g->filled == g->pages)
		return -ENOENT;
	*relid = g->relid;
	return take(t, g, b, sizeof(*b), size, out);
}
