/* SPDX-License-Identifier: MIT */
/*
 * What both kinds of table share: a list of partitions that do not overlap.
 */
#include "lib/partition_table.h"

static bool overlaps(const struct partition *a, const struct partition *b)
{
	return a->first < b->first + b->sectors && b->first < a->first + a->sectors;
}

static bool fits(const struct partition_table *table, const struct partition *p, u64 low, u64 size)
{
	if (p->sectors == 0 || p->first < low || p->first - low >= size ||
		p->sectors > size - (p->first - low))
		return false;
	for (u32 i = 0; i < table->count; i++) {
		if (overlaps(&table->partitions[i], p))
			return false;
	}
	return table->count < PARTITIONS_MAX;
}

void partition_add(struct partition_table *table, const struct partition *p, u64 low, u64 size)
{
	if (fits(table, p, low, size))
		table->partitions[table->count++] = *p;
	else
		table->refused++;
}

int partition_table_read(const struct partition_disk *disk, struct partition_table *table)
{
	int r;

	*table = (struct partition_table){ .scheme = PARTITION_NONE };
	if (disk->sectors == 0)
		return 0;
	r = partition_mbr_read(disk, table);
	if (r != 0 || table->scheme != PARTITION_GPT)
		return r;
	return partition_gpt_read(disk, table);
}
