/* SPDX-License-Identifier: MIT */
/*
 * Buddy allocator. Each range of RAM is cut into the largest aligned blocks;
 * an allocation splits one, freeing joins a block with its buddy while that
 * is free, too. The buddy of a block cut at the start never lies wholly in its
 * range, and any other was described when its parent was split: so a
 * description that is read was written before. Any VP; one lock.
 */
#include "rootpart/page_alloc.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/lock.h"
#include "rootpart/page.h"

#define RANGES_MAX 64u
#define ORDERS     (PAGE_ORDER_MAX + 1)

enum zone { ZONE_LOW, ZONE_HIGH, ZONES }; /* below and above 4 GiB */

struct range {
	u64 meta;  /* first frame; the descriptions are there */
	u64 first; /* frame number of the first page that is given out */
	u64 end;
	struct page *pages; /* pages[0] describes frame meta */
};

static struct spinlock lock;
static struct range ranges[RANGES_MAX];
static u32 range_count;
static u32 free_lists[ZONES][ORDERS]; /* frame numbers, 0 if empty */
static struct page_stats stats;

u32 page_order(u64 size)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static const struct range *range_of(u64 frame)
{
	for (u32 i = 0; i < range_count; i++) {
		if (frame >= ranges[i].first && frame < ranges[i].end)
			return &ranges[i];
	}
	return NULL;
}

struct page *page_of(u64 frame)
{
	const struct range *r = range_of(frame);

	return r != NULL ? &r->pages[frame - r->meta] : NULL;
}

static u32 *list_of(u64 frame, u32 order)
{
	return &free_lists[frame < (4 * GIB) >> PAGE_SHIFT ? ZONE_LOW : ZONE_HIGH][order];
}

static void list_push(u64 frame, u32 order)
{
	u32 *head = list_of(frame, order);

	*page_of(frame) = (struct page){
		.next = *head,
		.state = PAGE_FREE,
		.order = (u8)order,
	};
	if (*head != 0)
		page_of(*head)->prev = (u32)frame;
	*head = (u32)frame;
}

static void list_unlink(u64 frame, u32 order)
{
	struct page *page = page_of(frame);

	if (page->prev != 0)
		page_of(page->prev)->next = page->next;
	else
		*list_of(frame, order) = page->next;
	if (page->next != 0)
		page_of(page->next)->prev = page->prev;
}

/* A free block of 2^order pages of @zone, split off if need be; 0 if none. */
static u64 block_take(enum zone zone, u32 order)
{
	u32 o = order;
	u64 frame;

	while (o < ORDERS && free_lists[zone][o] == 0)
		o++;
	if (o == ORDERS)
		return 0;
	frame = free_lists[zone][o];
	list_unlink(frame, o);
	while (o > order) {
		o--;
		list_push(frame + BIT(o), o);
	}
	return frame;
}

static void block_describe(u64 frame, u32 order)
{
	struct page *page = page_of(frame);

	page[0] = (struct page){ .state = PAGE_USED, .order = (u8)order };
	for (u64 i = 1; i < BIT(order); i++)
		page[i] = (struct page){ .state = PAGE_TAIL };
}

static void *alloc(enum zone first, u32 order)
{
	u64 frame = 0;
	u64 flags;

	if (order > PAGE_ORDER_MAX)
		return NULL;
	flags = lock_irq(&lock);
	if (first == ZONE_HIGH)
		frame = block_take(ZONE_HIGH, order);
	if (frame == 0)
		frame = block_take(ZONE_LOW, order);
	if (frame != 0) {
		block_describe(frame, order);
		stats.free -= BIT(order);
	}
	unlock_irq(&lock, flags);
	return frame != 0 ? gpa_ptr(GPA(frame << PAGE_SHIFT)) : NULL;
}

void *page_alloc(u32 order)
{
	return alloc(ZONE_HIGH, order);
}

void *page_alloc_low(u32 order)
{
	return alloc(ZONE_LOW, order);
}

void *page_alloc_zeroed(u32 order)
{
	void *p = page_alloc(order);

	if (p != NULL)
		memset(p, 0, PAGE_SIZE << order);
	return p;
}

/* Joins the block with its buddies as far as it goes, and lists it. */
static void block_give(u64 frame, u32 order)
{
	const struct range *r = range_of(frame);

	for (; order < PAGE_ORDER_MAX; order++) {
		u64 buddy = frame ^ BIT(order);
		const struct page *page;

		if (buddy < r->first || buddy + BIT(order) > r->end)
			break;
		page = &r->pages[buddy - r->meta];
		if (page->state != PAGE_FREE || page->order != order)
			break;
		list_unlink(buddy, order);
		page_of(MAX(frame, buddy))->state = PAGE_TAIL;
		frame = MIN(frame, buddy);
	}
	list_push(frame, order);
}

static bool block_pinned(const struct page *page, u32 order)
{
	for (u64 i = 0; i < BIT(order); i++) {
		if (page[i].pins != 0)
			return true;
	}
	return false;
}

int page_free(void *p, u32 order)
{
	u64 frame = gpa_of(p).a >> PAGE_SHIFT;
	u64 flags = lock_irq(&lock);
	struct page *page = page_of(frame);
	int r = 0;

	assert(page != NULL && page->state == PAGE_USED && page->order == order);
	if (block_pinned(page, order)) {
		r = -EBUSY;
	} else {
		block_give(frame, order);
		stats.free += BIT(order);
	}
	unlock_irq(&lock, flags);
	return r;
}

/* First and last frame of a byte range; false if it is empty or wraps. */
static bool frames_of(gpa_t gpa, u64 len, u64 *first, u64 *last)
{
	if (len == 0 || gpa.a + len - 1 < gpa.a)
		return false;
	*first = gpa.a >> PAGE_SHIFT;
	*last = (gpa.a + len - 1) >> PAGE_SHIFT;
	return true;
}

static int pins_check(u64 first, u64 last)
{
	for (u64 frame = first; frame <= last; frame++) {
		const struct page *page = page_of(frame);

		if (page == NULL || page->state == PAGE_FREE)
			return -EFAULT;
		if (page->pins == UINT16_MAX)
			return -EOVERFLOW;
	}
	return 0;
}

int page_pin(gpa_t gpa, u64 len)
{
	u64 first, last;
	u64 flags;
	int r;

	if (!frames_of(gpa, len, &first, &last))
		return -EFAULT;
	flags = lock_irq(&lock);
	r = pins_check(first, last);
	for (u64 frame = first; r == 0 && frame <= last; frame++)
		page_of(frame)->pins++;
	unlock_irq(&lock, flags);
	return r;
}

void page_unpin(gpa_t gpa, u64 len)
{
	u64 first, last;
	u64 flags;

	if (!frames_of(gpa, len, &first, &last))
		return;
	flags = lock_irq(&lock);
	for (u64 frame = first; frame <= last; frame++) {
		struct page *page = page_of(frame);

		assert(page != NULL && page->pins > 0);
		page->pins--;
	}
	unlock_irq(&lock, flags);
}

u32 page_pins(gpa_t gpa)
{
	u64 flags = lock_irq(&lock);
	const struct page *page = page_of(gpa.a >> PAGE_SHIFT);
	u32 pins = page != NULL ? page->pins : 0;

	unlock_irq(&lock, flags);
	return pins;
}

struct page_stats page_stats_get(void)
{
	u64 flags = lock_irq(&lock);
	struct page_stats s = stats;

	unlock_irq(&lock, flags);
	return s;
}

/* Cuts a range into blocks, each as large as its alignment and the end allow. */
static void range_cut(const struct range *r)
{
	u64 frame = r->first;

	while (frame < r->end) {
		u32 order = PAGE_ORDER_MAX;

		while (!IS_ALIGNED(frame, BIT(order)) || frame + BIT(order) > r->end)
			order--;
		list_push(frame, order);
		frame += BIT(order);
	}
}

int page_add_range(gpa_t gpa, u64 size)
{
	u64 frames = size >> PAGE_SHIFT;
	u64 meta = ALIGN_UP(frames * sizeof(struct page), PAGE_SIZE) >> PAGE_SHIFT;
	struct range *r = &ranges[range_count];
	u64 flags;

	if (!IS_ALIGNED(gpa.a, PAGE_SIZE) || frames <= meta)
		return -EINVAL;
	if (range_count == RANGES_MAX)
		return -ENOSPC;
	flags = lock_irq(&lock);
	r->meta = gpa.a >> PAGE_SHIFT;
	r->first = r->meta + meta;
	r->end = r->meta + frames;
	r->pages = gpa_ptr(gpa);
	range_count++;
	range_cut(r);
	stats.total += frames;
	stats.free += frames - meta;
	unlock_irq(&lock, flags);
	return 0;
}
