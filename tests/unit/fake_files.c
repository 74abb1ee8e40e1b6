/* SPDX-License-Identifier: MIT */
/*
 * The heap, pages and sleeping locks of fake_files.h, from the host's heap, so
 * that the sanitizer sees every mistake.
 */
#include "tests/unit/fake_files.h"

#include <stdlib.h>

#include "base/assert.h"
#include "rootpart/heap.h"
#include "rootpart/mutex.h"
#include "rootpart/page_alloc.h"

u32 fake_allocations = FAKE_ENDLESS;

static bool give(void)
{
	if (fake_allocations == FAKE_ENDLESS)
		return true;
	return fake_allocations > 0 && fake_allocations-- > 0;
}

void *kmalloc(size_t size)
{
	return give() ? malloc(size) : NULL;
}

void *kzalloc(size_t size)
{
	return give() ? calloc(1, size) : NULL;
}

void kfree(void *p)
{
	free(p);
}

void *page_alloc_zeroed(u32 order)
{
	return give() ? calloc(1, PAGE_SIZE << order) : NULL;
}

int page_free(void *p, u32 order)
{
	(void)order;
	free(p);
	return 0;
}

void mutex_init(struct mutex *m)
{
	m->held = false;
}

void mutex_lock(struct mutex *m)
{
	assert(!m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	assert(m->held);
	m->held = false;
}
