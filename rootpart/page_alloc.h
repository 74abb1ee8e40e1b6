/* SPDX-License-Identifier: MIT */
/*
 * Allocator of physical pages: a buddy allocator over the RAM of the PVH
 * memory map. Blocks are 2^order pages, naturally aligned, handed out as
 * addresses in the direct map, contents undefined. A page under DMA is pinned;
 * a pinned page is never freed, unmapped, deposited or handed on.
 * Any VP, any context; one lock inside.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "rootpart/layout.h"

#define PAGE_ORDER_2M  9u
#define PAGE_ORDER_1G  18u
#define PAGE_ORDER_MAX 18u

/* Lowest order whose blocks hold @size bytes (size > 0). */
u32 page_order(u64 size);

/* A block of 2^@order pages, or NULL if there is none. */
[[nodiscard]] void *page_alloc(u32 order);
/* The same, wholly below 4 GiB, for devices with 32-bit addresses. */
[[nodiscard]] void *page_alloc_low(u32 order);
[[nodiscard]] void *page_alloc_zeroed(u32 order);

/*
 * Gives back a block that page_alloc*() returned, whole. Returns 0, or -EBUSY
 * if one of its pages is pinned: then nothing was freed. @p, @order must be
 * what was allocated; anything else is our own bug and panics.
 */
int page_free(void *p, u32 order);

/*
 * Counts one more (less) user of each page that [gpa, gpa + len) touches.
 * The pages are the caller's own, allocated. Returns 0; -EFAULT if one is not
 * RAM under the allocator; -EOVERFLOW at 65,535 pins; in both cases nothing
 * changed. Unpinning what is not pinned panics.
 */
[[nodiscard]] int page_pin(gpa_t gpa, u64 len);
void page_unpin(gpa_t gpa, u64 len);
/* Pins on the page at @gpa; 0 for what is not RAM of ours. */
u32 page_pins(gpa_t gpa);

struct page_stats {
	u64 total; /* pages under the allocator, its own metadata included */
	u64 free;
};
struct page_stats page_stats_get(void);

/* Address of RAM (or of a range mapped by paging_map_direct()), and back. */
static inline void *gpa_ptr(gpa_t gpa)
{
	return (void *)(ROOT_DIRECT_BASE + gpa.a);
}

static inline gpa_t gpa_of(const void *direct)
{
	return GPA((u64)direct - ROOT_DIRECT_BASE);
}

/*
 * Puts [gpa, gpa + size) under the allocator; it must be mapped, and not be
 * there already. Metadata is taken from its beginning. Returns 0; -EINVAL if
 * too small to be of use; -ENOSPC if there are too many ranges. Boot only.
 */
int page_add_range(gpa_t gpa, u64 size);
