/* SPDX-License-Identifier: MIT */
/*
 * Sizes of files and what goes with them: truncating, allocating, freeing. What takes more
 * than one operation is an orphan until it is done.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/heap.h"

#define CUT_BLOCKS (EXT4_EXTENT_BLOCKS + EXT4_ORPHAN_BLOCKS + 1u)
#define RUN_MAX    (EXT4_EXTENT_INIT_MAX - 1)
/* Of inode and bitmap, descriptor, superblock; of attributes' block as many. */
#define FREE_BLOCKS (EXT4_ORPHAN_BLOCKS + 8u)

#define XATTR_MAGIC 0xea020000u

struct xattr_header {
	u32 magic;
	u32 refcount;
	u32 blocks;
	u32 hash;
	u32 checksum;
	u32 reserved[3];
};

static u32 blocks_of(const struct ext4 *fs, u64 size)
{
	return (u32)((size >> fs->block_bits) + (size % fs->block_size != 0));
}

int ext4_file_zero_tail(struct ext4 *fs, const struct ext4_iref *ref, u64 size)
{
	u32 in = (u32)(size & (fs->block_size - 1));
	struct ext4_run run;
	u8 *buf;
	int r;

	if (in == 0 || size >> fs->block_bits >= EXT4_EXTENT_END)
		return 0;
	r = ext4_extent_find(fs, ref, (u32)(size >> fs->block_bits), &run);
	if (r != 0 || run.start == 0 || run.unwritten)
		return r;
	buf = kmalloc(fs->block_size);
	if (buf == NULL)
		return -ENOMEM;
	r = ext4_blocks_read(fs, run.start, buf, 1);
	if (r == 0 && !mem_is_zero(buf + in, fs->block_size - in)) {
		memset(buf + in, 0, fs->block_size - in);
		r = ext4_is_metadata(fs, run.start, 1);
		if (r > 0)
			r = ext4_damaged(fs, "a file has metadata's blocks", ref->ino);
		if (r == 0)
			r = ext4_blocks_write(fs, run.start, buf, 1);
	}
	kfree(buf);
	return r;
}

/* In an operation: a step of cutting; @orphan: it is one until there is no more. */
static int cut_step(struct ext4 *fs, struct ext4_iref *ref, u32 block, bool orphan, bool *more)
{
	bool metadata = !ext4_is_file(ref->i);
	int r = ext4_extent_cut(fs, ref, block, metadata, more);

	if (r != 0)
		return r;
	if (*more)
		return orphan ? 0 : ext4_orphan_add(fs, ref);
	return orphan ? ext4_orphan_remove(fs, ref) : 0;
}

/* The same as an operation. @size: set before, ~0: stays. */
static int cut_operation(
	struct ext4 *fs, struct ext4_iref *ref, u32 block, u64 size, bool orphan, bool *more)
{
	int r = ext4_begin(fs, CUT_BLOCKS);

	if (r != 0)
		return r;
	r = ext4_inode_change(fs, ref);
	if (r == 0 && size != UINT64_MAX) {
		ext4_inode_set_size(ref->i, size);
		ext4_inode_touch(fs, ref->i);
		ext4_inode_seal(fs, ref);
	}
	if (r == 0)
		r = cut_step(fs, ref, block, orphan, more);
	return ext4_end(fs, r);
}

int ext4_file_cut(struct ext4 *fs, u32 ino, u32 block)
{
	struct ext4_iref ref;
	bool more = true;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	while (r == 0 && more) {
		if (ext4_has_extents(ref.i)) {
			r = cut_operation(fs, &ref, block, UINT64_MAX, true, &more);
			continue;
		}
		more = false;
		r = ext4_begin(fs, CUT_BLOCKS);
		if (r == 0)
			r = ext4_end(fs, ext4_orphan_remove(fs, &ref));
	}
	ext4_inode_put(fs, &ref);
	return r;
}

static int shrink(struct ext4 *fs, struct ext4_iref *ref, u64 size)
{
	bool more = false;
	u32 block = blocks_of(fs, size);
	int r = cut_operation(fs, ref, block, size, false, &more);

	while (r == 0 && more)
		r = cut_operation(fs, ref, block, UINT64_MAX, true, &more);
	return r != 0 ? r : ext4_file_zero_tail(fs, ref, size);
}

static int set_size(struct ext4 *fs, struct ext4_iref *ref, u64 size)
{
	int r = ext4_begin(fs, 1);

	if (r != 0)
		return r;
	r = ext4_inode_change(fs, ref);
	if (r == 0) {
		ext4_inode_set_size(ref->i, size);
		ext4_inode_touch(fs, ref->i);
		ext4_inode_seal(fs, ref);
	}
	return ext4_end(fs, r);
}

static int grow(struct ext4 *fs, struct ext4_iref *ref, u64 size)
{
	int r = ext4_file_zero_tail(fs, ref, ext4_inode_size(ref->i));

	return r != 0 ? r : set_size(fs, ref, size);
}

static int check(const struct ext4 *fs, const struct ext4_iref *ref, u64 size)
{
	if (!ext4_is_file(ref->i))
		return ext4_is_dir(ref->i) ? -EISDIR : -EINVAL;
	if (!ext4_has_extents(ref->i))
		return -ENOTSUP;
	if (fs->read_only)
		return -EROFS;
	if (ref->i->flags & (EXT4_FL_IMMUTABLE | EXT4_FL_APPEND))
		return -EPERM;
	return size > (u64)EXT4_EXTENT_END << fs->block_bits ? -EFBIG : 0;
}

int ext4_file_truncate(struct ext4 *fs, u32 ino, u64 size)
{
	struct ext4_iref ref;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	r = check(fs, &ref, size);
	if (r == 0)
		r = size > ext4_inode_size(ref.i) ? grow(fs, &ref, size) : shrink(fs, &ref, size);
	ext4_inode_put(fs, &ref);
	return r;
}

/* How many blocks of holes there are from @block to @end. */
static int count_holes(struct ext4 *fs, const struct ext4_iref *ref, u32 block, u32 end, u64 *count)
{
	*count = 0;
	while (block < end) {
		struct ext4_run run;
		int r = ext4_extent_find(fs, ref, block, &run);

		if (r != 0)
			return r;
		if (run.start == 0)
			*count += MIN(run.count, end - block);
		block += MIN(run.count, end - block);
	}
	return 0;
}

/* Whether there is room for @count blocks, each of them an extent of its own, and for the tree. */
static int check_room(struct ext4 *fs, u64 count)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	u64 have, need = count + 2 * count / ext4_extent_room(fs) + 2 * EXT4_EXTENT_DEPTH;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	have = ext4_super_free_blocks(s);
	ext4_buffer_put(fs, b);
	return count > 0 && (have < need || have - fs->reserved < count || have < fs->reserved)
		       ? -ENOSPC
		       : 0;
}

/* In an operation: part of the hole. */
static int fill_hole(struct ext4 *fs, struct ext4_iref *ref, struct ext4_run *run)
{
	struct ext4_run before = { 0 };
	u64 goal = ext4_group_first(fs, (ref->ino - 1) / fs->inodes_per_group);
	int r = run->block > 0 ? ext4_extent_find(fs, ref, run->block - 1, &before) : 0;

	if (r == 0)
		r = ext4_blocks_alloc(
			fs, before.start != 0 ? before.start + 1 : goal, &run->count, &run->start);
	if (r != 0)
		return r;
	run->unwritten = true;
	r = ext4_extent_add(fs, ref, run);
	if (r == 0)
		r = ext4_inode_change(fs, ref);
	if (r != 0)
		return r;
	r = ext4_inode_add_blocks(fs, ref->i, run->count);
	ext4_inode_seal(fs, ref);
	return r;
}

static int fill_holes(struct ext4 *fs, struct ext4_iref *ref, u32 block, u32 end)
{
	while (block < end) {
		struct ext4_run run;
		int r = ext4_extent_find(fs, ref, block, &run);

		if (r != 0)
			return r;
		run.count = MIN(run.count, end - block);
		if (run.start == 0) {
			run.count = MIN(run.count, RUN_MAX);
			r = ext4_begin(fs, EXT4_EXTENT_BLOCKS + EXT4_ALLOC_BLOCKS + 1);
			if (r == 0)
				r = ext4_end(fs, fill_hole(fs, ref, &run));
		}
		if (r != 0)
			return r;
		block += run.count;
	}
	return 0;
}

static int allocate(struct ext4 *fs, struct ext4_iref *ref, u64 offset, u64 len)
{
	u32 first = (u32)(offset >> fs->block_bits), end = blocks_of(fs, offset + len);
	u64 count;
	int r = count_holes(fs, ref, first, end, &count);

	if (r == 0)
		r = check_room(fs, count);
	/* What is free, but not committed, is free here. */
	if (r == 0 && count > 0)
		(void)ext4_blocks_retry(fs);
	if (r == 0)
		r = fill_holes(fs, ref, first, end);
	if (r == 0 && offset + len > ext4_inode_size(ref->i))
		r = grow(fs, ref, offset + len);
	return r;
}

int ext4_file_allocate(struct ext4 *fs, u32 ino, u64 offset, u64 len)
{
	struct ext4_iref ref;
	int r;

	if (len == 0 || offset + len < offset)
		return -EINVAL;
	r = ext4_inode_get(fs, ino, &ref);
	if (r != 0)
		return r;
	r = check(fs, &ref, offset + len);
	if (r == 0)
		r = allocate(fs, &ref, offset, len);
	ext4_inode_put(fs, &ref);
	return r;
}

/* In an operation: the block of extended attributes, which several inodes may share. */
static int free_xattrs(struct ext4 *fs, struct ext4_iref *ref)
{
	u64 block = (u64)ref->i->file_acl_hi << 32 | ref->i->file_acl_lo;
	struct xattr_header *h;
	struct ext4_buffer *b;
	int r = block == 0 ? 0 : ext4_buffer_get(fs, block, &b);

	if (block == 0 || r != 0)
		return r == -EINVAL ? ext4_damaged(fs, "attributes of inode", ref->ino) : r;
	h = (struct xattr_header *)(void *)b->data;
	if (h->magic != XATTR_MAGIC || h->refcount == 0) {
		r = ext4_damaged(fs, "attributes of inode", ref->ino);
	} else if (h->refcount == 1) {
		r = ext4_forget(fs, block);
		if (r == 0)
			r = ext4_blocks_free(fs, block, 1);
	} else {
		r = ext4_change(fs, b);
		if (r == 0) {
			h->refcount--;
			h->checksum = 0;
			if (fs->checksums)
				h->checksum =
					ext4_crc32c(ext4_crc32c(fs->seed, &block, sizeof(block)),
						b->data, fs->block_size);
		}
	}
	ext4_buffer_put(fs, b);
	return r;
}

static int free_inode(struct ext4 *fs, struct ext4_iref *ref)
{
	bool directory = ext4_is_dir(ref->i);
	int r = ext4_inode_change(fs, ref);

	if (r == 0)
		r = free_xattrs(fs, ref);
	if (r == 0)
		r = ext4_orphan_remove(fs, ref);
	if (r != 0)
		return r;
	ref->i->file_acl_lo = ref->i->file_acl_hi = 0;
	ref->i->blocks_lo = ref->i->blocks_hi = 0;
	ext4_inode_set_size(ref->i, 0);
	ref->i->dtime = ext4_now();
	ext4_inode_seal(fs, ref);
	return ext4_inode_free(fs, ref->ino, directory);
}

int ext4_file_free(struct ext4 *fs, u32 ino)
{
	struct ext4_iref ref;
	bool more;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	more = ext4_has_extents(ref.i);
	/* It stays an orphan to its end. */
	while (r == 0 && more) {
		r = ext4_begin(fs, CUT_BLOCKS);
		if (r == 0)
			r = ext4_end(fs, ext4_extent_cut(fs, &ref, 0, !ext4_is_file(ref.i), &more));
	}
	if (r == 0)
		r = ext4_begin(fs, FREE_BLOCKS);
	if (r == 0)
		r = ext4_end(fs, free_inode(fs, &ref));
	ext4_inode_put(fs, &ref);
	return r;
}
