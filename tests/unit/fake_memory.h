/* SPDX-License-Identifier: MIT */
/*
 * Owned memory of the hypervisor for host tests: frame table, pool and direct
 * map over real host pages. A test names -I tests/unit/fake_layout in its
 * cflags, and among its sources fake_memory.c, fake_image.S, pool.c, frame.c, lib/bitmap.c.
 */
#pragma once

#include "base/types.h"

#define FAKE_MEMORY_START 0x10000000ull

/* A fresh pool of @pages zeroed pages at SPA FAKE_MEMORY_START, the frame table above all. */
void fake_memory_init(u32 pages);
/* The pages behind the pool: nobody may have written there. */
bool fake_memory_end_untouched(void);
