/* SPDX-License-Identifier: MIT */
/*
 * The root kernel's heap and pages for tests of drivers, counted, from the host's:
 * what is still used after it was given back the sanitizer sees.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"

static u32 pages, objects; /* handed out: blocks of pages, and of the heap */
static u32 memory_left;    /* allocations that still succeed */

/* True if one more succeeds. */
static inline bool memory_take(u32 *count)
{
	if (memory_left == 0)
		return false;
	memory_left--;
	++*count;
	return true;
}

void *kzalloc(size_t size)
{
	return memory_take(&objects) ? calloc(1, size) : NULL;
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

u32 page_order(u64 size)
{
	u32 order = 0;

	assert_true(size > 0);
	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

void *page_alloc(u32 order)
{
	void *p;

	if (!memory_take(&pages))
		return NULL;
	p = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	return memset(p, 0xa5, PAGE_SIZE << order);
}

void *page_alloc_zeroed(u32 order)
{
	void *p = page_alloc(order);

	return p != NULL ? memset(p, 0, PAGE_SIZE << order) : NULL;
}

int page_free(void *p, u32 order)
{
	(void)order;
	pages--;
	free(p);
	return 0;
}
