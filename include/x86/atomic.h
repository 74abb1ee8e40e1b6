/* SPDX-License-Identifier: MIT */
/*
 * Atomic operations by the compiler's builtins, named by what they order.
 * Each use names its partner in a comment.
 */
#pragma once

#include "base/types.h"

#define load_acquire(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define load_relaxed(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/* Read-modify-write with full ordering; all give the value before. */
#define atomic_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_or(p, v)  __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_exchange(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
/* Stores @v if *p is *old, else loads *p into *old; true if stored. */
#define atomic_compare_exchange(p, old, v) \
	__atomic_compare_exchange_n((p), (old), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
#define memory_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
