/* SPDX-License-Identifier: MIT */
/*
 * What the files of the directory layer share: ext4_dir.c (blocks of entries),
 * ext4_htree.c (the index by hash), ext4_hash.c. The volume's lock is held.
 */
#pragma once

#include "rootpart/ext4/ext4_impl.h"

/* ---- ext4_hash.c ---- */

struct ext4_hash {
	u32 hash;  /* bit 0 is clear: an index uses it for itself */
	u32 minor; /* tells names of one hash apart, mostly */
};

/* @version: EXT4_HASH_*, with EXT4_HASH_UNSIGNED added or not; above: the last. @seed of zeroes: none. */
struct ext4_hash ext4_hash_name(const u32 seed[4], u32 version, const char *name, size_t len);

/* ---- ext4_dir.c: a block of entries ---- */

/* An entry in its block. */
struct ext4_place {
	struct ext4_buffer *b; /* a reference to it */
	u32 at;
	u32 before; /* the entry in front of it in the block; == at: none */
	bool root;  /* the block is the root of an index, checksum and all */
};

/* Bytes that an entry with a name of @len needs. */
static inline u32 ext4_entry_size(size_t len)
{
	return (u32)(sizeof(struct ext4_dirent) + len + 3) & ~3u;
}

/* Where the entries of a leaf end. */
static inline u32 ext4_leaf_end(const struct ext4 *fs)
{
	return fs->block_size - (fs->checksums ? (u32)sizeof(struct ext4_dirent_tail) : 0);
}

static inline struct ext4_dirent *ext4_entry_at(struct ext4_buffer *b, u32 at)
{
	return (struct ext4_dirent *)(void *)(b->data + at);
}

/* Blocks of the directory; 0, after ext4_damaged(): its size is none. */
u32 ext4_dir_block_count(struct ext4 *fs, const struct ext4_iref *dir);
/* Block @block of it, its contents not looked at. A hole is damage. */
[[nodiscard]] int ext4_dir_block(
	struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b);
/* The same for one with entries up to ext4_leaf_end(): the checksum is right. */
[[nodiscard]] int ext4_leaf_get(
	struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b);
/*
 * The same for one of all blocks, whatever is in it: 1; -ENOENT: an index, no entries but "." and ".."
 * perhaps. Errors.
 */
[[nodiscard]] int ext4_dir_entries(
	struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b);
/* In an operation, behind the last change. */
void ext4_leaf_seal(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b);
/* All of @b is one free entry. To be sealed. */
void ext4_leaf_clear(struct ext4 *fs, struct ext4_buffer *b);
/* The entry at @at ends at or before @end, and is one. 0; -EIO, after ext4_damaged(). */
[[nodiscard]] int ext4_entry_check(struct ext4 *fs, struct ext4_buffer *b, u32 at, u32 end);
/* Looks the name up in one block: place->b is @b then, without a reference. -ENOENT. */
[[nodiscard]] int ext4_leaf_find(struct ext4 *fs, struct ext4_buffer *b, u32 end, const char *name,
	size_t len, struct ext4_place *place);
/* In an operation: an entry in the block's free room; sealed. -ENOSPC: there is not enough in one place. */
[[nodiscard]] int ext4_leaf_add(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b,
	const char *name, size_t len, u32 ino, u8 type);
/* In an operation: one block more at the end, zeroes; *@block: its number in the directory. */
[[nodiscard]] int ext4_dir_grow(
	struct ext4 *fs, struct ext4_iref *dir, u32 *block, struct ext4_buffer **b);

/* ---- ext4_htree.c ---- for directories with EXT4_FL_INDEX; "." and ".." are not looked for here */

/* -ENOENT; -EINVAL after ext4_damaged(): the index makes no sense, others may look elsewhere. */
[[nodiscard]] int ext4_htree_find(struct ext4 *fs, const struct ext4_iref *dir, const char *name,
	size_t len, struct ext4_place *place);
[[nodiscard]] int ext4_htree_add(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type);
/* In an operation: a linear directory of one block, @b, becomes a hashed one. */
[[nodiscard]] int ext4_htree_make(struct ext4 *fs, struct ext4_iref *dir, struct ext4_buffer *b);
/* The checksum of block 0, behind the last change. */
void ext4_htree_seal_root(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b);
[[nodiscard]] int ext4_htree_check_root(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b);
/* @b is a block of indexes, none of entries. */
bool ext4_htree_is_node(const struct ext4 *fs, struct ext4_buffer *b);

/* ---- ext4_dir_list.c ---- */

/*
 * True if positions in @dir are hashes of names, else they are bytes. It stays so as long as
 * the directory lives, so positions stay valid: one that may become hashed is listed by hash from the beginning.
 */
[[nodiscard]] int ext4_dir_by_hash(struct ext4 *fs, const struct ext4_iref *dir, bool *by_hash);
/* The version for names of this volume's directories; false: it says none that is known. */
[[nodiscard]] int ext4_hash_version(struct ext4 *fs, u32 *version);
/* A name's place in a listing by hash. */
u64 ext4_hash_key(const struct ext4 *fs, u32 version, const struct ext4_dirent *d);

/* The entry with the least key at or behind @key, in the leaves that it can lie in and those behind them. */
struct ext4_least {
	u64 key;
	u32 ino;
	u8 type;
	u8 len;
	char name[EXT4_NAME_MAX];
	bool found;
};
/* Looks through one block. */
[[nodiscard]] int ext4_leaf_least(
	struct ext4 *fs, struct ext4_buffer *b, u32 version, u64 key, struct ext4_least *least);
/* Through the index; -EINVAL as above. */
[[nodiscard]] int ext4_htree_least(
	struct ext4 *fs, const struct ext4_iref *dir, u64 key, struct ext4_least *least);
