/* SPDX-License-Identifier: MIT */
/*
 * Blocks for deposits, each with a bit per page that is out. What is out is
 * the hypervisor's and must not be touched here.
 */
#include "rootpart/vm/deposit.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/bitmap.h"
#include "lib/list.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall_child.h"
#include "rootpart/mutex.h"
#include "rootpart/page_alloc.h"

#define BLOCK_PAGES 512u
#define BATCH       64u /* pages of one call: interrupts are off meanwhile */
#define MORE        8u  /* pages, where some were missing */

struct block {
	struct list_node link;
	u8 *base;
	u32 out_count;
	u64 out[BITMAP_WORDS(BLOCK_PAGES)]; /* bit per page */
};

static struct mutex lock = MUTEX_INIT(lock);
static struct list_node blocks = LIST_INIT(blocks);
static u64 pages_out;

static struct block *block_new(void)
{
	struct block *b = kzalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->base = page_alloc(PAGE_ORDER_2M);
	if (b->base == NULL) {
		kfree(b);
		return NULL;
	}
	list_push_back(&blocks, &b->link);
	return b;
}

static struct block *block_with_room(void)
{
	list_for_each(n, &blocks)
	{
		struct block *b = list_entry(n, struct block, link);

		if (b->out_count < BLOCK_PAGES)
			return b;
	}
	return block_new();
}

/* A page's GPFN, or 0. */
static u64 page_take(void)
{
	struct block *b = block_with_room();
	u32 i;

	if (b == NULL)
		return 0;
	i = bitmap_next_clear(b->out, BLOCK_PAGES, 0);
	bitmap_set(b->out, i);
	b->out_count++;
	return (gpa_of(b->base).a >> PAGE_SHIFT) + i;
}

static void page_put(u64 gpfn)
{
	list_for_each(n, &blocks)
	{
		struct block *b = list_entry(n, struct block, link);
		u64 i = gpfn - (gpa_of(b->base).a >> PAGE_SHIFT);

		if (i >= BLOCK_PAGES)
			continue;
		assert(bitmap_test(b->out, (u32)i));
		bitmap_clear(b->out, (u32)i);
		if (--b->out_count == 0) {
			list_remove(&b->link);
			(void)page_free(b->base, PAGE_ORDER_2M);
			kfree(b);
		}
		return;
	}
	assert(false);
}

/* Deposits up to @count pages; *@done of them are the hypervisor's now. */
static int give_batch(u64 id, u32 count, u32 *done)
{
	u64 gpfns[BATCH];
	u32 taken = 0;
	int r = 0;

	while (taken < count && (gpfns[taken] = page_take()) != 0)
		taken++;
	*done = 0;
	if (taken > 0)
		r = hypercall_deposit(id, gpfns, taken, done);
	for (u32 i = *done; i < taken; i++)
		page_put(gpfns[i]);
	pages_out += *done;
	return r == 0 && taken < count ? -ENOMEM : r;
}

int deposit_give(u64 id, u32 count)
{
	int r = 0;

	mutex_lock(&lock);
	while (count > 0 && r == 0) {
		u32 done;

		r = give_batch(id, MIN(count, BATCH), &done);
		count -= done;
	}
	mutex_unlock(&lock);
	return r;
}

bool deposit_more(u64 id, int r)
{
	return r == -ENOMEM && deposit_give(id, MORE) == 0;
}

u32 deposit_take_back(u64 id)
{
	u64 gpfns[BATCH];
	u32 total = 0, done;
	int r;

	mutex_lock(&lock);
	do {
		r = hypercall_withdraw(id, gpfns, BATCH, &done);
		for (u32 i = 0; i < done; i++)
			page_put(gpfns[i]);
		total += done;
	} while (r == 0);
	pages_out -= total;
	mutex_unlock(&lock);
	return total;
}

u64 deposit_pages_out(void)
{
	return pages_out;
}
