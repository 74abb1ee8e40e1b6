/* SPDX-License-Identifier: MIT */
/*
 * Partition tables on a disk: MBR with extended partitions, and GPT (UEFI 2.10,
 * chapter 5). What a disk says is not trusted: every reading is bounded, and a
 * partition that leaves the disk or overlaps another is refused.
 */
#pragma once

#include "base/types.h"

#define PARTITIONS_MAX         128u
#define PARTITION_SECTOR_MAX   4096u
#define PARTITION_LOGICAL_MAX  60u /* links of the chain of extended partitions */
#define PARTITION_LOGICAL_BASE 5u  /* number of the first of them */

struct partition {
	u32 number; /* as Linux counts them */
	u64 first;  /* sector */
	u64 sectors;
};

enum partition_scheme {
	PARTITION_NONE,
	PARTITION_MBR,
	PARTITION_GPT,
};

struct partition_table {
	enum partition_scheme scheme;
	u32 count;
	u32 refused;  /* partitions that are not as they should be, and left out */
	bool backup;  /* the first GPT is damaged, what stands here is its copy's */
	bool damaged; /* there is a table, and it cannot be used, or ends too early */
	struct partition partitions[PARTITIONS_MAX];
};

struct partition_disk {
	u32 sector_size; /* 512 to PARTITION_SECTOR_MAX, a power of two */
	u64 sectors;
	/* 0, or an error, which ends all. @buf has @count sectors. */
	int (*read)(const struct partition_disk *disk, u64 sector, u32 count, void *buf);
	u8 *buf; /* PARTITION_SECTOR_MAX, the parser's */
};

/* Fills *@table from @disk. 0, or what read() returned. */
[[nodiscard]] int partition_table_read(
	const struct partition_disk *disk, struct partition_table *table);

/* For the parsers: adds one, or counts it as refused, within [low, low + size) of the disk. */
void partition_add(struct partition_table *table, const struct partition *p, u64 low, u64 size);
[[nodiscard]] int partition_mbr_read(
	const struct partition_disk *disk, struct partition_table *table);
[[nodiscard]] int partition_gpt_read(
	const struct partition_disk *disk, struct partition_table *table);
