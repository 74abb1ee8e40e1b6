/* SPDX-License-Identifier: MIT */
/*
 * Small objects: size classes of powers of two from 16 to 2048 bytes, larger
 * ones as whole pages. Freed memory is filled with HEAP_POISON and checked
 * when it is handed out again. Any VP, any context; one lock per class.
 */
#pragma once

#include "base/types.h"

#define HEAP_POISON 0xddu

/* Contents undefined; aligned to the size rounded up to a power of two, at
 * most to a page. NULL when memory is out, or @size is 0 or above 1 GiB. */
[[nodiscard]] void *kmalloc(size_t size);
[[nodiscard]] void *kzalloc(size_t size);
/* NULL is allowed. Freeing twice, or what is not ours, panics. */
void kfree(void *p);
