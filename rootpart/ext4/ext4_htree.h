/* SPDX-License-Identifier: MIT */
/*
 * A walk through the index of a hashed directory; for ext4_htree.c and
 * ext4_htree_add.c. The volume's lock is held.
 */
#pragma once

#include "rootpart/ext4/ext4_dir_impl.h"

#define DX_LEVELS 2u  /* the root, and one below it */
#define DX_DOTS   12u /* ".."'s entry, in the root */
#define DX_INFO   24u /* the header */
#define DX_ROOT   32u /* entries in the root, */
#define DX_NODE   8u  /* in a node, behind what looks like a free entry */

/* Entry 0 has the table's limit and count where the others have a hash. */
static inline u32 ext4_dx_limit(const struct ext4_dx_entry *e)
{
	return e->hash & 0xffff;
}

static inline u32 ext4_dx_count(const struct ext4_dx_entry *e)
{
	return e->hash >> 16;
}

static inline void ext4_dx_set(struct ext4_dx_entry *e, u32 limit, u32 count)
{
	e->hash = count << 16 | limit;
}

/* A block of indexes, and where a walk stands in it. */
struct ext4_dx_frame {
	struct ext4_buffer *b; /* a reference */
	u32 offset;            /* of its entries */
	u32 at;
};

struct ext4_walk {
	struct ext4_dx_frame frame[DX_LEVELS];
	u32 levels;  /* that there are */
	u32 version; /* of hashes, as ext4_hash_name() has it */
};

/* -EINVAL of these: the index makes no sense, as was said. To be ended, whatever comes. */
[[nodiscard]] int ext4_walk_begin(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w);
/* Where @hash belongs: to the first leaf of those that may have it. */
[[nodiscard]] int ext4_walk_to(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, u32 hash);
/* The leaf it stands at, to be put. */
[[nodiscard]] int ext4_walk_leaf(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, struct ext4_buffer **b);
/* To the next leaf: 1; 0: there is none; with !@any, none that goes on with @hash. */
[[nodiscard]] int ext4_walk_next(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, bool any, u32 hash);
void ext4_walk_end(struct ext4 *fs, struct ext4_walk *w);

struct ext4_dx_root_info *ext4_dx_info(struct ext4_buffer *b);
/* The checksum of entries at @offset. */
void ext4_dx_seal(
	const struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b, u32 offset);

static inline struct ext4_dx_entry *ext4_dx_entries(const struct ext4_dx_frame *f)
{
	return (struct ext4_dx_entry *)(void *)(f->b->data + f->offset);
}
