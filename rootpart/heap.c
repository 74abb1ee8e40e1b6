/* SPDX-License-Identifier: MIT */
/*
 * Slabs: one page cut into objects of one class, free ones linked by index
 * through their first word, the rest of them poison. A class lists its pages
 * that have free objects; an empty page goes back unless it is the only one.
 * Any VP; a lock per class.
 */
#include "rootpart/heap.h"

#include "base/assert.h"
#include "lib/string.h"
#include "rootpart/lock.h"
#include "rootpart/page.h"
#include "rootpart/page_alloc.h"

#define CLASS_MIN   16u
#define CLASSES     8u /* 16 to 2048 */
#define HEAP_NONE   0xffffu
#define POISON_WORD 0xddddddddddddddddull
#define KMALLOC_MAX GIB

struct heap_class {
	struct spinlock lock;
	u32 partial; /* frame of the first page with free objects, 0 if none */
};

static struct heap_class classes[CLASSES];

static u32 class_of(size_t size)
{
	u32 class = 0;

	while ((CLASS_MIN << class) < size)
		class ++;
	return class;
}

static u64 frame_of(const void *p)
{
	return gpa_of(p).a >> PAGE_SHIFT;
}

static u64 *object_at(u64 frame, u32 class, u32 index)
{
	return gpa_ptr(GPA((frame << PAGE_SHIFT) + (u64)index * (CLASS_MIN << class)));
}

static void partial_push(struct heap_class *c, struct page *page, u64 frame)
{
	page->prev = 0;
	page->next = c->partial;
	if (c->partial != 0)
		page_of(c->partial)->prev = (u32)frame;
	c->partial = (u32)frame;
}

static void partial_remove(struct heap_class *c, const struct page *page)
{
	if (page->prev != 0)
		page_of(page->prev)->next = page->next;
	else
		c->partial = page->next;
	if (page->next != 0)
		page_of(page->next)->prev = page->prev;
}

/* A fresh page with all its objects free, put on the list. */
static bool slab_add(u32 class)
{
	void *p = page_alloc(0);
	u32 count = (u32)PAGE_SIZE / (CLASS_MIN << class);
	struct page *page;

	if (p == NULL)
		return false;
	memset(p, HEAP_POISON, PAGE_SIZE);
	for (u32 i = 0; i < count; i++)
		*object_at(frame_of(p), class, i) = i + 1 < count ? i + 1 : HEAP_NONE;
	page = page_of(frame_of(p));
	page->state = PAGE_SLAB;
	page->order = (u8) class;
	page->free = 0;
	page->used = 0;
	partial_push(&classes[class], page, frame_of(p));
	return true;
}

static void poison_check(const u64 *object, u32 class)
{
	for (u32 i = 1; i < (CLASS_MIN << class) / sizeof(u64); i++)
		assert(object[i] == POISON_WORD); /* written to after kfree() */
}

/* The class's lock is held and its list is not empty. */
static u64 *slab_take(struct heap_class *c, u32 class)
{
	u64 frame = c->partial;
	struct page *page = page_of(frame);
	u64 *object = object_at(frame, class, page->free);

	assert(*object <= HEAP_NONE);
	page->free = (u16)*object;
	page->used++;
	if (page->free == HEAP_NONE)
		partial_remove(c, page);
	poison_check(object, class);
	return object;
}

static void *slab_alloc(u32 class)
{
	struct heap_class *c = &classes[class];
	u64 flags = lock_irq(&c->lock);
	void *p = NULL;

	if (c->partial != 0 || slab_add(class))
		p = slab_take(c, class);
	unlock_irq(&c->lock, flags);
	return p;
}

void *kmalloc(size_t size)
{
	if (size == 0 || size > KMALLOC_MAX)
		return NULL;
	if (size <= CLASS_MIN << (CLASSES - 1))
		return slab_alloc(class_of(size));
	return page_alloc(page_order(size));
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

/* An object that looks freed: it is, if the page's free list has it. */
static bool is_free(const struct page *page, u64 frame, u32 class, u32 index)
{
	if (object_at(frame, class, index)[1] != POISON_WORD)
		return false;
	for (u32 i = page->free; i != HEAP_NONE; i = (u16)*object_at(frame, class, i)) {
		if (i == index)
			return true;
	}
	return false;
}

static void slab_free(struct page *page, void *p)
{
	u32 class = page->order;
	u32 size = CLASS_MIN << class;
	struct heap_class *c = &classes[class];
	u64 frame = frame_of(p);
	u32 index = (u32)((u64)p & PAGE_MASK) / size;
	u64 flags = lock_irq(&c->lock);
	bool empty;

	assert(IS_ALIGNED(p, size) && !is_free(page, frame, class, index));
	memset(p, HEAP_POISON, size);
	*(u64 *)p = page->free;
	if (page->free == HEAP_NONE)
		partial_push(c, page, frame);
	page->free = (u16)index;
	page->used--;
	empty = page->used == 0 && (page->next != 0 || page->prev != 0);
	if (empty) {
		partial_remove(c, page);
		page->state = PAGE_USED;
		page->order = 0;
	}
	unlock_irq(&c->lock, flags);
	if (empty)
		(void)page_free(object_at(frame, 0, 0), 0);
}

void kfree(void *p)
{
	struct page *page;

	if (p == NULL)
		return;
	page = page_of(frame_of(p));
	assert(page != NULL);
	if (page->state == PAGE_SLAB) {
		slab_free(page, p);
	} else {
		int r = page_free(p, page->order);

		assert(r == 0); /* nobody pins the heap */
	}
}
