/* SPDX-License-Identifier: MIT */
/*
 * Page allocator of the hypervisor: one region, a bitmap in front of it, next
 * fit. Small and slow is good enough: it serves start-up and object creation.
 */
#include "hypervisor/pool.h"

#include "base/assert.h"
#include "hypervisor/frame.h"
#include "hypervisor/layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "x86/spinlock.h"

extern char image_start[], image_end[];

static struct {
	spa_t image;
	u64 start; /* SPA of the first page */
	u32 pages;
	u32 free;
	u32 next;  /* where the search begins */
	u64 *used; /* bit per page */
	struct spinlock lock;
} pool;

void pool_set_image(spa_t image)
{
	pool.image = image;
}

void pool_init(spa_t start, u64 size)
{
	u32 pages = (u32)(size >> PAGE_SHIFT);
	u32 map_pages = (u32)((BITMAP_WORDS(pages) * sizeof(u64) + PAGE_MASK) >> PAGE_SHIFT);

	pool.start = start.a;
	pool.used = (u64 *)(HV_DIRECT_BASE + start.a);
	memset(pool.used, 0, map_pages * PAGE_SIZE);
	for (u32 i = 0; i < map_pages; i++)
		bitmap_set(pool.used, i);
	pool.pages = pages;
	pool.free = pages - map_pages;
	pool.next = map_pages;
	frame_mark(start, size, FRAME_POOL_FREE, 0);
	frame_mark(start, map_pages * PAGE_SIZE, FRAME_POOL_USED, 0);
}

/* First run of @count free pages at or after @from, or pool.pages. */
static u32 find_run(u32 count, u32 from)
{
	u32 first = bitmap_next_clear(pool.used, pool.pages, from);

	while (first + count <= pool.pages) {
		u32 end = bitmap_next_set(pool.used, pool.pages, first);

		if (end - first >= count)
			return first;
		first = bitmap_next_clear(pool.used, pool.pages, end);
	}
	return pool.pages;
}

void *pool_alloc_raw(u64 pages)
{
	u32 count = (u32)pages;
	u32 first;

	assert(pages > 0);
	if (pages > pool.pages)
		return NULL;
	spin_lock(&pool.lock);
	first = find_run(count, pool.next);
	if (first == pool.pages)
		first = find_run(count, 0);
	if (first < pool.pages) {
		for (u32 i = first; i < first + count; i++)
			bitmap_set(pool.used, i);
		pool.next = first + count;
		pool.free -= count;
	}
	spin_unlock(&pool.lock);
	if (first == pool.pages)
		return NULL;
	frame_mark(SPA(pool.start + first * PAGE_SIZE), count * PAGE_SIZE, FRAME_POOL_USED, 0);
	return (void *)(HV_DIRECT_BASE + pool.start + first * PAGE_SIZE);
}

void *pool_alloc(u64 pages)
{
	void *p = pool_alloc_raw(pages);

	if (p)
		memset(p, 0, pages * PAGE_SIZE);
	return p;
}

void pool_free(void *p, u64 pages)
{
	u64 spa = virt_to_spa(p).a;
	u32 first = (u32)((spa - pool.start) >> PAGE_SHIFT);

	assert(spa >= pool.start && first + pages <= pool.pages);
	frame_mark(SPA(spa), pages * PAGE_SIZE, FRAME_POOL_FREE, 0);
	spin_lock(&pool.lock);
	for (u32 i = first; i < first + pages; i++) {
		assert(bitmap_test(pool.used, i));
		bitmap_clear(pool.used, i);
	}
	pool.free += (u32)pages;
	spin_unlock(&pool.lock);
}

u64 pool_free_pages(void)
{
	return pool.free;
}

spa_t virt_to_spa(const void *p)
{
	u64 va = (u64)p;

	if (va >= HV_IMAGE_BASE)
		return SPA(va - HV_IMAGE_BASE + pool.image.a);
	assert(va >= HV_DIRECT_BASE && va < HV_DIRECT_BASE + HV_DIRECT_SIZE);
	return SPA(va - HV_DIRECT_BASE);
}

void *spa_to_virt(spa_t spa)
{
	u64 size = (u64)(image_end - image_start);

	if (spa.a >= pool.image.a && spa.a < pool.image.a + size)
		return image_start + (spa.a - pool.image.a);
	return (void *)(HV_DIRECT_BASE + spa.a);
}
