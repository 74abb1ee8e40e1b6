/* SPDX-License-Identifier: MIT */
/*
 * The superblock's numbers: checked against each other and the device, and put into
 * struct ext4. Everything else relies on them.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/log.h"

#define BLOCK_SIZE_LOG_MAX 2u /* 4 KiB */
#define FLEX_LOG_MAX       8u
#define FIRST_INO_LEAST    11u
#define EXTRA_ISIZE_MAX    (sizeof(struct ext4_inode) - EXT4_INODE_SIZE_OLD)

static int bad(const struct ext4 *fs, const char *what, int error)
{
	log_printf("ext4: %s: not mounted: %s", fs->device->name, what);
	return error;
}

static bool power_of_two(u32 x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static int load_identity(struct ext4 *fs, const struct ext4_super *s)
{
	fs->checksums = s->feature_ro_compat & EXT4_RO_METADATA_CSUM;
	if (s->magic != EXT4_MAGIC)
		return bad(fs, "no superblock", -EINVAL);
	if (s->rev_level != 1)
		return bad(fs, "an old or unknown revision", -ENOTSUP);
	if (fs->checksums && s->checksum_type != 1)
		return bad(fs, "unknown checksums", -ENOTSUP);
	if (fs->checksums &&
		s->checksum != ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum)))
		return bad(fs, "the superblock's checksum is wrong", -EINVAL);
	fs->feature_compat = s->feature_compat;
	fs->feature_incompat = s->feature_incompat;
	fs->feature_ro_compat = s->feature_ro_compat;
	fs->seed = s->feature_incompat & EXT4_INCOMPAT_CSUM_SEED
			   ? s->checksum_seed
			   : ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));
	memcpy(fs->hash_seed, s->hash_seed, sizeof(fs->hash_seed));
	fs->hash_unsigned = s->flags & EXT4_SUPER_UNSIGNED_HASH;
	return 0;
}

static int load_blocks(struct ext4 *fs, const struct ext4_super *s)
{
	const struct block_limits *l = &fs->device->limits;
	u64 room;

	if (s->log_block_size > BLOCK_SIZE_LOG_MAX)
		return bad(fs, "blocks above 4 KiB", -ENOTSUP);
	fs->block_bits = 10 + s->log_block_size;
	fs->block_size = 1u << fs->block_bits;
	if (fs->block_size < l->sector_size)
		return bad(fs, "blocks below the device's sectors", -ENOTSUP);
	fs->blocks = s->blocks_count_lo;
	if (s->feature_incompat & EXT4_INCOMPAT_64BIT)
		fs->blocks |= (u64)s->blocks_count_hi << 32;
	room = l->sectors / (fs->block_size / l->sector_size);
	if (fs->blocks > room)
		return bad(fs, "it is larger than its device", -EINVAL);
	fs->first_data_block = s->first_data_block;
	if (fs->first_data_block != (fs->block_size == 1024))
		return bad(fs, "the first block makes no sense", -EINVAL);
	fs->super_block = EXT4_SUPER_OFFSET / fs->block_size;
	fs->super_offset = EXT4_SUPER_OFFSET % fs->block_size;
	fs->reserved = s->r_blocks_count_lo;
	if (s->feature_incompat & EXT4_INCOMPAT_64BIT)
		fs->reserved |= (u64)s->r_blocks_count_hi << 32;
	if (fs->reserved > fs->blocks)
		return bad(fs, "more is reserved than there is", -EINVAL);
	return 0;
}

static int load_groups(struct ext4 *fs, const struct ext4_super *s)
{
	u32 most = 8 * fs->block_size;
	u64 count;

	fs->blocks_per_group = s->blocks_per_group;
	/* With clusters, which are for reading only, a bit stands for several blocks. */
	if (s->feature_ro_compat & BIT(9))
		most = 1u << 31;
	else if (s->log_cluster_size != s->log_block_size)
		return bad(fs, "clusters make no sense", -EINVAL);
	if (fs->blocks_per_group == 0 || fs->blocks_per_group > most ||
		fs->blocks_per_group % 8 != 0 || fs->blocks <= fs->first_data_block + 1)
		return bad(fs, "groups make no sense", -EINVAL);
	count = (fs->blocks - fs->first_data_block + fs->blocks_per_group - 1) /
		fs->blocks_per_group;
	if (count > UINT32_MAX)
		return bad(fs, "too many groups", -EINVAL);
	fs->group_count = (u32)count;
	fs->desc_size = s->feature_incompat & EXT4_INCOMPAT_64BIT ? s->desc_size : 32;
	if (s->feature_incompat & EXT4_INCOMPAT_64BIT &&
		(fs->desc_size < 64 || fs->desc_size > 1024 || !power_of_two(fs->desc_size)))
		return bad(fs, "descriptors make no sense", -EINVAL);
	count = (count * fs->desc_size + fs->block_size - 1) >> fs->block_bits;
	if (fs->super_block + 1 + count > fs->blocks || count > UINT32_MAX / 2)
		return bad(fs, "descriptors do not fit", -EINVAL);
	fs->descriptor_blocks = (u32)count;
	fs->reserved_descriptor_blocks = s->reserved_gdt_blocks;
	memcpy(fs->backup_groups, s->backup_bgs, sizeof(fs->backup_groups));
	fs->flex_groups = s->feature_incompat & EXT4_INCOMPAT_FLEX_BG
				  ? 1u << MIN(s->log_groups_per_flex, FLEX_LOG_MAX)
				  : 1;
	return 0;
}

static int load_inodes(struct ext4 *fs, const struct ext4_super *s)
{
	u32 per_block;

	fs->inode_size = s->inode_size;
	if (fs->inode_size < EXT4_INODE_SIZE_OLD || fs->inode_size > fs->block_size ||
		!power_of_two(fs->inode_size))
		return bad(fs, "the size of inodes makes no sense", -EINVAL);
	per_block = fs->block_size / fs->inode_size;
	fs->inodes_per_group = s->inodes_per_group;
	if (fs->inodes_per_group == 0 || fs->inodes_per_group > 8 * fs->block_size ||
		fs->inodes_per_group % per_block != 0 || fs->inodes_per_group % 8 != 0 ||
		(u64)fs->inodes_per_group * fs->group_count != s->inodes_count)
		return bad(fs, "the number of inodes makes no sense", -EINVAL);
	fs->inodes = s->inodes_count;
	fs->table_blocks = fs->inodes_per_group / per_block;
	fs->first_ino = s->first_ino;
	if (fs->first_ino < FIRST_INO_LEAST || fs->first_ino > fs->inodes)
		return bad(fs, "the first inode makes no sense", -EINVAL);
	fs->extra_isize = (u16)MIN(MAX(s->want_extra_isize, s->min_extra_isize), EXTRA_ISIZE_MAX);
	fs->extra_isize = (u16)MIN(fs->extra_isize & ~3u, fs->inode_size - EXT4_INODE_SIZE_OLD);
	if (fs->extra_isize == 0 && fs->inode_size > EXT4_INODE_SIZE_OLD)
		fs->extra_isize = EXTRA_ISIZE_MAX;
	fs->orphan_ino = s->feature_compat & EXT4_COMPAT_ORPHAN_FILE ? s->orphan_file_inum : 0;
	return 0;
}

int ext4_geometry_load(struct ext4 *fs, const struct ext4_super *s)
{
	int r = load_identity(fs, s);

	if (r == 0)
		r = load_blocks(fs, s);
	if (r == 0)
		r = load_groups(fs, s);
	return r != 0 ? r : load_inodes(fs, s);
}
