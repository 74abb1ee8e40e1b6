/* SPDX-License-Identifier: MIT */
/*
 * Contents of files: read, and written, piece by piece. A piece lies in one run, and goes by
 * memory of our own, as the caller's may lie anywhere; but whole blocks go between the device
 * and the caller's memory where the device can reach that. Blocks that are written already are
 * overwritten where they are; into new and unwritten ones the data comes first, whole blocks with
 * zeroes around it, and then the operation that names them: whatever fails in between, nobody
 * sees what lay there before.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/heap.h"

#define PIECE_BYTES  (256 * KIB)
#define SKIP_RUNS    1024u
#define WRITE_BLOCKS (EXT4_EXTENT_BLOCKS + EXT4_ALLOC_BLOCKS + 1u)

/* A part of a read or write: the bytes from @offset on that lie in @run. */
struct piece {
	struct ext4_iref ref;
	struct ext4_run run; /* of the blocks that it touches, or the first of them */
	u64 offset;
	u32 in; /* where it begins in its first block */
	u32 bytes;
	u8 *own; /* PIECE_BYTES at most */
	u8 *buf; /* its blocks: own memory, or the caller's, which a write only reads */
};

static u32 bounce_bytes(const struct ext4 *fs, u64 offset, size_t len)
{
	u64 whole = ALIGN_UP((offset & (fs->block_size - 1)) + len, fs->block_size);

	return (u32)MIN(whole, PIECE_BYTES);
}

/* Regular, and by extents. */
static int check_kind(const struct ext4_iref *ref)
{
	if (!ext4_is_file(ref->i))
		return ext4_is_dir(ref->i) ? -EISDIR : -EINVAL;
	return ext4_has_extents(ref->i) ? 0 : -ENOTSUP;
}

int ext4_file_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref)
{
	int r = ext4_inode_get(fs, ino, ref);

	if (r != 0)
		return r;
	r = check_kind(ref);
	if (r != 0)
		ext4_inode_put(fs, ref);
	return r;
}

/* Sets all but the inode and memory: as much of @len as lies in one run and in the memory. */
static int piece_find(struct ext4 *fs, struct piece *p, u64 offset, u64 len, u32 room)
{
	u64 blocks;
	int r;

	p->offset = offset;
	p->in = (u32)(offset & (fs->block_size - 1));
	len = MIN(len, (u64)room - p->in);
	if (offset >> fs->block_bits >= EXT4_EXTENT_END)
		return -EFBIG;
	r = ext4_extent_find(fs, &p->ref, (u32)(offset >> fs->block_bits), &p->run);
	if (r != 0)
		return r;
	blocks = (p->in + len + fs->block_size - 1) >> fs->block_bits;
	p->run.count = (u32)MIN(blocks, (u64)p->run.count);
	p->bytes = (u32)MIN(len, ((u64)p->run.count << fs->block_bits) - p->in);
	return 0;
}

static bool reads_as_zero(const struct ext4_run *run)
{
	return run->start == 0 || run->unwritten;
}

/* Where its blocks lie; it is cut to the whole ones of the caller's memory @data, if it has some. */
static void piece_place(const struct ext4 *fs, struct piece *p, const u8 *data)
{
	u32 whole = p->in == 0 ? p->bytes >> fs->block_bits : 0;

	p->buf = p->own;
	if (whole == 0 || !block_is_direct(data))
		return;
	p->buf = (u8 *)(uintptr_t)data;
	p->run.count = whole;
	p->bytes = whole << fs->block_bits;
}

static int read_piece(struct ext4 *fs, struct piece *p, u8 *to)
{
	int r;

	if (reads_as_zero(&p->run)) {
		memset(to, 0, p->bytes);
		return 0;
	}
	piece_place(fs, p, to);
	r = ext4_blocks_read(fs, p->run.start, p->buf, p->run.count);
	if (r == 0 && p->buf == p->own)
		memcpy(to, p->buf + p->in, p->bytes);
	return r;
}

static s64 read_all(struct ext4 *fs, struct piece *p, u64 offset, u8 *to, size_t len)
{
	size_t done = 0;
	u32 room = bounce_bytes(fs, offset, len);
	int r = 0;

	p->own = kmalloc(room);
	if (p->own == NULL)
		return -ENOMEM;
	while (r == 0 && done < len) {
		r = piece_find(fs, p, offset + done, len - done, room);
		if (r == 0)
			r = read_piece(fs, p, to + done);
		if (r == 0)
			done += p->bytes;
	}
	kfree(p->own);
	return done > 0 || r == 0 ? (s64)done : r;
}

s64 ext4_file_read(struct ext4 *fs, u32 ino, u64 offset, void *buf, size_t len)
{
	struct piece p = { 0 };
	u64 size;
	s64 done = ext4_file_get(fs, ino, &p.ref);

	if (done != 0)
		return done;
	size = ext4_inode_size(p.ref.i);
	len = offset < size ? (size_t)MIN((u64)len, size - offset) : 0;
	if (len > 0)
		done = read_all(fs, &p, offset, buf, len);
	ext4_inode_put(fs, &p.ref);
	return done;
}

/* Not all runs at once: others wait for the volume. */
static int skip_runs(struct ext4 *fs, const struct ext4_iref *ref, u64 size, u64 *offset)
{
	u64 at = *offset;

	for (u32 i = 0; i < SKIP_RUNS && at < size; i++) {
		struct ext4_run run;
		int r = ext4_extent_find(fs, ref, (u32)(at >> fs->block_bits), &run);

		if (r != 0)
			return r;
		if (!reads_as_zero(&run))
			break;
		at = ((u64)run.block + run.count) << fs->block_bits;
	}
	*offset = MAX(*offset, MIN(at, size));
	return 0;
}

int ext4_file_data(struct ext4 *fs, u32 ino, u64 *offset)
{
	struct ext4_iref ref;
	int r = ext4_file_get(fs, ino, &ref);

	if (r != 0)
		return r;
	r = skip_runs(fs, &ref, ext4_inode_size(ref.i), offset);
	ext4_inode_put(fs, &ref);
	return r;
}

/* Block @n of the piece as it is on the volume; what lies behind the file's end is zeroes. */
static int read_old(struct ext4 *fs, const struct piece *p, u32 n)
{
	u64 at = (u64)(p->run.block + n) << fs->block_bits, size = ext4_inode_size(p->ref.i);
	u8 *to = p->buf + ((size_t)n << fs->block_bits);
	u32 have = at < size ? (u32)MIN(size - at, (u64)fs->block_size) : 0;
	int r = 0;

	if (have > 0)
		r = ext4_blocks_read(fs, p->run.start + n, to, 1);
	if (r == 0)
		memset(to + have, 0, fs->block_size - have);
	return r;
}

/* The whole blocks, as they will be. */
static int fill(struct ext4 *fs, const struct piece *p, const u8 *from)
{
	u32 size = p->run.count << fs->block_bits, end = p->in + p->bytes;
	bool old = p->run.start != 0 && !p->run.unwritten;
	int r = 0;

	if (p->buf != p->own)
		return 0;
	if (old && p->in > 0)
		r = read_old(fs, p, 0);
	if (r == 0 && old && end < size && (p->in == 0 || p->run.count > 1))
		r = read_old(fs, p, p->run.count - 1);
	if (!old) {
		memset(p->buf, 0, p->in);
		memset(p->buf + end, 0, size - end);
	}
	memcpy(p->buf + p->in, from, p->bytes);
	return r;
}

/* In an operation: size and times, behind the change of the extents. */
static int finish_inode(struct ext4 *fs, struct piece *p)
{
	int r = ext4_inode_change(fs, &p->ref);

	if (r != 0)
		return r;
	if (p->offset + p->bytes > ext4_inode_size(p->ref.i))
		ext4_inode_set_size(p->ref.i, p->offset + p->bytes);
	ext4_inode_touch(fs, p->ref.i);
	ext4_inode_seal(fs, &p->ref);
	return 0;
}

/* An operation only where the size changes, or what the time says. */
static int write_in_place(struct ext4 *fs, struct piece *p)
{
	int r = fs->read_only ? -EROFS : ext4_is_metadata(fs, p->run.start, p->run.count);

	if (r != 0)
		return r < 0 ? r : ext4_damaged(fs, "a file has metadata's blocks", p->ref.ino);
	r = ext4_blocks_write(fs, p->run.start, p->buf, p->run.count);
	if (r == 0)
		ext4_changed(fs);
	if (r != 0 || (p->offset + p->bytes <= ext4_inode_size(p->ref.i) &&
			      p->ref.i->mtime == ext4_now()))
		return r;
	r = ext4_begin(fs, 1);
	return r != 0 ? r : ext4_end(fs, finish_inode(fs, p));
}

static int convert(struct ext4 *fs, struct piece *p)
{
	int r = ext4_extent_set_written(fs, &p->ref, p->run.block, p->run.count);

	return r != 0 ? r : finish_inode(fs, p);
}

static int write_unwritten(struct ext4 *fs, struct piece *p)
{
	int r = fs->read_only ? -EROFS : ext4_is_metadata(fs, p->run.start, p->run.count);

	if (r != 0)
		return r < 0 ? r : ext4_damaged(fs, "a file has metadata's blocks", p->ref.ino);
	r = ext4_blocks_write(fs, p->run.start, p->buf, p->run.count);
	if (r == 0)
		r = ext4_begin(fs, WRITE_BLOCKS);
	return r != 0 ? r : ext4_end(fs, convert(fs, p));
}

/* Where the file's next block best lies: behind the one before, or in its inode's group. */
static u64 goal(struct ext4 *fs, const struct ext4_iref *ref, u32 block)
{
	struct ext4_run before;

	if (block > 0 && ext4_extent_find(fs, ref, block - 1, &before) == 0 && before.start != 0)
		return before.start + 1;
	return ext4_group_first(fs, (ref->ino - 1) / fs->inodes_per_group);
}

/* May be fewer blocks than the piece has; it is cut to what there is. */
static int fill_hole(struct ext4 *fs, struct piece *p, const u8 *from)
{
	int r = ext4_blocks_alloc(
		fs, goal(fs, &p->ref, p->run.block), &p->run.count, &p->run.start);

	if (r != 0)
		return r;
	p->bytes = MIN(p->bytes, (p->run.count << fs->block_bits) - p->in);
	p->run.unwritten = true; /* of what lies there nothing is ours */
	r = fill(fs, p, from);
	p->run.unwritten = false;
	if (r == 0)
		r = ext4_blocks_write(fs, p->run.start, p->buf, p->run.count);
	if (r == 0)
		r = ext4_extent_add(fs, &p->ref, &p->run);
	if (r == 0)
		r = ext4_inode_change(fs, &p->ref);
	if (r == 0)
		r = ext4_inode_add_blocks(fs, p->ref.i, p->run.count);
	return r != 0 ? r : finish_inode(fs, p);
}

static int write_piece(struct ext4 *fs, struct piece *p, const u8 *from)
{
	int r;

	piece_place(fs, p, from);
	if (p->run.start == 0) {
		r = ext4_begin(fs, WRITE_BLOCKS);
		return r != 0 ? r : ext4_end(fs, fill_hole(fs, p, from));
	}
	r = fill(fs, p, from);
	if (r != 0)
		return r;
	return p->run.unwritten ? write_unwritten(fs, p) : write_in_place(fs, p);
}

static s64 write_all(struct ext4 *fs, struct piece *p, u64 offset, const u8 *from, size_t len)
{
	size_t done = 0;
	u32 room = bounce_bytes(fs, offset, len);
	bool again = true;
	int r = 0;

	p->own = kmalloc(room);
	if (p->own == NULL)
		return -ENOMEM;
	while (r == 0 && done < len) {
		r = piece_find(fs, p, offset + done, len - done, room);
		if (r == 0)
			r = write_piece(fs, p, from + done);
		if (r == 0) {
			done += p->bytes;
		} else if (r == -ENOSPC && again && ext4_blocks_retry(fs)) {
			again = false;
			r = 0;
		}
	}
	kfree(p->own);
	return done > 0 || r == 0 ? (s64)done : r;
}

static int may_write(const struct ext4 *fs, const struct ext4_iref *ref, u64 offset, size_t len)
{
	u64 most = (u64)EXT4_EXTENT_END << fs->block_bits;

	if (fs->read_only)
		return -EROFS;
	if (ref->i->flags & EXT4_FL_IMMUTABLE)
		return -EPERM;
	return offset > most || len > most - offset ? -EFBIG : 0;
}

s64 ext4_file_write(struct ext4 *fs, u32 ino, u64 offset, const void *buf, size_t len)
{
	struct piece p = { 0 };
	s64 done = ext4_file_get(fs, ino, &p.ref);
	u64 size;

	if (done != 0)
		return done;
	size = ext4_inode_size(p.ref.i);
	done = may_write(fs, &p.ref, offset, len);
	if (done == 0 && offset > size && len > 0)
		done = ext4_file_zero_tail(fs, &p.ref, size);
	if (done == 0 && len > 0)
		done = write_all(fs, &p, offset, buf, len);
	ext4_inode_put(fs, &p.ref);
	return done;
}
