/* SPDX-License-Identifier: MIT */
/*
 * ext4 as it lies on a disk: superblock, group descriptors, inodes, extents,
 * directories. Little-endian throughout. The journal's part is in jbd2_format.h.
 * Documentation: Linux, "ext4 Data Structures and Algorithms".
 */
#pragma once

#include "base/types.h"

#define EXT4_SUPER_OFFSET 1024u /* bytes from the volume's beginning */
#define EXT4_SUPER_SIZE   1024u
#define EXT4_MAGIC        0xef53u
#define EXT4_LABEL_SIZE   16u

#define EXT4_STATE_VALID  0x0001u /* unmounted cleanly */
#define EXT4_STATE_ERROR  0x0002u
#define EXT4_STATE_ORPHAN 0x0004u

/* A feature that is not known: compat may be ignored, ro_compat allows reading, incompat nothing. */
#define EXT4_COMPAT_HAS_JOURNAL   BIT(2)
#define EXT4_COMPAT_EXT_ATTR      BIT(3)
#define EXT4_COMPAT_RESIZE_INODE  BIT(4)
#define EXT4_COMPAT_DIR_INDEX     BIT(5)
#define EXT4_COMPAT_SPARSE_SUPER2 BIT(9)
#define EXT4_COMPAT_FAST_COMMIT   BIT(10)
#define EXT4_COMPAT_ORPHAN_FILE   BIT(12)

#define EXT4_INCOMPAT_FILETYPE    BIT(1)
#define EXT4_INCOMPAT_RECOVER     BIT(2)
#define EXT4_INCOMPAT_JOURNAL_DEV BIT(3)
#define EXT4_INCOMPAT_META_BG     BIT(4)
#define EXT4_INCOMPAT_EXTENTS     BIT(6)
#define EXT4_INCOMPAT_64BIT       BIT(7)
#define EXT4_INCOMPAT_FLEX_BG     BIT(9)
#define EXT4_INCOMPAT_CSUM_SEED   BIT(13)
#define EXT4_INCOMPAT_LARGEDIR    BIT(14)
#define EXT4_INCOMPAT_INLINE_DATA BIT(15)

#define EXT4_RO_SPARSE_SUPER      BIT(0)
#define EXT4_RO_LARGE_FILE        BIT(1)
#define EXT4_RO_HUGE_FILE         BIT(3)
#define EXT4_RO_GDT_CSUM          BIT(4)
#define EXT4_RO_DIR_NLINK         BIT(5)
#define EXT4_RO_EXTRA_ISIZE       BIT(6)
#define EXT4_RO_METADATA_CSUM     BIT(10)
#define EXT4_RO_ORPHAN_PRESENT    BIT(16)

struct ext4_super {
	u32 inodes_count;
	u32 blocks_count_lo;
	u32 r_blocks_count_lo; /* kept for root: not counted as free here either */
	u32 free_blocks_count_lo;
	u32 free_inodes_count;
	u32 first_data_block; /* 1 with blocks of 1 KiB, else 0 */
	u32 log_block_size;   /* 1 KiB << this */
	u32 log_cluster_size;
	u32 blocks_per_group;
	u32 clusters_per_group;
	u32 inodes_per_group;
	u32 mtime;
	u32 wtime;
	u16 mnt_count;
	u16 max_mnt_count;
	u16 magic;
	u16 state;
	u16 errors; /* what to do: 1 go on, 2 read-only, 3 panic */
	u16 minor_rev_level;
	u32 lastcheck;
	u32 checkinterval;
	u32 creator_os;
	u32 rev_level; /* 1 */
	u16 def_resuid;
	u16 def_resgid;
	u32 first_ino; /* that is not reserved */
	u16 inode_size;
	u16 block_group_nr;
	u32 feature_compat;
	u32 feature_incompat;
	u32 feature_ro_compat;
	u8 uuid[16];
	char volume_name[EXT4_LABEL_SIZE];
	char last_mounted[64];
	u32 algorithm_usage_bitmap;
	u8 prealloc_blocks;
	u8 prealloc_dir_blocks;
	u16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	u32 journal_inum;
	u32 journal_dev;
	u32 last_orphan; /* head of the list of inodes to be truncated or freed */
	u32 hash_seed[4];
	u8 def_hash_version;
	u8 jnl_backup_type;
	u16 desc_size;
	u32 default_mount_opts;
	u32 first_meta_bg;
	u32 mkfs_time;
	u32 jnl_blocks[17];
	u32 blocks_count_hi;
	u32 r_blocks_count_hi;
	u32 free_blocks_count_hi;
	u16 min_extra_isize;
	u16 want_extra_isize;
	u32 flags; /* 1: hashes of directories use signed characters, 2: unsigned */
	u16 raid_stride;
	u16 mmp_interval;
	u64 mmp_block;
	u32 raid_stripe_width;
	u8 log_groups_per_flex;
	u8 checksum_type; /* 1: CRC-32C */
	u16 reserved_pad;
	u64 kbytes_written;
	u32 snapshot_inum;
	u32 snapshot_id;
	u64 snapshot_r_blocks_count;
	u32 snapshot_list;
	u32 error_count;
	u32 first_error_time;
	u32 first_error_ino;
	u64 first_error_block;
	char first_error_func[32];
	u32 first_error_line;
	u32 last_error_time;
	u32 last_error_ino;
	u32 last_error_line;
	u64 last_error_block;
	char last_error_func[32];
	char mount_opts[64];
	u32 usr_quota_inum;
	u32 grp_quota_inum;
	u32 overhead_clusters;
	u32 backup_bgs[2];
	u8 encrypt_algos[4];
	u8 encrypt_pw_salt[16];
	u32 lpf_ino;
	u32 prj_quota_inum;
	u32 checksum_seed; /* with CSUM_SEED: the seed, else CRC-32C of the UUID */
	u8 wtime_hi;
	u8 mtime_hi;
	u8 mkfs_time_hi;
	u8 lastcheck_hi;
	u8 first_error_time_hi;
	u8 last_error_time_hi;
	u8 first_error_errcode;
	u8 last_error_errcode;
	u16 encoding;
	u16 encoding_flags;
	u32 orphan_file_inum;
	u32 reserved[94];
	u32 checksum; /* of all before it */
};
static_assert(sizeof(struct ext4_super) == EXT4_SUPER_SIZE);
static_assert(offsetof(struct ext4_super, uuid) == 0x68);
static_assert(offsetof(struct ext4_super, hash_seed) == 0xec);
static_assert(offsetof(struct ext4_super, blocks_count_hi) == 0x150);
static_assert(offsetof(struct ext4_super, checksum_seed) == 0x270);
static_assert(offsetof(struct ext4_super, orphan_file_inum) == 0x280);

#define EXT4_SUPER_SIGNED_HASH   1u
#define EXT4_SUPER_UNSIGNED_HASH 2u

#define EXT4_GROUP_INODE_UNINIT  1u /* its inode bitmap and table were never written */
#define EXT4_GROUP_BLOCK_UNINIT  2u
#define EXT4_GROUP_INODE_ZEROED  4u

/* 32 bytes, or with 64BIT desc_size, 64 at least. */
struct ext4_group {
	u32 block_bitmap_lo;
	u32 inode_bitmap_lo;
	u32 inode_table_lo;
	u16 free_blocks_lo;
	u16 free_inodes_lo;
	u16 used_dirs_lo;
	u16 flags;
	u32 exclude_bitmap_lo;
	u16 block_bitmap_csum_lo;
	u16 inode_bitmap_csum_lo;
	u16 itable_unused_lo; /* at the table's end; never used so far */
	u16 checksum;
	u32 block_bitmap_hi;
	u32 inode_bitmap_hi;
	u32 inode_table_hi;
	u16 free_blocks_hi;
	u16 free_inodes_hi;
	u16 used_dirs_hi;
	u16 itable_unused_hi;
	u32 exclude_bitmap_hi;
	u16 block_bitmap_csum_hi;
	u16 inode_bitmap_csum_hi;
	u32 reserved;
};
static_assert(sizeof(struct ext4_group) == 64);
#define EXT4_GROUP_SIZE_32  32u

#define EXT4_ROOT_INO       2u

#define EXT4_S_IFMT         0xf000u
#define EXT4_S_IFDIR        0x4000u
#define EXT4_S_IFREG        0x8000u
#define EXT4_S_IFLNK        0xa000u

#define EXT4_FL_IMMUTABLE   0x00000010u
#define EXT4_FL_APPEND      0x00000020u
#define EXT4_FL_INDEX       0x00001000u /* a hashed directory */
#define EXT4_FL_HUGE_FILE   0x00040000u /* blocks counts in blocks of the file system */
#define EXT4_FL_EXTENTS     0x00080000u
#define EXT4_FL_EA_INODE    0x00200000u
#define EXT4_FL_INLINE_DATA 0x10000000u

struct ext4_inode {
	u16 mode;
	u16 uid_lo;
	u32 size_lo;
	u32 atime;
	u32 ctime;
	u32 mtime;
	u32 dtime; /* of a removed one; of an orphan: the next one's number */
	u16 gid_lo;
	u16 links_count;
	u32 blocks_lo; /* of 512 bytes */
	u32 flags;
	u32 version;
	u8 block[60]; /* root of the extent tree; a short symbolic link's target */
	u32 generation;
	u32 file_acl_lo;
	u32 size_hi;
	u32 obso_faddr;
	u16 blocks_hi;
	u16 file_acl_hi;
	u16 uid_hi;
	u16 gid_hi;
	u16 checksum_lo;
	u16 reserved;
	/* 128 bytes so far; what follows as far as extra_isize says. */
	u16 extra_isize; /* bytes behind the first 128 */
	u16 checksum_hi;
	u32 ctime_extra; /* bits 0 and 1: seconds' bits 32 and 33; above: nanoseconds */
	u32 mtime_extra;
	u32 atime_extra;
	u32 crtime;
	u32 crtime_extra;
	u32 version_hi;
	u32 projid;
};
static_assert(sizeof(struct ext4_inode) == 160);
static_assert(offsetof(struct ext4_inode, block) == 40);
static_assert(offsetof(struct ext4_inode, extra_isize) == 128);

#define EXT4_INODE_SIZE_OLD 128u

#define EXT4_EXTENT_MAGIC   0xf30au
#define EXT4_EXTENT_DEPTH   5u
/* A length above it is that of an unwritten extent, less this. */
#define EXT4_EXTENT_INIT_MAX 32768u

struct ext4_extent_header {
	u16 magic;
	u16 entries;
	u16 max;
	u16 depth; /* 0: extents follow, else indexes */
	u32 generation;
};

struct ext4_extent {
	u32 block; /* first, of the file */
	u16 len;
	u16 start_hi;
	u32 start_lo;
};

struct ext4_extent_index {
	u32 block;
	u32 leaf_lo;
	u16 leaf_hi;
	u16 unused;
};
static_assert(sizeof(struct ext4_extent_header) == 12 && sizeof(struct ext4_extent) == 12 &&
	      sizeof(struct ext4_extent_index) == 12);

/* In a block of the tree, behind the last possible entry. */
struct ext4_extent_tail {
	u32 checksum;
};

#define EXT4_NAME_MAX     255u
#define EXT4_LINK_MAX     65000u

#define EXT4_TYPE_UNKNOWN 0u
#define EXT4_TYPE_FILE    1u
#define EXT4_TYPE_DIR     2u
#define EXT4_TYPE_LINK    7u
#define EXT4_TYPE_TAIL    0xdeu

struct ext4_dirent {
	u32 inode; /* 0: free */
	u16 rec_len;
	u8 name_len;
	u8 type;
	char name[];
};
static_assert(sizeof(struct ext4_dirent) == 8);

/* The last 12 bytes of a directory's block; looks like a free entry. */
struct ext4_dirent_tail {
	u32 zero1;
	u16 rec_len; /* 12 */
	u8 zero2;
	u8 type; /* EXT4_TYPE_TAIL */
	u32 checksum;
};
static_assert(sizeof(struct ext4_dirent_tail) == 12);

#define EXT4_HASH_LEGACY   0u
#define EXT4_HASH_HALF_MD4 1u
#define EXT4_HASH_TEA      2u
#define EXT4_HASH_UNSIGNED 3u /* and the next two: the same, characters unsigned */

struct ext4_dx_entry {
	u32 hash;  /* of the first there; in entry 0: u16 limit, u16 count */
	u32 block; /* of the directory */
};

/* Behind "." and ".." in block 0 of a hashed directory. */
struct ext4_dx_root_info {
	u32 reserved;
	u8 hash_version;
	u8 info_length; /* 8 */
	u8 indirect_levels;
	u8 unused_flags;
};

/* Behind the last possible entry of an index block. */
struct ext4_dx_tail {
	u32 reserved;
	u32 checksum;
};
static_assert(sizeof(struct ext4_dx_entry) == 8 && sizeof(struct ext4_dx_root_info) == 8 &&
	      sizeof(struct ext4_dx_tail) == 8);

/* The last 8 bytes of each block of the orphan file; before them numbers of inodes, 0: free. */
#define EXT4_ORPHAN_MAGIC 0x0b10ca04u
struct ext4_orphan_tail {
	u32 magic;
	u32 checksum;
};
