/* SPDX-License-Identifier: MIT */
/*
 * Listings. A position must stay valid while entries come and go, and so do not lie
 * where they lay: in a directory that is or may become hashed it is the order of hashes, 0 and 1 being "." and
 * "..". In any other one entries never move, and it is a byte. The volume's lock is held.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_dir_impl.h"

#define DOTS 2u /* positions in front of the first hash */

int ext4_hash_version(struct ext4 *fs, u32 *version)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	*version = MIN(s->def_hash_version, EXT4_HASH_TEA);
	if (fs->hash_unsigned)
		*version += EXT4_HASH_UNSIGNED;
	ext4_buffer_put(fs, b);
	return 0;
}

int ext4_dir_by_hash(struct ext4 *fs, const struct ext4_iref *dir, bool *by_hash)
{
	u32 count = ext4_dir_block_count(fs, dir);

	*by_hash = (dir->i->flags & EXT4_FL_INDEX) ||
		   (count == 1 && (fs->feature_compat & EXT4_COMPAT_DIR_INDEX));
	return count > 0 ? 0 : -EIO;
}

/* The legacy hash has nothing that tells equal ones apart. */
u64 ext4_hash_key(const struct ext4 *fs, u32 version, const struct ext4_dirent *d)
{
	struct ext4_hash h = ext4_hash_name(fs->hash_seed, version, d->name, d->name_len);

	if (version % EXT4_HASH_UNSIGNED == EXT4_HASH_LEGACY)
		h.minor = ext4_hash_name(fs->hash_seed, EXT4_HASH_TEA, d->name, d->name_len).hash;
	return (u64)(h.hash >> 1) << 32 | h.minor;
}

static bool is_dots(const struct ext4_dirent *d)
{
	return d->name[0] == '.' && (d->name_len == 1 || (d->name_len == 2 && d->name[1] == '.'));
}

static void consider(const struct ext4 *fs, const struct ext4_dirent *d, u32 version, u64 key,
	struct ext4_least *least)
{
	u64 its;

	if (d->inode == 0 || is_dots(d))
		return;
	its = ext4_hash_key(fs, version, d);
	if (its < key || (least->found && its >= least->key))
		return;
	*least = (struct ext4_least){
		.key = its, .ino = d->inode, .type = d->type, .len = d->name_len, .found = true
	};
	memcpy(least->name, d->name, d->name_len);
}

int ext4_leaf_least(
	struct ext4 *fs, struct ext4_buffer *b, u32 version, u64 key, struct ext4_least *least)
{
	u32 end = ext4_leaf_end(fs);

	for (u32 at = 0; at < end; at += ext4_entry_at(b, at)->rec_len) {
		int r = ext4_entry_check(fs, b, at, end);

		if (r != 0)
			return r;
		consider(fs, ext4_entry_at(b, at), version, key, least);
	}
	return 0;
}

/* In all blocks: there is no index, or one that is damaged. */
static int least_of_all(
	struct ext4 *fs, const struct ext4_iref *dir, u64 key, struct ext4_least *least)
{
	u32 count = ext4_dir_block_count(fs, dir), version;
	int r = ext4_hash_version(fs, &version);

	for (u32 block = 0; block < count && r == 0; block++) {
		struct ext4_buffer *b;

		r = ext4_dir_entries(fs, dir, block, &b);
		if (r == 1)
			r = ext4_leaf_least(fs, b, version, key, least);
		ext4_buffer_put(fs, b);
		r = r == -ENOENT ? 0 : r;
	}
	return count > 0 ? r : -EIO;
}

/* A name that no path can say is damage. */
static int take(struct ext4 *fs, const struct ext4_iref *dir, const char *from, u32 len, char *name)
{
	for (u32 i = 0; i < len; i++) {
		if (from[i] == '\0' || from[i] == '/')
			return ext4_damaged(fs, "name in directory", dir->ino);
	}
	memcpy(name, from, len);
	name[len] = '\0';
	return 1;
}

/* Position 0 or 1. */
static int next_dots(struct ext4 *fs, const struct ext4_iref *dir, u64 *position, char *name,
	struct ext4_found *found)
{
	size_t len = 1 + *position;
	int r = ext4_dir_find(fs, dir, "..", len, found);

	if (r == 0)
		r = take(fs, dir, "..", (u32)len, name);
	++*position;
	return r == -ENOENT ? ext4_damaged(fs, "first entries of directory", dir->ino) : r;
}

static int next_by_hash(struct ext4 *fs, const struct ext4_iref *dir, u64 *position, char *name,
	struct ext4_found *found)
{
	struct ext4_least least = { 0 };
	u64 key = *position - DOTS;
	int r = -EINVAL;

	if (key >> 63)
		return 0;
	if (dir->i->flags & EXT4_FL_INDEX)
		r = ext4_htree_least(fs, dir, key, &least);
	if (r == -EINVAL) {
		least.found = false;
		r = least_of_all(fs, dir, key, &least);
	}
	if (r != 0 || !least.found)
		return r;
	*position = least.key + 1 + DOTS;
	*found = (struct ext4_found){ .ino = least.ino, .type = least.type };
	return take(fs, dir, least.name, least.len, name);
}

/* In one block, at or behind byte @from of it: 1, *@at; 0. */
static int next_in_block(struct ext4 *fs, struct ext4_buffer *b, u32 from, u32 *at)
{
	u32 end = ext4_leaf_end(fs);

	for (*at = 0; *at < end; *at += ext4_entry_at(b, *at)->rec_len) {
		int r = ext4_entry_check(fs, b, *at, end);

		if (r != 0)
			return r;
		if (*at >= from && ext4_entry_at(b, *at)->inode != 0)
			return 1;
	}
	return 0;
}

static int next_by_byte(struct ext4 *fs, const struct ext4_iref *dir, u64 *position, char *name,
	struct ext4_found *found)
{
	u32 count = ext4_dir_block_count(fs, dir), at, from;
	int r = 0;

	for (; *position >> fs->block_bits < count && r == 0;
		*position = ALIGN_UP(*position + 1, fs->block_size)) {
		u32 block = (u32)(*position >> fs->block_bits);
		const struct ext4_dirent *d;
		struct ext4_buffer *b;

		from = (u32)*position & (fs->block_size - 1);
		r = ext4_leaf_get(fs, dir, block, &b);
		if (r == 0)
			r = next_in_block(fs, b, from, &at);
		if (r == 1) {
			d = ext4_entry_at(b, at);
			*found = (struct ext4_found){ .ino = d->inode, .type = d->type };
			r = take(fs, dir, d->name, d->name_len, name);
			*position = ((u64)block << fs->block_bits) + at + 1;
		}
		ext4_buffer_put(fs, b);
		if (r != 0)
			return r;
	}
	return count > 0 ? r : -EIO;
}

int ext4_dir_next(struct ext4 *fs, const struct ext4_iref *dir, u64 *position, char *name,
	struct ext4_found *found)
{
	bool by_hash;
	int r = ext4_dir_by_hash(fs, dir, &by_hash);

	if (r != 0)
		return r;
	if (!by_hash)
		return next_by_byte(fs, dir, position, name, found);
	return *position < DOTS ? next_dots(fs, dir, position, name, found)
				: next_by_hash(fs, dir, position, name, found);
}

static int is_block_empty(struct ext4 *fs, struct ext4_buffer *b)
{
	u32 at = 0;
	int r;

	while ((r = next_in_block(fs, b, at, &at)) == 1) {
		if (!is_dots(ext4_entry_at(b, at)))
			return 0;
		at++;
	}
	return r == 0 ? 1 : r;
}

int ext4_dir_is_empty(struct ext4 *fs, const struct ext4_iref *dir)
{
	u32 count = ext4_dir_block_count(fs, dir);
	int r = count > 0 ? 1 : -EIO;

	for (u32 block = 0; block < count && r == 1; block++) {
		struct ext4_buffer *b;

		r = ext4_dir_entries(fs, dir, block, &b);
		if (r == 1)
			r = is_block_empty(fs, b);
		ext4_buffer_put(fs, b);
		r = r == -ENOENT ? 1 : r;
	}
	return r;
}
