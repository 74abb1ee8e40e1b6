/* SPDX-License-Identifier: MIT */
/*
 * x86/atomic.h for a test that wants to know of each look at memory, by a load or by a copy, after it: fetched() may change
 * what was looked at, as another processor can.
 */
#pragma once

#include "include/x86/atomic.h"
#include "lib/string.h"

extern void (*fetched)(const void *p, size_t size); /* NULL: nobody */

static inline void fetch_tell(const void *p, size_t size)
{
	if (fetched != NULL)
		fetched(p, size);
}

static inline void *fetch_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	fetch_tell(from, size);
	return to;
}

#undef load_acquire
#undef load_relaxed
#define FETCH_LOAD(p, order)                                           \
	({                                                             \
		__auto_type fetch_value = __atomic_load_n((p), order); \
		fetch_tell((p), sizeof(*(p)));                         \
		fetch_value;                                           \
	})
#define load_acquire(p)        FETCH_LOAD(p, __ATOMIC_ACQUIRE)
#define load_relaxed(p)        FETCH_LOAD(p, __ATOMIC_RELAXED)
#define memcpy(to, from, size) fetch_copy(to, from, size)
