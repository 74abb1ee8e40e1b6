/* SPDX-License-Identifier: MIT */
/*
 * The parts of the FAT reader: volume (the boot sector), chain (clusters), entries (a
 * directory), and the file layer's functions. fs->lock is held by whoever calls what is here
 * but for a mount.
 */
#pragma once

#include "rootpart/block/block_bytes.h"
#include "rootpart/fat/fat.h"
#include "rootpart/mutex.h"

#define FAT_ENTRY_SIZE    32u
#define FAT_DIRECTORY_MAX (65536 * FAT_ENTRY_SIZE)
#define FAT_FIRST         2u /* the first cluster's number */

struct fat_geometry {
	u32 bits; /* of an entry: 12, 16, 32 */
	u32 sector_size;
	u32 cluster_size; /* bytes */
	u32 clusters;
	u64 table; /* bytes: of the table that counts, */
	u64 root;  /* of FAT12's and FAT16's root directory, */
	u64 root_size;
	u64 data;         /* and of cluster FAT_FIRST */
	u32 root_cluster; /* FAT32's */
	u64 info;         /* FAT32's sector with the count of free clusters; 0: none */
	char label[FAT_LABEL];
};

/*
 * A stretch of clusters in the order of the file, and where it was read last, so that
 * reading on does not begin anew. FAT12's and FAT16's root is none: first is 0.
 */
struct fat_chain {
	u32 first;
	u32 index; /* of @cluster in it */
	u32 cluster;
};

enum fat_kind { FAT_FILE, FAT_DIRECTORY, FAT_VOLUME_LABEL };

struct fat_entry {
	char name[NAME_MAX + 1];
	enum fat_kind kind;
	u32 first; /* cluster; 0: empty, or the root directory */
	u64 size;
	u64 mtime;
};

/* What is collected of a long name, from its end to its beginning. */
struct fat_long_name {
	u32 next; /* the part that is expected; 0: it is whole, or there is none */
	u32 parts;
	u8 checksum;
	u16 units[20 * 13];
};

struct fat {
	struct block_device *d;
	struct block_bytes *bytes;
	struct mutex lock;
	struct fat_geometry g;
	bool quiet;
	u32 complaints;
	struct fat_chain listed; /* the directory that was read last */
	struct fat_long_name long_name;
	struct fat_entry found;
	u64 free; /* clusters; counted once */
	bool free_known;
};

/* An open file. */
struct fat_file {
	struct fat_chain chain;
	u64 size;
};

static inline u32 fat_le16(const u8 *p)
{
	return p[0] | (u32)p[1] << 8;
}

static inline u32 fat_le32(const u8 *p)
{
	return fat_le16(p) | fat_le16(p + 2) << 16;
}

/* Logs the first ones; returns -EIO. */
int fat_damaged(struct fat *fs, const char *what);

/* Reads what the table says of @cluster, which is one. */
[[nodiscard]] int fat_table_read(struct fat *fs, u32 cluster, u32 *value);
/*
 * Reads up to @len bytes at @offset of @chain: how many, which is less only at the end of a
 * cluster; 0 at the end of the chain; -EIO.
 */
[[nodiscard]] s64 fat_chain_read(
	struct fat *fs, struct fat_chain *chain, u64 offset, void *buf, u64 len);

/* Seconds since 1970; 0 for what is no date. */
u64 fat_time(u32 date, u32 time);
/*
 * The entry at *@offset, or behind it, of the directory that begins at cluster @first (0:
 * the root) to fs->found, and moves *@offset behind it: 1; 0 at the end; -EIO.
 */
[[nodiscard]] int fat_entry_next(struct fat *fs, u32 first, u64 *offset);
