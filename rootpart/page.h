/* SPDX-License-Identifier: MIT */
/*
 * What page_alloc.c keeps for each page of RAM, for it and heap.c only. Pages
 * of a range are described by an array at the range's beginning, which is
 * filled only where blocks begin or are handed out, so that boot touches
 * next to nothing of it.
 */
#pragma once

#include "base/types.h"

enum page_state {
	PAGE_FREE = 1, /* first page of a free block of 2^order */
	PAGE_USED,     /* first page of a block that is handed out */
	PAGE_TAIL,     /* a further page of a block */
	PAGE_SLAB,     /* handed out to heap.c; order is the size class */
};

struct page {
	u32 next; /* FREE, SLAB: frame numbers in a list, 0 ends it */
	u32 prev;
	u16 pins; /* page_alloc.c's lock */
	u8 state; /* enum page_state */
	u8 order;
	u16 free; /* SLAB: first free object, HEAP_NONE if there is none */
	u16 used; /* SLAB: objects handed out */
};

static_assert(sizeof(struct page) == 16);

/* NULL if the frame is not under the allocator. */
struct page *page_of(u64 frame);
