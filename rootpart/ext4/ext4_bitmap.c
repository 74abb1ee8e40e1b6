/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of groups: read and checked, or made where they were never written. Only
 * volumes with checksums have such.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"

void ext4_bits_set(u8 *map, u32 from, u32 count)
{
	for (u32 i = from; i < from + count; i++)
		map[i / 8] = (u8)(map[i / 8] | 1u << i % 8);
}

void ext4_bits_clear(u8 *map, u32 from, u32 count)
{
	for (u32 i = from; i < from + count; i++)
		map[i / 8] = (u8)(map[i / 8] & ~(1u << i % 8));
}

u32 ext4_bits_next_zero(const u8 *map, u32 from, u32 end)
{
	while (from < end) {
		if (from % 8 == 0 && map[from / 8] == 0xff)
			from += 8;
		else if (ext4_bit(map, from))
			from++;
		else
			return from;
	}
	return end;
}

u32 ext4_bits_zeroes(const u8 *map, u32 from, u32 end, u32 max)
{
	u32 n = 0;

	while (n < max && from + n < end && !ext4_bit(map, from + n))
		n++;
	return n;
}

/* Sets what of @count blocks from @first on lies in the group. */
static void set_blocks(struct ext4 *fs, struct ext4_bitmap *m, u64 first, u32 count)
{
	u64 begin = ext4_group_first(fs, m->group);
	u64 from = MAX(first, begin), to = MIN(first + count, begin + m->bits);

	if (from < to)
		ext4_bits_set(m->b->data, (u32)(from - begin), (u32)(to - from));
}

static void fill_blocks(struct ext4 *fs, struct ext4_bitmap *m)
{
	set_blocks(fs, m, ext4_group_first(fs, m->group), ext4_group_base_blocks(fs, m->group));
	set_blocks(fs, m, ext4_group_block_bitmap(fs, m->g), 1);
	set_blocks(fs, m, ext4_group_inode_bitmap(fs, m->g), 1);
	set_blocks(fs, m, ext4_group_inode_table(fs, m->g), fs->table_blocks);
}

static u16 flag(const struct ext4_bitmap *m)
{
	return m->kind == EXT4_BITMAP_BLOCKS ? EXT4_GROUP_BLOCK_UNINIT : EXT4_GROUP_INODE_UNINIT;
}

static u64 place(struct ext4 *fs, const struct ext4_bitmap *m)
{
	return m->kind == EXT4_BITMAP_BLOCKS ? ext4_group_block_bitmap(fs, m->g)
					     : ext4_group_inode_bitmap(fs, m->g);
}

static u32 checksum(const struct ext4 *fs, const struct ext4_bitmap *m)
{
	u32 bits = m->kind == EXT4_BITMAP_BLOCKS ? fs->blocks_per_group : fs->inodes_per_group;

	return ext4_crc32c(fs->seed, m->b->data, bits / 8);
}

static bool has_checksum(const struct ext4 *fs, const struct ext4_bitmap *m)
{
	bool blocks = m->kind == EXT4_BITMAP_BLOCKS;
	u32 crc = checksum(fs, m), lo, hi = 0;

	lo = blocks ? m->g->block_bitmap_csum_lo : m->g->inode_bitmap_csum_lo;
	if (fs->desc_size == EXT4_GROUP_SIZE_32)
		return lo == (crc & 0xffff);
	hi = blocks ? m->g->block_bitmap_csum_hi : m->g->inode_bitmap_csum_hi;
	return (hi << 16 | lo) == crc;
}

static bool is_intact(const struct ext4 *fs, const struct ext4_bitmap *m)
{
	enum ext4_kind kind =
		m->kind == EXT4_BITMAP_BLOCKS ? EXT4_KIND_BLOCK_BITMAP : EXT4_KIND_INODE_BITMAP;

	if (!fs->checksums || ext4_is_intact(m->b, kind, m->group))
		return true;
	if (!has_checksum(fs, m))
		return false;
	ext4_set_intact(m->b, kind, m->group);
	return true;
}

/* The bitmap that the descriptor says nobody has written: of what is always there. */
static int make(struct ext4 *fs, struct ext4_bitmap *m)
{
	int r = ext4_buffer_new(fs, place(fs, m), &m->b);

	if (r == 0)
		r = ext4_bitmap_change(fs, m);
	if (r != 0)
		return r;
	memset(m->b->data, 0, fs->block_size);
	if (m->kind == EXT4_BITMAP_BLOCKS)
		fill_blocks(fs, m);
	ext4_bits_set(m->b->data, m->bits, 8 * fs->block_size - m->bits);
	m->g->flags = (u16)(m->g->flags & ~flag(m));
	if (m->kind == EXT4_BITMAP_INODES)
		ext4_group_set_unused(fs, m->g, fs->inodes_per_group);
	ext4_bitmap_seal(fs, m);
	return 0;
}

static int fetch(struct ext4 *fs, struct ext4_bitmap *m)
{
	int r;

	if (fs->checksums && m->g->flags & flag(m))
		return make(fs, m);
	r = ext4_buffer_get(fs, place(fs, m), &m->b);
	if (r == 0 && !is_intact(fs, m))
		r = ext4_damaged(fs,
			m->kind == EXT4_BITMAP_BLOCKS ? "bitmap of blocks" : "bitmap of inodes",
			m->group);
	return r;
}

int ext4_bitmap_get(struct ext4 *fs, u32 group, enum ext4_bitmap_kind kind, struct ext4_bitmap *m)
{
	int r;

	*m = (struct ext4_bitmap){ .group = group, .kind = kind };
	r = ext4_group_get(fs, group, &m->group_buffer, &m->g);
	if (r != 0)
		return r;
	m->bits = kind == EXT4_BITMAP_BLOCKS ? ext4_group_blocks(fs, group) : fs->inodes_per_group;
	r = fetch(fs, m);
	if (r != 0)
		ext4_bitmap_put(fs, m);
	return r;
}

void ext4_bitmap_put(struct ext4 *fs, struct ext4_bitmap *m)
{
	ext4_buffer_put(fs, m->b);
	ext4_buffer_put(fs, m->group_buffer);
	m->b = m->group_buffer = NULL;
}

int ext4_bitmap_change(struct ext4 *fs, struct ext4_bitmap *m)
{
	int r = ext4_change(fs, m->b);

	return r != 0 ? r : ext4_change(fs, m->group_buffer);
}

void ext4_bitmap_seal(struct ext4 *fs, struct ext4_bitmap *m)
{
	u32 crc = checksum(fs, m);

	if (!fs->checksums)
		return;
	if (m->kind == EXT4_BITMAP_BLOCKS)
		m->g->block_bitmap_csum_lo = (u16)crc;
	else
		m->g->inode_bitmap_csum_lo = (u16)crc;
	if (fs->desc_size > EXT4_GROUP_SIZE_32) {
		if (m->kind == EXT4_BITMAP_BLOCKS)
			m->g->block_bitmap_csum_hi = (u16)(crc >> 16);
		else
			m->g->inode_bitmap_csum_hi = (u16)(crc >> 16);
	}
	ext4_group_seal(fs, m->group, m->g);
}
