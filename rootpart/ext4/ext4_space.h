/* SPDX-License-Identifier: MIT */
/*
 * What the files share that deal in space: the superblock's numbers, bitmaps, paths
 * through trees of extents. Nobody else's.
 */
#pragma once

#include "rootpart/ext4/ext4_impl.h"

/* ---- ext4_super.c ---- */

/* The 1024 bytes at @s, from the device. -EINVAL: it is too small; -EIO; -ENOMEM. */
[[nodiscard]] int ext4_super_read(struct block_device *d, struct ext4_super *s);
u64 ext4_super_free_blocks(const struct ext4_super *s);
void ext4_super_set_free_blocks(struct ext4_super *s, u64 blocks);
/* In an operation: the superblock's counters. Damage: less than none. */
[[nodiscard]] int ext4_super_add_free(struct ext4 *fs, s64 blocks, s64 inodes);

/* ---- ext4_features.c ---- */

/*
 * 0; -ENOTSUP: one that forbids mounting. What forbids writing makes @fs read-only. Each is
 * named in the log.
 */
[[nodiscard]] int ext4_features_check(struct ext4 *fs, const struct ext4_super *s);

/* ---- ext4_geometry.c ---- */

/* Checks @s but for its features, and fills @fs from it. -EINVAL, -ENOTSUP, with a log line. */
[[nodiscard]] int ext4_geometry_load(struct ext4 *fs, const struct ext4_super *s);

/* ---- ext4_group.c ---- */

u64 ext4_group_first(const struct ext4 *fs, u32 group);
u32 ext4_group_blocks(const struct ext4 *fs, u32 group); /* how many it has */
u32 ext4_group_of(const struct ext4 *fs, u64 block);
/* Blocks at its beginning: superblock's copy, descriptors, room for more of them. */
u32 ext4_group_base_blocks(const struct ext4 *fs, u32 group);
u32 ext4_group_free_blocks(const struct ext4 *fs, const struct ext4_group *g);
u32 ext4_group_free_inodes(const struct ext4 *fs, const struct ext4_group *g);
u32 ext4_group_used_dirs(const struct ext4 *fs, const struct ext4_group *g);
u32 ext4_group_unused(const struct ext4 *fs, const struct ext4_group *g);
void ext4_group_set_free_blocks(const struct ext4 *fs, struct ext4_group *g, u32 n);
void ext4_group_set_free_inodes(const struct ext4 *fs, struct ext4_group *g, u32 n);
void ext4_group_set_used_dirs(const struct ext4 *fs, struct ext4_group *g, u32 n);
void ext4_group_set_unused(const struct ext4 *fs, struct ext4_group *g, u32 n);
/* 1: one of the blocks is a superblock, descriptor, bitmap or table; 0; errors. */
[[nodiscard]] int ext4_is_metadata(struct ext4 *fs, u64 first, u32 count);

/* ---- ext4_bitmap.c ---- */

enum ext4_bitmap_kind { EXT4_BITMAP_BLOCKS, EXT4_BITMAP_INODES };

/* A group's bitmap, with its descriptor; references. */
struct ext4_bitmap {
	u32 group;
	enum ext4_bitmap_kind kind;
	struct ext4_buffer *group_buffer;
	struct ext4_group *g;
	struct ext4_buffer *b;
	u32 bits;
};

/* In an operation: one that was never written is made. */
[[nodiscard]] int ext4_bitmap_get(
	struct ext4 *fs, u32 group, enum ext4_bitmap_kind kind, struct ext4_bitmap *m);
void ext4_bitmap_put(struct ext4 *fs, struct ext4_bitmap *m);
/* Before it or the descriptor changes; and behind: checksums. */
[[nodiscard]] int ext4_bitmap_change(struct ext4 *fs, struct ext4_bitmap *m);
void ext4_bitmap_seal(struct ext4 *fs, struct ext4_bitmap *m);

static inline bool ext4_bit(const u8 *map, u32 bit)
{
	return map[bit / 8] >> bit % 8 & 1;
}

void ext4_bits_set(u8 *map, u32 from, u32 count);
void ext4_bits_clear(u8 *map, u32 from, u32 count);
/* The first bit from @from on that is zero, @end if there is none. */
u32 ext4_bits_next_zero(const u8 *map, u32 from, u32 end);
/* How many from @from on are zero, at most @max, before @end. */
u32 ext4_bits_zeroes(const u8 *map, u32 from, u32 end, u32 max);

/* ---- ext4_inode.c ---- */

static inline bool ext4_has_extents(const struct ext4_inode *i)
{
	return i->flags & EXT4_FL_EXTENTS;
}

/* A new one's contents but for its checksum. */
void ext4_inode_init(struct ext4 *fs, struct ext4_iref *ref);

/* ---- ext4_extent.c ---- */

#define EXT4_EXTENT_END 0xffffffffu /* the block behind the last one that a file can have */

struct ext4_path_level {
	struct ext4_buffer *b; /* NULL: in the inode */
	struct ext4_extent_header *h;
	u32 at; /* entries that begin at the block or before it; the last of them leads on */
};

struct ext4_path {
	u32 depth; /* the leaf is level[depth] */
	struct ext4_path_level level[EXT4_EXTENT_DEPTH + 1];
	u32 end; /* where what lies behind the leaf begins */
};

static inline struct ext4_extent *ext4_extents(struct ext4_extent_header *h)
{
	return (struct ext4_extent *)(h + 1);
}

static inline struct ext4_extent_index *ext4_indexes(struct ext4_extent_header *h)
{
	return (struct ext4_extent_index *)(h + 1);
}

static inline bool ext4_extent_unwritten(const struct ext4_extent *e)
{
	return e->len > EXT4_EXTENT_INIT_MAX;
}

static inline u32 ext4_extent_len(const struct ext4_extent *e)
{
	return ext4_extent_unwritten(e) ? e->len - EXT4_EXTENT_INIT_MAX : e->len;
}

static inline u64 ext4_extent_start(const struct ext4_extent *e)
{
	return (u64)e->start_hi << 32 | e->start_lo;
}

static inline u64 ext4_index_leaf(const struct ext4_extent_index *x)
{
	return (u64)x->leaf_hi << 32 | x->leaf_lo;
}

static inline struct ext4_extent_header *ext4_extent_root(const struct ext4_iref *ref)
{
	return (struct ext4_extent_header *)(void *)ref->i->block;
}

/* From the root to the leaf that @block belongs to; all checked. To be put if this returns 0. */
[[nodiscard]] int ext4_path_walk(
	struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_path *p);
void ext4_path_put(struct ext4 *fs, struct ext4_path *p);
/* Entries that a block of a tree has room for. */
u32 ext4_extent_room(const struct ext4 *fs);
/* The checksum of a block of @ref's tree; where there are none, nothing. */
void ext4_extent_seal(const struct ext4 *fs, const struct ext4_iref *ref, struct ext4_buffer *b);

/* ---- ext4_extent_split.c; in an operation ---- */

[[nodiscard]] int ext4_path_change(
	struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 level);
void ext4_path_seal(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 level);
/*
 * One step towards room in the leaf of @p: a split, or a deeper tree. The path has to be walked
 * again. -EFBIG: too deep.
 */
[[nodiscard]] int ext4_path_make_room(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p);

static inline bool ext4_path_has_room(const struct ext4_path *p, u32 level, u32 need)
{
	return p->level[level].h->entries + need <= p->level[level].h->max;
}

/* ---- ext4_file.c ---- */

/* Its inode, to be put, if it is a regular file by extents. -EISDIR, -EINVAL, -ENOTSUP; as ext4_inode_get(). */
[[nodiscard]] int ext4_file_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref);

/* ---- ext4_truncate.c ---- */

/* All blocks from @block on, in operations of its own; then it is no orphan any more. */
[[nodiscard]] int ext4_file_cut(struct ext4 *fs, u32 ino, u32 block);
/* What lies behind byte @size in the block of that is zeroed. */
[[nodiscard]] int ext4_file_zero_tail(struct ext4 *fs, const struct ext4_iref *ref, u64 size);
