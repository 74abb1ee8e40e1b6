/* SPDX-License-Identifier: MIT */
/*
 * Clusters: the table has for each the number of the one that follows. A chain is never
 * followed further than the volume has clusters, so one that bites its tail ends.
 */
#include "base/errno.h"
#include "rootpart/block/block.h"
#include "rootpart/fat/fat_impl.h"
#include "rootpart/log.h"

#define COMPLAINTS_MAX 8u

int fat_damaged(struct fat *fs, const char *what)
{
	if (fs->complaints < COMPLAINTS_MAX && !fs->quiet)
		log_printf("fat: %s: damaged: %s%s", fs->d->name, what,
			fs->complaints == COMPLAINTS_MAX - 1 ? "; no more of these are told" : "");
	fs->complaints += fs->complaints < COMPLAINTS_MAX;
	return -EIO;
}

int fat_table_read(struct fat *fs, u32 cluster, u32 *value)
{
	/* 12 bits: two entries in three bytes. */
	u64 at = fs->g.bits == 12 ? cluster + cluster / 2 : (u64)cluster * (fs->g.bits / 8);
	u8 raw[4] = { 0 };
	int r = block_bytes_read(fs->bytes, fs->g.table + at, raw, fs->g.bits == 32 ? 4 : 2);

	if (fs->g.bits == 12)
		*value = cluster & 1 ? fat_le16(raw) >> 4 : fat_le16(raw) & 0xfff;
	else
		*value = fat_le32(raw) & 0x0fffffff;
	return r;
}

static bool is_cluster(const struct fat *fs, u32 cluster)
{
	return cluster >= FAT_FIRST && cluster - FAT_FIRST < fs->g.clusters;
}

static bool is_end(const struct fat *fs, u32 value)
{
	return value >= (fs->g.bits == 32 ? 0x0ffffff8 : BIT(fs->g.bits) - 8);
}

/* Moves @chain on by a cluster. 1; 0: it ends; -EIO. */
static int step(struct fat *fs, struct fat_chain *chain)
{
	u32 next = 0;
	int r = fat_table_read(fs, chain->cluster, &next);

	if (r != 0)
		return r;
	if (is_end(fs, next))
		return 0;
	if (!is_cluster(fs, next))
		return fat_damaged(fs, "a chain of clusters leads to none");
	if (++chain->index >= fs->g.clusters)
		return fat_damaged(fs, "a chain of clusters has no end");
	chain->cluster = next;
	return 1;
}

/* Moves @chain to its cluster @index. As above. */
static int seek(struct fat *fs, struct fat_chain *chain, u64 index)
{
	struct fat_chain at = *chain;
	int r = 1;

	if (at.cluster == 0 || at.index > index) {
		at.index = 0;
		at.cluster = at.first;
	}
	if (!is_cluster(fs, at.cluster))
		return fat_damaged(fs, "a file begins at no cluster");
	while (r == 1 && at.index < index)
		r = step(fs, &at);
	if (r == 1)
		*chain = at;
	return r;
}

static s64 read_root(struct fat *fs, u64 offset, void *buf, u64 len)
{
	u64 n = offset < fs->g.root_size ? MIN(len, fs->g.root_size - offset) : 0;
	int r = n > 0 ? block_bytes_read(fs->bytes, fs->g.root + offset, buf, n) : 0;

	return r != 0 ? r : (s64)n;
}

s64 fat_chain_read(struct fat *fs, struct fat_chain *chain, u64 offset, void *buf, u64 len)
{
	u32 size = fs->g.cluster_size;
	u64 n = MIN(len, size - offset % size);
	int r;

	if (chain->first == 0)
		return read_root(fs, offset, buf, len);
	r = seek(fs, chain, offset / size);
	if (r != 1)
		return r;
	r = block_bytes_read(fs->bytes,
		fs->g.data + (u64)(chain->cluster - FAT_FIRST) * size + offset % size, buf, n);
	return r != 0 ? r : (s64)n;
}
