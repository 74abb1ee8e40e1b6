/* SPDX-License-Identifier: MIT */
/*
 * How much of a request a device can take at a time: pure functions of its limits
 * and of the list of segments. Nothing here knows of queues or of memory.
 */
#pragma once

#include "rootpart/block/block.h"

/* Bounce memory of one piece: a block of this size and alignment. */
#define BLOCK_BOUNCE_ORDER 3u
#define BLOCK_BOUNCE_SIZE  (PAGE_SIZE << BLOCK_BOUNCE_ORDER)

/* A place in a list of segments. */
struct block_cursor {
	u32 segment;
	u32 offset; /* below its length, or segment is the count */
};

/* A piece's own list, as the device takes it. */
struct block_cut {
	struct block_segment *out; /* max_segments */
	u32 count;
};

/* True if the limits go together, so that each sector can be reached by bounce memory. */
bool block_limits_check(const struct block_limits *l);

/* Moves on by @bytes, which are there. */
void block_cursor_move(const struct block_segment *segments, struct block_cursor *at, u64 bytes);

/*
 * How many of the @left bytes from @at on the device can take as they are, as whole
 * sectors; their list is in @cut. 0: not even the first sector.
 */
u64 block_cut_direct(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 left, struct block_cut *cut);
/*
 * How many of the @left bytes from @at on go by way of the bounce block at @block: at
 * least a sector, and until a page or more can go as it is.
 */
u64 block_cut_bounce(const struct block_limits *l, const struct block_segment *segments,
	struct block_cursor at, u64 left, gpa_t block, struct block_cut *cut);
