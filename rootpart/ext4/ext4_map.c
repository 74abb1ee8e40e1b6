/* SPDX-License-Identifier: MIT */
/*
 * Where files lie, for those who move their data themselves: a run is checked against metadata
 * when it is told, as nobody looks at it again when it is written.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

static u64 bytes_of(const struct ext4 *fs, u64 blocks)
{
	return blocks << fs->block_bits;
}

/* The part of @run, which @offset lies in, that is the file's, from @offset on. */
static void describe(const struct ext4 *fs, const struct ext4_run *run, u64 offset, u64 size,
	struct vfs_extent *e)
{
	u64 begin = bytes_of(fs, run->block), end = bytes_of(fs, (u64)run->block + run->count);

	*e = (struct vfs_extent){ .offset = offset, .len = MIN(end, size) - offset };
	if (run->start == 0)
		return;
	e->place = bytes_of(fs, run->start) + (offset - begin);
	e->state = run->unwritten ? VFS_UNWRITTEN : VFS_WRITTEN;
}

static int map(struct ext4 *fs, const struct ext4_iref *ref, u64 offset, struct vfs_extent *e)
{
	u64 size = ext4_inode_size(ref->i);
	struct ext4_run run;
	int r = offset < size ? 0 : -EINVAL;

	if (r == 0)
		r = ext4_extent_find(fs, ref, (u32)(offset >> fs->block_bits), &run);
	if (r == 0 && run.start != 0)
		r = ext4_is_metadata(fs, run.start, run.count);
	if (r != 0)
		return r < 0 ? r : ext4_damaged(fs, "a file has metadata's blocks", ref->ino);
	describe(fs, &run, offset, size, e);
	return 0;
}

int ext4_file_map(struct ext4 *fs, u32 ino, u64 offset, struct vfs_extent *extent)
{
	struct ext4_iref ref;
	int r = ext4_file_get(fs, ino, &ref);

	if (r != 0)
		return r;
	r = offset >> fs->block_bits < EXT4_EXTENT_END ? map(fs, &ref, offset, extent) : -EINVAL;
	ext4_inode_put(fs, &ref);
	return r;
}

/* In an operation. */
static int touch(struct ext4 *fs, struct ext4_iref *ref)
{
	int r = ext4_inode_change(fs, ref);

	if (r != 0)
		return r;
	ext4_inode_touch(fs, ref->i);
	ext4_inode_seal(fs, ref);
	return 0;
}

/* In an operation. */
static int set_written(struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run)
{
	int r = ext4_extent_set_written(fs, ref, run->block, run->count);

	return r != 0 ? r : touch(fs, ref);
}

/* The blocks from *@block on, as far as they lie in one run; moves on. */
static int written_step(struct ext4 *fs, struct ext4_iref *ref, u32 *block, u32 end)
{
	struct ext4_run run;
	int r = ext4_extent_find(fs, ref, *block, &run);

	if (r == 0 && run.start == 0)
		r = -EINVAL;
	if (r != 0)
		return r;
	run.count = MIN(run.count, end - *block);
	if (run.unwritten) {
		r = ext4_begin(fs, EXT4_EXTENT_BLOCKS + 1);
		if (r == 0)
			r = ext4_end(fs, set_written(fs, ref, &run));
	}
	*block += run.count;
	return r;
}

/* True if they are whole blocks of the file, the last one up to its end. */
static bool whole_blocks(const struct ext4 *fs, const struct ext4_iref *ref, u64 offset, u64 len)
{
	u64 size = ext4_inode_size(ref->i), mask = fs->block_size - 1;

	if (offset > size || len > size - offset || (offset & mask) != 0)
		return false;
	return offset + len == size || (len & mask) == 0;
}

int ext4_file_written(struct ext4 *fs, u32 ino, u64 offset, u64 len)
{
	struct ext4_iref ref;
	u32 block, end;
	int r = ext4_file_get(fs, ino, &ref);

	if (r != 0)
		return r;
	if (!whole_blocks(fs, &ref, offset, len))
		r = -EINVAL;
	block = (u32)(offset >> fs->block_bits);
	end = (u32)(ALIGN_UP(offset + len, fs->block_size) >> fs->block_bits);
	while (r == 0 && block < end)
		r = written_step(fs, &ref, &block, end);
	ext4_inode_put(fs, &ref);
	return r;
}

int ext4_file_touch(struct ext4 *fs, u32 ino)
{
	struct ext4_iref ref;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	r = ext4_begin(fs, 1);
	if (r == 0)
		r = ext4_end(fs, touch(fs, &ref));
	ext4_inode_put(fs, &ref);
	return r;
}
