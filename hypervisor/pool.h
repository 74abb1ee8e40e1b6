/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own pages: taken at boot, mapped at HV_DIRECT_BASE + SPA.
 * Any processor; one internal spin lock, held for a few instructions. Not for
 * exit paths.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"

/* Zeroed, page-aligned, physically contiguous; NULL if there is no room. */
[[nodiscard]] void *pool_alloc(u64 pages);
/* The same, but with whatever was in it. */
[[nodiscard]] void *pool_alloc_raw(u64 pages);
void pool_free(void *p, u64 pages);
/* Pages free now. */
u64 pool_free_pages(void);

/* For owned memory only; asserts that it is. */
spa_t virt_to_spa(const void *p);
void *spa_to_virt(spa_t spa);

/* Where the image is; before anything else here. */
void pool_set_image(spa_t image);
/* Called once at boot with owned, mapped, page-aligned memory. */
void pool_init(spa_t start, u64 size);
