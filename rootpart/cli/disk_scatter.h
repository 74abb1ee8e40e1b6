/* SPDX-License-Identifier: MIT */
/*
 * Lists of memory as no sensible program has them, to try disks with: whole, pages in
 * reverse, cut at any 4 bytes, cut at any byte. And what each sector of a disk
 * should hold, as numbers.
 */
#pragma once

#include "rootpart/block/block.h"

/* Memory that a list of BLOCK_REQUEST_MAX bytes lies in, with gaps. */
#define SCATTER_ORDER 10u

/*
 * A list for @bytes within @arena, which @kind chooses, and numbers from *@seed.
 * Returns how many segments it has, at most BLOCK_SEGMENTS_MAX.
 */
u32 scatter_list(struct block_segment *segments, const void *arena, u64 bytes, u32 kind, u64 *seed);

/* Copies between the list and @flat. */
void scatter_put(const struct block_segment *segments, u32 count, const void *flat);
void scatter_get(const struct block_segment *segments, u32 count, void *flat);

/* The next of a row of numbers. */
u64 scatter_number(u64 *seed);
/* Fills a sector with what only it has, in its @generation'th contents. */
void scatter_sector(void *buf, u32 size, u64 seed, u64 sector, u32 generation);
