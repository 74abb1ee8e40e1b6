/* SPDX-License-Identifier: MIT */
/*
 * A small volume without checksums, made by hand, for fuzz targets: what they are given
 * changes bytes of it. One group, one file with a tree of two levels.
 */
#pragma once

#include <string.h>

#include "rootpart/ext4/ext4_space.h"
#include "tests/unit/image_disk.h"

#define IMAGE_BLOCK  1024u
#define IMAGE_BLOCKS 512u
#define IMAGE_INODES 32u
#define IMAGE_SUPER  1u
#define IMAGE_GROUP  2u
#define IMAGE_BITMAP 3u
#define IMAGE_IBITS  4u
#define IMAGE_TABLE_ 5u
#define IMAGE_TREE   9u
#define IMAGE_DATA   10u
#define IMAGE_FILE   12u
#define IMAGE_RUNS   20u /* of two blocks each */
#define IMAGE_USED   (IMAGE_DATA + 3 * IMAGE_RUNS)

static inline void *image_block(struct image_disk *disk, u32 block)
{
	return disk->bytes + (size_t)block * IMAGE_BLOCK;
}

static inline void image_super(struct image_disk *disk)
{
	struct ext4_super *s = image_block(disk, IMAGE_SUPER);
	struct ext4_group *g = image_block(disk, IMAGE_GROUP);

	*s = (struct ext4_super){ .inodes_count = IMAGE_INODES,
		.blocks_count_lo = IMAGE_BLOCKS,
		.free_blocks_count_lo = IMAGE_BLOCKS - IMAGE_USED,
		.free_inodes_count = IMAGE_INODES - 12,
		.first_data_block = 1,
		.blocks_per_group = 8 * IMAGE_BLOCK,
		.clusters_per_group = 8 * IMAGE_BLOCK,
		.inodes_per_group = IMAGE_INODES,
		.magic = EXT4_MAGIC,
		.state = EXT4_STATE_VALID,
		.rev_level = 1,
		.first_ino = 11,
		.inode_size = 128,
		.feature_incompat = EXT4_INCOMPAT_FILETYPE | EXT4_INCOMPAT_EXTENTS,
		.feature_ro_compat = EXT4_RO_LARGE_FILE | EXT4_RO_HUGE_FILE };
	*g = (struct ext4_group){ .block_bitmap_lo = IMAGE_BITMAP,
		.inode_bitmap_lo = IMAGE_IBITS,
		.inode_table_lo = IMAGE_TABLE_,
		.free_blocks_lo = IMAGE_BLOCKS - IMAGE_USED,
		.free_inodes_lo = IMAGE_INODES - 12 };
}

static inline void image_header(struct ext4_extent_header *h, u16 entries, u16 max, u16 depth)
{
	*h = (struct ext4_extent_header){
		.magic = EXT4_EXTENT_MAGIC, .entries = entries, .max = max, .depth = depth
	};
}

/* Two blocks there, one that is not, and so on; every fourth run is unwritten. */
static inline void image_file(struct image_disk *disk)
{
	struct ext4_inode *i = (void *)((u8 *)image_block(disk, IMAGE_TABLE_) +
					(IMAGE_FILE - 1) * EXT4_INODE_SIZE_OLD);
	struct ext4_extent_header *leaf = image_block(disk, IMAGE_TREE), *root = (void *)i->block;

	*i = (struct ext4_inode){ .mode = EXT4_S_IFREG | 0644,
		.links_count = 1,
		.flags = EXT4_FL_EXTENTS,
		.size_lo = 3 * IMAGE_RUNS * IMAGE_BLOCK,
		.blocks_lo = 2 * (2 * IMAGE_RUNS + 1) };
	image_header(root, 1, 4, 1);
	*ext4_indexes(root) = (struct ext4_extent_index){ .leaf_lo = IMAGE_TREE };
	image_header(leaf, IMAGE_RUNS, (IMAGE_BLOCK - 12) / 12, 0);
	for (u32 n = 0; n < IMAGE_RUNS; n++)
		ext4_extents(leaf)[n] = (struct ext4_extent){ .block = 3 * n,
			.len = (u16)(n % 4 == 3 ? 2 + EXT4_EXTENT_INIT_MAX : 2),
			.start_lo = IMAGE_DATA + 3 * n };
}

static inline void image_make(struct image_disk *disk)
{
	image_disk_make(disk, (u64)IMAGE_BLOCKS * IMAGE_BLOCK, 512);
	image_super(disk);
	/* Bit 0 is block 1. */
	ext4_bits_set(image_block(disk, IMAGE_BITMAP), 0, IMAGE_USED - 1);
	ext4_bits_set(image_block(disk, IMAGE_BITMAP), IMAGE_BLOCKS - 1,
		8 * IMAGE_BLOCK - (IMAGE_BLOCKS - 1));
	ext4_bits_set(image_block(disk, IMAGE_IBITS), 0, 12);
	image_file(disk);
}

/* Each three bytes of the input: where in the first @size bytes behind @from, and what. */
static inline void image_patch(
	struct image_disk *disk, u32 from, u32 size, const u8 *data, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i += 3)
		disk->bytes[from + (data[i] | (u32)data[i + 1] << 8) % size] = data[i + 2];
}
