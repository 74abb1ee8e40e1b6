/* SPDX-License-Identifier: MIT */
/*
 * Blocks of entries: finding, adding, removing. An entry's length is a chain
 * through its block; a removed one is given to the one in front. Knows that a directory may be
 * hashed, not how. The volume's lock is held.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_dir_impl.h"

/* Directories of more bytes are LARGEDIR's. */
#define DIR_SIZE_MAX (2 * GIB)

u32 ext4_dir_block_count(struct ext4 *fs, const struct ext4_iref *dir)
{
	u64 size = ext4_inode_size(dir->i);

	if (size > 0 && size % fs->block_size == 0 && size <= DIR_SIZE_MAX &&
		size / fs->block_size <= fs->blocks)
		return (u32)(size / fs->block_size);
	(void)ext4_damaged(fs, "size of directory", dir->ino);
	return 0;
}

int ext4_dir_block(struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b)
{
	struct ext4_run run;
	int r = ext4_extent_find(fs, dir, block, &run);

	*b = NULL;
	if (r != 0)
		return r;
	if (run.start == 0 || run.unwritten)
		return ext4_damaged(fs, "hole in directory", dir->ino);
	r = ext4_buffer_get(fs, run.start, b);
	return r == -EINVAL ? ext4_damaged(fs, "block of directory", dir->ino) : r;
}

static struct ext4_dirent_tail *tail_of(const struct ext4 *fs, struct ext4_buffer *b)
{
	return (struct ext4_dirent_tail *)(void *)(b->data + ext4_leaf_end(fs));
}

static u32 leaf_checksum(
	const struct ext4 *fs, const struct ext4_iref *dir, const struct ext4_buffer *b)
{
	return ext4_crc32c(ext4_inode_seed(fs, dir), b->data, ext4_leaf_end(fs));
}

void ext4_leaf_seal(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b)
{
	if (!fs->checksums)
		return;
	*tail_of(fs, b) = (struct ext4_dirent_tail){
		.rec_len = sizeof(struct ext4_dirent_tail),
		.type = EXT4_TYPE_TAIL,
		.checksum = leaf_checksum(fs, dir, b),
	};
}

static int check_tail(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b)
{
	const struct ext4_dirent_tail *t = tail_of(fs, b);
	u32 seed = ext4_inode_seed(fs, dir);

	if (!fs->checksums || ext4_is_intact(b, EXT4_KIND_LEAF, seed))
		return 0;
	if (t->zero1 != 0 || t->rec_len != sizeof(*t) || t->zero2 != 0 || t->type != EXT4_TYPE_TAIL)
		return ext4_damaged(fs, "directory without checksum in block", b->block);
	if (t->checksum != leaf_checksum(fs, dir, b))
		return ext4_damaged(fs, "checksum of directory block", b->block);
	ext4_set_intact(b, EXT4_KIND_LEAF, seed);
	return 0;
}

int ext4_leaf_get(struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b)
{
	int r = ext4_dir_block(fs, dir, block, b);

	if (r == 0)
		r = check_tail(fs, dir, *b);
	if (r != 0) {
		ext4_buffer_put(fs, *b);
		*b = NULL;
	}
	return r;
}

void ext4_leaf_clear(struct ext4 *fs, struct ext4_buffer *b)
{
	memset(b->data, 0, fs->block_size);
	ext4_entry_at(b, 0)->rec_len = (u16)ext4_leaf_end(fs);
}

int ext4_entry_check(struct ext4 *fs, struct ext4_buffer *b, u32 at, u32 end)
{
	const struct ext4_dirent *d = ext4_entry_at(b, at);

	if (end - at < ext4_entry_size(1) || d->rec_len < ext4_entry_size(1) ||
		d->rec_len % 4 != 0 || d->rec_len > end - at)
		return ext4_damaged(fs, "length of entry in directory block", b->block);
	if (d->inode == 0)
		return 0;
	if (d->name_len == 0 || ext4_entry_size(d->name_len) > d->rec_len)
		return ext4_damaged(fs, "name in directory block", b->block);
	if (d->inode > fs->inodes)
		return ext4_damaged(fs, "inode number in directory block", b->block);
	return 0;
}

int ext4_leaf_find(struct ext4 *fs, struct ext4_buffer *b, u32 end, const char *name, size_t len,
	struct ext4_place *place)
{
	u32 before = 0;

	for (u32 at = 0; at < end; at += ext4_entry_at(b, at)->rec_len) {
		const struct ext4_dirent *d = ext4_entry_at(b, at);
		int r = ext4_entry_check(fs, b, at, end);

		if (r != 0)
			return r;
		if (d->inode != 0 && d->name_len == len && memcmp(d->name, name, len) == 0) {
			*place = (struct ext4_place){ .b = b, .at = at, .before = before };
			return 0;
		}
		before = at;
	}
	return -ENOENT;
}

/* The bytes that the entry itself needs; the others are free. */
static u32 used_by(const struct ext4_dirent *d)
{
	return d->inode != 0 ? ext4_entry_size(d->name_len) : 0;
}

/* An entry with @size bytes free: 0, *@at. */
static int find_room(struct ext4 *fs, struct ext4_buffer *b, u32 size, u32 *at)
{
	u32 end = ext4_leaf_end(fs);

	for (*at = 0; *at < end; *at += ext4_entry_at(b, *at)->rec_len) {
		int r = ext4_entry_check(fs, b, *at, end);

		if (r != 0)
			return r;
		if (ext4_entry_at(b, *at)->rec_len - used_by(ext4_entry_at(b, *at)) >= size)
			return 0;
	}
	return -ENOSPC;
}

int ext4_leaf_add(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b,
	const char *name, size_t len, u32 ino, u8 type)
{
	struct ext4_dirent *d;
	u32 at, used, rec_len;
	int r = find_room(fs, b, ext4_entry_size(len), &at);

	if (r == 0)
		r = ext4_change(fs, b);
	if (r != 0)
		return r;
	d = ext4_entry_at(b, at);
	used = used_by(d);
	rec_len = d->rec_len - used;
	if (used > 0) {
		d->rec_len = (u16)used;
		d = ext4_entry_at(b, at + used);
	}
	*d = (struct ext4_dirent){
		.inode = ino,
		.rec_len = (u16)rec_len,
		.name_len = (u8)len,
		.type = ext4_has_incompat(fs, EXT4_INCOMPAT_FILETYPE) ? type : 0,
	};
	memcpy(d->name, name, len);
	ext4_leaf_seal(fs, dir, b);
	return 0;
}

/* Where the next block should lie: behind the last one, or in the inode's group. */
static int goal_of(struct ext4 *fs, const struct ext4_iref *dir, u32 block, u64 *goal)
{
	struct ext4_run run;
	int r;

	*goal = fs->first_data_block +
		(u64)((dir->ino - 1) / fs->inodes_per_group) * fs->blocks_per_group;
	if (block == 0)
		return 0;
	r = ext4_extent_find(fs, dir, block - 1, &run);
	if (r == 0 && run.start != 0)
		*goal = run.start + 1;
	return r;
}

int ext4_dir_grow(struct ext4 *fs, struct ext4_iref *dir, u32 *block, struct ext4_buffer **b)
{
	u64 size = ext4_inode_size(dir->i);
	struct ext4_run run = { .block = (u32)(size >> fs->block_bits), .count = 1 };
	u64 goal;
	int r = size < DIR_SIZE_MAX ? goal_of(fs, dir, run.block, &goal) : -ENOSPC;

	*b = NULL;
	if (r == 0)
		r = ext4_blocks_alloc(fs, goal, &run.count, &run.start);
	if (r == 0)
		r = ext4_inode_change(fs, dir);
	if (r == 0)
		r = ext4_extent_add(fs, dir, &run);
	if (r == 0)
		r = ext4_inode_add_blocks(fs, dir->i, 1);
	if (r == 0)
		r = ext4_buffer_new(fs, run.start, b);
	if (r != 0)
		return r;
	ext4_inode_set_size(dir->i, size + fs->block_size);
	ext4_inode_seal(fs, dir);
	*block = run.block;
	return 0;
}

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* "." and ".." are in block 0, also in front of an index. */
static int locate_dots(struct ext4 *fs, const struct ext4_iref *dir, const char *name, size_t len,
	struct ext4_place *place)
{
	bool root = dir->i->flags & EXT4_FL_INDEX;
	struct ext4_buffer *b;
	int r = root ? ext4_dir_block(fs, dir, 0, &b) : ext4_leaf_get(fs, dir, 0, &b);

	if (r == 0 && root)
		r = ext4_htree_check_root(fs, dir, b);
	if (r == 0)
		r = ext4_leaf_find(
			fs, b, root ? fs->block_size : ext4_leaf_end(fs), name, len, place);
	if (r != 0) {
		ext4_buffer_put(fs, b);
		return r == -EINVAL ? -EIO : r;
	}
	place->root = root;
	return 0;
}

/* One block after the other; what belongs to an index is left out. */
static int locate_linear(struct ext4 *fs, const struct ext4_iref *dir, const char *name, size_t len,
	struct ext4_place *place)
{
	u32 count = ext4_dir_block_count(fs, dir);
	int r = count > 0 ? -ENOENT : -EIO;

	for (u32 block = 0; block < count && r == -ENOENT; block++) {
		struct ext4_buffer *b;

		r = ext4_dir_entries(fs, dir, block, &b);
		if (r != 1)
			continue;
		r = ext4_leaf_find(fs, b, ext4_leaf_end(fs), name, len, place);
		if (r != 0)
			ext4_buffer_put(fs, b);
	}
	return r;
}

int ext4_dir_entries(
	struct ext4 *fs, const struct ext4_iref *dir, u32 block, struct ext4_buffer **b)
{
	bool hashed = dir->i->flags & EXT4_FL_INDEX;
	int r;

	*b = NULL;
	if (hashed && block == 0)
		return -ENOENT;
	if (hashed) {
		r = ext4_dir_block(fs, dir, block, b);
		if (r == 0 && ext4_htree_is_node(fs, *b))
			r = -ENOENT;
		ext4_buffer_put(fs, *b);
		*b = NULL;
		if (r != 0)
			return r;
	}
	r = ext4_leaf_get(fs, dir, block, b);
	return r == 0 ? 1 : r;
}

/* The entry, with a reference to its block. */
static int locate(struct ext4 *fs, const struct ext4_iref *dir, const char *name, size_t len,
	struct ext4_place *place)
{
	int r = -EINVAL;

	if (is_dots(name, len))
		return locate_dots(fs, dir, name, len, place);
	if (dir->i->flags & EXT4_FL_INDEX)
		r = ext4_htree_find(fs, dir, name, len, place);
	/* No index, or one that is damaged. */
	return r == -EINVAL ? locate_linear(fs, dir, name, len, place) : r;
}

static int change_or_put(struct ext4 *fs, struct ext4_buffer *b)
{
	int r = ext4_change(fs, b);

	if (r != 0)
		ext4_buffer_put(fs, b);
	return r;
}

/* The same to change it: not if the volume was found damaged on the way. */
static int locate_to_change(struct ext4 *fs, const struct ext4_iref *dir, const char *name,
	size_t len, struct ext4_place *place)
{
	int r = locate(fs, dir, name, len, place);

	if (r == 0 && fs->read_only) {
		ext4_buffer_put(fs, place->b);
		return -EIO;
	}
	return r != 0 ? r : change_or_put(fs, place->b);
}

int ext4_dir_find(struct ext4 *fs, const struct ext4_iref *dir, const char *name, size_t len,
	struct ext4_found *found)
{
	const struct ext4_dirent *d;
	struct ext4_place place;
	int r = locate(fs, dir, name, len, &place);

	if (r != 0)
		return r;
	d = ext4_entry_at(place.b, place.at);
	*found = (struct ext4_found){ .ino = d->inode, .type = d->type };
	ext4_buffer_put(fs, place.b);
	return 0;
}

/* No block had room: an index where there may be one, else a block more. */
static int add_in_new_block(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type)
{
	struct ext4_buffer *b;
	bool by_hash;
	u32 block;
	int r = ext4_dir_by_hash(fs, dir, &by_hash);

	if (r != 0)
		return r;
	if (by_hash) {
		r = ext4_leaf_get(fs, dir, 0, &b);
		if (r == 0)
			r = ext4_htree_make(fs, dir, b);
		ext4_buffer_put(fs, b);
		return r != 0 ? r : ext4_htree_add(fs, dir, name, len, ino, type);
	}
	r = ext4_dir_grow(fs, dir, &block, &b);
	if (r != 0)
		return r;
	ext4_leaf_clear(fs, b);
	r = ext4_leaf_add(fs, dir, b, name, len, ino, type);
	ext4_buffer_put(fs, b);
	return r;
}

int ext4_dir_add(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type)
{
	u32 count = ext4_dir_block_count(fs, dir);
	int r = count > 0 ? -ENOSPC : -EIO;

	if (r == -ENOSPC && (dir->i->flags & EXT4_FL_INDEX))
		return ext4_htree_add(fs, dir, name, len, ino, type);
	for (u32 block = 0; block < count && r == -ENOSPC; block++) {
		struct ext4_buffer *b;

		r = ext4_leaf_get(fs, dir, block, &b);
		if (r == 0)
			r = ext4_leaf_add(fs, dir, b, name, len, ino, type);
		ext4_buffer_put(fs, b);
	}
	return r == -ENOSPC ? add_in_new_block(fs, dir, name, len, ino, type) : r;
}

int ext4_dir_remove(struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len)
{
	struct ext4_dirent *d, *before;
	struct ext4_place place;
	int r = locate_to_change(fs, dir, name, len, &place);

	if (r != 0)
		return r;
	d = ext4_entry_at(place.b, place.at);
	before = ext4_entry_at(place.b, place.before);
	d->inode = 0;
	if (before != d)
		before->rec_len = (u16)(before->rec_len + d->rec_len);
	ext4_leaf_seal(fs, dir, place.b);
	ext4_buffer_put(fs, place.b);
	return 0;
}

int ext4_dir_set(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type)
{
	struct ext4_dirent *d;
	struct ext4_place place;
	int r = locate_to_change(fs, dir, name, len, &place);

	if (r != 0)
		return r;
	d = ext4_entry_at(place.b, place.at);
	d->inode = ino;
	d->type = ext4_has_incompat(fs, EXT4_INCOMPAT_FILETYPE) ? type : 0;
	if (place.root)
		ext4_htree_seal_root(fs, dir, place.b);
	else
		ext4_leaf_seal(fs, dir, place.b);
	ext4_buffer_put(fs, place.b);
	return 0;
}

int ext4_dir_make(struct ext4 *fs, struct ext4_iref *dir, u32 parent)
{
	struct ext4_buffer *b;
	u32 block;
	int r = ext4_dir_grow(fs, dir, &block, &b);

	if (r != 0)
		return r;
	ext4_leaf_clear(fs, b);
	r = ext4_leaf_add(fs, dir, b, ".", 1, dir->ino, EXT4_TYPE_DIR);
	if (r == 0)
		r = ext4_leaf_add(fs, dir, b, "..", 2, parent, EXT4_TYPE_DIR);
	ext4_buffer_put(fs, b);
	return r;
}
