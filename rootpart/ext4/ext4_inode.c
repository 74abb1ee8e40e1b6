/* SPDX-License-Identifier: MIT */
/*
 * Inodes in their tables: found, checked, changed and sealed with their checksums;
 * sizes, times, counts of blocks.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"

/* None of their features is ever mounted. */
#define FLAGS_REFUSED \
	(EXT4_FL_INLINE_DATA | 0x00000800u /* encrypted */ | 0x40000000u /* casefold */)
#define SECTOR_BITS 9u
#define BLOCKS_48   (BIT(48) - 1)

/* Whether the inode has the field, of @size bytes at @offset. */
static bool has_field(const struct ext4 *fs, const struct ext4_inode *i, u32 offset, u32 size)
{
	return fs->inode_size > EXT4_INODE_SIZE_OLD &&
	       offset + size <= EXT4_INODE_SIZE_OLD + (u32)i->extra_isize;
}

#define HAS(fs, i, field) has_field(fs, i, offsetof(struct ext4_inode, field), sizeof((i)->field))

u32 ext4_inode_seed(const struct ext4 *fs, const struct ext4_iref *ref)
{
	u32 crc = ext4_crc32c(fs->seed, &ref->ino, sizeof(ref->ino));

	return ext4_crc32c(crc, &ref->i->generation, sizeof(ref->i->generation));
}

/* Of the whole inode, its own fields taken for zeroes. */
static u32 checksum(const struct ext4 *fs, const struct ext4_iref *ref)
{
	static const u16 none;
	const u8 *p = (const u8 *)ref->i;
	u32 lo = offsetof(struct ext4_inode, checksum_lo);
	u32 hi = offsetof(struct ext4_inode, checksum_hi);
	u32 crc = ext4_crc32c(ext4_inode_seed(fs, ref), p, lo), at = lo + 2;

	crc = ext4_crc32c(crc, &none, sizeof(none));
	if (HAS(fs, ref->i, checksum_hi)) {
		crc = ext4_crc32c(crc, p + at, hi - at);
		crc = ext4_crc32c(crc, &none, sizeof(none));
		at = hi + 2;
	}
	return ext4_crc32c(crc, p + at, fs->inode_size - at);
}

static bool is_intact(const struct ext4 *fs, const struct ext4_iref *ref)
{
	u32 crc;

	if (!fs->checksums)
		return true;
	crc = checksum(fs, ref);
	if (!HAS(fs, ref->i, checksum_hi))
		return ref->i->checksum_lo == (crc & 0xffff);
	return ((u32)ref->i->checksum_hi << 16 | ref->i->checksum_lo) == crc;
}

static bool makes_sense(const struct ext4 *fs, const struct ext4_iref *ref)
{
	const struct ext4_inode *i = ref->i;

	if (fs->inode_size > EXT4_INODE_SIZE_OLD &&
		(i->extra_isize % 4 != 0 ||
			EXT4_INODE_SIZE_OLD + (u32)i->extra_isize > fs->inode_size))
		return false;
	if (!is_intact(fs, ref) || i->flags & FLAGS_REFUSED)
		return false;
	return (!ext4_is_file(i) && !ext4_is_dir(i)) ||
	       ext4_inode_size(i) <= (u64)EXT4_EXTENT_END << fs->block_bits;
}

static int locate(struct ext4 *fs, u32 ino, u64 *block, u32 *offset)
{
	u32 group = (ino - 1) / fs->inodes_per_group, at = (ino - 1) % fs->inodes_per_group;
	struct ext4_buffer *b;
	struct ext4_group *g;
	bool unused;
	int r = ext4_group_get(fs, group, &b, &g);

	if (r != 0)
		return r;
	unused = fs->checksums && (g->flags & EXT4_GROUP_INODE_UNINIT ||
					  at >= fs->inodes_per_group - ext4_group_unused(fs, g));
	*block = ext4_group_inode_table(fs, g) + (u64)at * fs->inode_size / fs->block_size;
	*offset = at * fs->inode_size % fs->block_size;
	ext4_buffer_put(fs, b);
	return unused ? ext4_damaged(fs, "an inode that was never used is named", ino) : 0;
}

int ext4_inode_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref)
{
	u32 offset;
	u64 block;
	int r;

	*ref = (struct ext4_iref){ .ino = ino };
	if (ino == 0 || ino > fs->inodes)
		return -EINVAL;
	r = locate(fs, ino, &block, &offset);
	if (r == 0)
		r = ext4_buffer_get(fs, block, &ref->b);
	if (r != 0)
		return r;
	ref->i = (struct ext4_inode *)(void *)(ref->b->data + offset);
	if (makes_sense(fs, ref))
		return 0;
	ext4_inode_put(fs, ref);
	return ext4_damaged(fs, "inode", ino);
}

void ext4_inode_put(struct ext4 *fs, struct ext4_iref *ref)
{
	ext4_buffer_put(fs, ref->b);
	ref->b = NULL;
	ref->i = NULL;
}

int ext4_inode_change(struct ext4 *fs, struct ext4_iref *ref)
{
	return ext4_change(fs, ref->b);
}

void ext4_inode_seal(struct ext4 *fs, struct ext4_iref *ref)
{
	u32 crc;

	if (!fs->checksums)
		return;
	crc = checksum(fs, ref);
	ref->i->checksum_lo = (u16)crc;
	if (HAS(fs, ref->i, checksum_hi))
		ref->i->checksum_hi = (u16)(crc >> 16);
}

u64 ext4_inode_size(const struct ext4_inode *i)
{
	return (u64)i->size_hi << 32 | i->size_lo;
}

void ext4_inode_set_size(struct ext4_inode *i, u64 size)
{
	i->size_lo = (u32)size;
	i->size_hi = (u32)(size >> 32);
}

int ext4_inode_add_blocks(struct ext4 *fs, struct ext4_inode *i, s64 blocks)
{
	u32 shift = fs->block_bits - SECTOR_BITS;
	bool huge = ext4_has_ro(fs, EXT4_RO_HUGE_FILE);
	s64 n = (s64)i->blocks_lo;

	if (huge)
		n |= (s64)i->blocks_hi << 32;
	/* In sectors; what is left of one of those that are no block stays. */
	if (huge && i->flags & EXT4_FL_HUGE_FILE)
		n <<= shift;
	n += blocks * ((s64)1 << shift);
	if (n < 0)
		return ext4_damaged(fs, "count of an inode's blocks", (u64)n);
	if (n > UINT32_MAX && !huge)
		return -EFBIG;
	i->flags &= ~EXT4_FL_HUGE_FILE;
	if ((u64)n > BLOCKS_48) {
		i->flags |= EXT4_FL_HUGE_FILE;
		n >>= shift;
	}
	i->blocks_lo = (u32)n;
	if (huge)
		i->blocks_hi = (u16)(n >> 32);
	return 0;
}

/* What of a time does not fit a signed 32-bit number: 2038 and later. */
static u32 epoch_bits(u32 seconds)
{
	return seconds >> 31;
}

void ext4_inode_touch(struct ext4 *fs, struct ext4_inode *i)
{
	u32 now = ext4_now();

	i->mtime = i->ctime = now;
	if (HAS(fs, i, mtime_extra))
		i->ctime_extra = i->mtime_extra = epoch_bits(now);
}

static void init_times(struct ext4 *fs, struct ext4_inode *i)
{
	ext4_inode_touch(fs, i);
	i->atime = i->mtime;
	if (HAS(fs, i, atime_extra))
		i->atime_extra = i->mtime_extra;
	if (HAS(fs, i, crtime_extra)) {
		i->crtime = i->mtime;
		i->crtime_extra = i->mtime_extra;
	}
}

/* The generation differs from the last one's with this number, so that its blocks' checksums do. */
void ext4_inode_init(struct ext4 *fs, struct ext4_iref *ref)
{
	struct ext4_extent_header *root = ext4_extent_root(ref);
	u32 generation = ref->i->generation + (ext4_now() ^ ref->ino * 2654435761u) + 1;

	memset(ref->i, 0, fs->inode_size);
	ref->i->generation = generation;
	if (fs->inode_size > EXT4_INODE_SIZE_OLD)
		ref->i->extra_isize = fs->extra_isize;
	ref->i->flags = EXT4_FL_EXTENTS;
	*root = (struct ext4_extent_header){ .magic = EXT4_EXTENT_MAGIC,
		.max = (sizeof(ref->i->block) - sizeof(*root)) / sizeof(struct ext4_extent) };
	init_times(fs, ref->i);
}
