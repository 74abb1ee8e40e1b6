/* SPDX-License-Identifier: MIT */
/*
 * Groups: their descriptors, of 32 or more bytes, checked whenever they are looked at,
 * and which blocks of the volume are metadata of groups.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

u64 ext4_group_first(const struct ext4 *fs, u32 group)
{
	return fs->first_data_block + (u64)group * fs->blocks_per_group;
}

u32 ext4_group_blocks(const struct ext4 *fs, u32 group)
{
	return (u32)MIN(fs->blocks - ext4_group_first(fs, group), (u64)fs->blocks_per_group);
}

u32 ext4_group_of(const struct ext4 *fs, u64 block)
{
	return (u32)((block - fs->first_data_block) / fs->blocks_per_group);
}

static bool power_of(u32 x, u32 base)
{
	while (x % base == 0)
		x /= base;
	return x == 1;
}

static bool has_super(const struct ext4 *fs, u32 group)
{
	if (group == 0)
		return true;
	if (fs->feature_compat & EXT4_COMPAT_SPARSE_SUPER2)
		return group == fs->backup_groups[0] || group == fs->backup_groups[1];
	if (group == 1 || !ext4_has_ro(fs, EXT4_RO_SPARSE_SUPER))
		return true;
	return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

u32 ext4_group_base_blocks(const struct ext4 *fs, u32 group)
{
	if (!has_super(fs, group))
		return 0;
	return 1 + fs->descriptor_blocks + fs->reserved_descriptor_blocks;
}

static bool is_wide(const struct ext4 *fs)
{
	return fs->desc_size > EXT4_GROUP_SIZE_32;
}

static u64 wide64(const struct ext4 *fs, u32 lo, u32 hi_at, const struct ext4_group *g)
{
	const u32 *hi = (const u32 *)(const void *)((const u8 *)g + hi_at);

	return is_wide(fs) ? (u64)*hi << 32 | lo : lo;
}

u64 ext4_group_block_bitmap(const struct ext4 *fs, const struct ext4_group *g)
{
	return wide64(fs, g->block_bitmap_lo, offsetof(struct ext4_group, block_bitmap_hi), g);
}

u64 ext4_group_inode_bitmap(const struct ext4 *fs, const struct ext4_group *g)
{
	return wide64(fs, g->inode_bitmap_lo, offsetof(struct ext4_group, inode_bitmap_hi), g);
}

u64 ext4_group_inode_table(const struct ext4 *fs, const struct ext4_group *g)
{
	return wide64(fs, g->inode_table_lo, offsetof(struct ext4_group, inode_table_hi), g);
}

/* A counter: its lower half is in every descriptor, the upper in wide ones. */
#define COUNTER(name, field)                                                                   \
	u32 ext4_group_##name(const struct ext4 *fs, const struct ext4_group *g)               \
	{                                                                                      \
		return is_wide(fs) ? (u32)g->field##_hi << 16 | g->field##_lo : g->field##_lo; \
	}                                                                                      \
	void ext4_group_set_##name(const struct ext4 *fs, struct ext4_group *g, u32 n)         \
	{                                                                                      \
		g->field##_lo = (u16)n;                                                        \
		if (is_wide(fs))                                                               \
			g->field##_hi = (u16)(n >> 16);                                        \
	}

COUNTER(free_blocks, free_blocks)
COUNTER(free_inodes, free_inodes)
COUNTER(used_dirs, used_dirs)
COUNTER(unused, itable_unused)

static u16 checksum(const struct ext4 *fs, u32 group, const struct ext4_group *g)
{
	static const u16 none;
	u32 crc = ext4_crc32c(fs->seed, &group, sizeof(group));

	crc = ext4_crc32c(crc, g, offsetof(struct ext4_group, checksum));
	crc = ext4_crc32c(crc, &none, sizeof(none));
	if (is_wide(fs))
		crc = ext4_crc32c(crc, (const u8 *)g + EXT4_GROUP_SIZE_32,
			fs->desc_size - EXT4_GROUP_SIZE_32);
	return (u16)crc;
}

void ext4_group_seal(struct ext4 *fs, u32 group, struct ext4_group *g)
{
	if (fs->checksums)
		g->checksum = checksum(fs, group, g);
}

static bool lies_inside(const struct ext4 *fs, u64 first, u32 count)
{
	return first > fs->super_block && first < fs->blocks && count <= fs->blocks - first;
}

static bool makes_sense(const struct ext4 *fs, u32 group, const struct ext4_group *g)
{
	if (fs->checksums && g->checksum != checksum(fs, group, g))
		return false;
	return lies_inside(fs, ext4_group_block_bitmap(fs, g), 1) &&
	       lies_inside(fs, ext4_group_inode_bitmap(fs, g), 1) &&
	       lies_inside(fs, ext4_group_inode_table(fs, g), fs->table_blocks) &&
	       ext4_group_free_blocks(fs, g) <= ext4_group_blocks(fs, group) &&
	       ext4_group_free_inodes(fs, g) <= fs->inodes_per_group &&
	       ext4_group_used_dirs(fs, g) <= fs->inodes_per_group &&
	       (!fs->checksums || ext4_group_unused(fs, g) <= fs->inodes_per_group);
}

int ext4_group_get(struct ext4 *fs, u32 group, struct ext4_buffer **b, struct ext4_group **g)
{
	u64 at = (u64)group * fs->desc_size;
	int r = ext4_buffer_get(fs, fs->super_block + 1 + (at >> fs->block_bits), b);

	if (r != 0)
		return r;
	*g = (struct ext4_group *)(void *)((*b)->data + (at & (fs->block_size - 1)));
	if (makes_sense(fs, group, *g))
		return 0;
	ext4_buffer_put(fs, *b);
	*b = NULL;
	return ext4_damaged(fs, "descriptor of a group", group);
}

static bool overlap(u64 first, u32 count, u64 other, u32 others)
{
	return others > 0 && first < other + others && other < first + count;
}

static int is_group_metadata(struct ext4 *fs, u32 group, u64 first, u32 count)
{
	struct ext4_buffer *b;
	struct ext4_group *g;
	int r = ext4_group_get(fs, group, &b, &g);

	if (r != 0)
		return r;
	r = overlap(first, count, ext4_group_block_bitmap(fs, g), 1) ||
	    overlap(first, count, ext4_group_inode_bitmap(fs, g), 1) ||
	    overlap(first, count, ext4_group_inode_table(fs, g), fs->table_blocks);
	ext4_buffer_put(fs, b);
	return r;
}

/* What lies together with its neighbours' is looked for among those. */
int ext4_is_metadata(struct ext4 *fs, u64 first, u32 count)
{
	u32 group = ext4_group_of(fs, first), last = ext4_group_of(fs, first + count - 1);
	int r = 0;

	for (u32 i = group; r == 0 && i <= last; i++)
		r = overlap(first, count, ext4_group_first(fs, i), ext4_group_base_blocks(fs, i));
	group -= group % fs->flex_groups;
	last = MIN(last - last % fs->flex_groups + fs->flex_groups, fs->group_count);
	for (; r == 0 && group < last; group++)
		r = is_group_metadata(fs, group, first, count);
	return r;
}
