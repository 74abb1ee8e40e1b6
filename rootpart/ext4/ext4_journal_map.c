/* SPDX-License-Identifier: MIT */
/*
 * Where the journal lies: its inode and extent tree, read from the medium. The
 * layers that know inodes and extents stand on the journal and cannot be asked.
 *
 * The extents must follow one another without a gap from block 0 on, so that reading
 * ends: each leaf has one at least, and each level of the tree is one nearer to the leaves.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/heap.h"

#define RUNS_MAX 65536u

/* The tree's reader. */
struct map {
	struct ext4 *fs;
	struct ext4_journal *j;
	u32 seed; /* of the inode's checksums */
	u32 room; /* for runs */
};

static int damaged(struct ext4 *fs, const char *what, u64 where)
{
	return ext4_journal_refuse(fs, -EINVAL, what, where);
}

static int run_push(struct map *m, const struct ext4_journal_run *run)
{
	struct ext4_journal *j = m->j;

	if (j->run_count == m->room) {
		u32 room = m->room > 0 ? 2 * m->room : 8;
		struct ext4_journal_run *runs = NULL;

		if (room <= RUNS_MAX)
			runs = kmalloc(room * sizeof(*runs));
		if (runs == NULL)
			return room > RUNS_MAX ? damaged(m->fs, "too many extents", room) : -ENOMEM;
		if (j->run_count > 0)
			memcpy(runs, j->runs, j->run_count * sizeof(*runs));
		kfree(j->runs);
		j->runs = runs;
		m->room = room;
	}
	j->runs[j->run_count++] = *run;
	j->blocks += run->count;
	return 0;
}

static int extent_add(struct map *m, const struct ext4_extent *e)
{
	struct ext4_journal_run run = {
		.first = e->block, .count = e->len, .start = (u64)e->start_hi << 32 | e->start_lo
	};
	const struct ext4 *fs = m->fs;

	if (run.count == 0 || run.count > EXT4_EXTENT_INIT_MAX)
		return damaged(m->fs, "an extent that is not written", run.first);
	if (run.first != m->j->blocks || run.count > ~0u - run.first)
		return damaged(m->fs, "a gap before block", run.first);
	if (run.start <= fs->super_block || run.start >= fs->blocks ||
		run.count > fs->blocks - run.start)
		return damaged(m->fs, "it lies outside of the volume, at block", run.start);
	return run_push(m, &run);
}

/* @depth: what the header is to say, if it is not the root's. */
static int header_check(struct map *m, const u8 *node, u32 size, u32 depth)
{
	const struct ext4_extent_header *h = (const void *)node;
	u32 entries = (size - (u32)sizeof(*h)) / (u32)sizeof(struct ext4_extent);

	if (h->magic != EXT4_EXTENT_MAGIC || h->depth != depth || h->entries == 0 ||
		h->entries > h->max || h->max > entries)
		return damaged(m->fs, "its extents make no sense, depth", depth);
	return 0;
}

/* In a block of the tree. */
static bool checksum_good(const struct map *m, const u8 *node)
{
	const struct ext4_extent_header *h = (const void *)node;
	u32 end = (u32)sizeof(*h) + h->max * (u32)sizeof(struct ext4_extent), stored;

	if (!m->fs->checksums)
		return true;
	if (end + sizeof(stored) > m->fs->block_size)
		return false;
	memcpy(&stored, node + end, sizeof(stored));
	return stored == ext4_crc32c(m->seed, node, end);
}

static int leaf_read(struct map *m, const u8 *node)
{
	const struct ext4_extent_header *h = (const void *)node;
	int r = 0;

	for (u32 i = 0; r == 0 && i < h->entries; i++)
		r = extent_add(m, (const struct ext4_extent *)(h + 1) + i);
	return r;
}

static int node_read(struct map *m, const u8 *node, u32 depth);

static int child_read(struct map *m, u64 block, u32 depth)
{
	u8 *node = kmalloc(m->fs->block_size);
	int r = node != NULL ? ext4_blocks_read(m->fs, block, node, 1) : -ENOMEM;

	if (r == -EINVAL)
		r = damaged(m->fs, "an extent tree's block is outside of the volume", block);
	if (r == 0)
		r = header_check(m, node, m->fs->block_size, depth);
	if (r == 0 && !checksum_good(m, node))
		r = damaged(m->fs, "wrong checksum of its extents, block", block);
	if (r == 0)
		r = node_read(m, node, depth);
	kfree(node);
	return r;
}

/* Recursion is as deep as a checked depth, EXT4_EXTENT_DEPTH at most. */
static int node_read(struct map *m, const u8 *node, u32 depth)
{
	const struct ext4_extent_header *h = (const void *)node;
	const struct ext4_extent_index *index = (const void *)(h + 1);
	int r = 0;

	if (depth == 0)
		return leaf_read(m, node);
	for (u32 i = 0; r == 0 && i < h->entries; i++)
		r = child_read(m, (u64)index[i].leaf_hi << 32 | index[i].leaf_lo, depth - 1);
	return r;
}

/* The block of the inode table that @ino lies in, by its group's descriptor. */
static int table_block(struct ext4 *fs, u32 ino, u8 *block, u64 *where)
{
	u32 group = (ino - 1) / fs->inodes_per_group;
	u64 at = (u64)group * fs->desc_size;
	struct ext4_group g = { 0 };
	int r;

	/* The descriptors of other groups may lie elsewhere with META_BG; journals do not. */
	if (group >= fs->group_count || (group > 0 && ext4_has_incompat(fs, EXT4_INCOMPAT_META_BG)))
		return damaged(fs, "its inode's number makes no sense", ino);
	r = ext4_blocks_read(fs, fs->super_block + 1 + at / fs->block_size, block, 1);
	if (r != 0)
		return r;
	memcpy(&g, block + at % fs->block_size, MIN(fs->desc_size, (u32)sizeof(g)));
	*where = g.inode_table_lo;
	if (ext4_has_incompat(fs, EXT4_INCOMPAT_64BIT))
		*where |= (u64)g.inode_table_hi << 32;
	*where += (u64)((ino - 1) % fs->inodes_per_group) * fs->inode_size / fs->block_size;
	return 0;
}

static bool inode_checksum_good(const struct map *m, const u8 *bytes)
{
	const struct ext4_inode *i = (const void *)bytes;
	u32 low = offsetof(struct ext4_inode, checksum_lo), size = m->fs->inode_size;
	u32 high = offsetof(struct ext4_inode, checksum_hi);
	bool wide = size > EXT4_INODE_SIZE_OLD && i->extra_isize >= 4;
	u16 zero = 0;
	u32 crc;

	crc = ext4_crc32c(m->seed, bytes, low);
	crc = ext4_crc32c(crc, &zero, sizeof(zero));
	if (!wide) {
		crc = ext4_crc32c(crc, bytes + low + 2, size - low - 2);
		return (u16)crc == i->checksum_lo;
	}
	crc = ext4_crc32c(crc, bytes + low + 2, high - low - 2);
	crc = ext4_crc32c(crc, &zero, sizeof(zero));
	crc = ext4_crc32c(crc, bytes + high + 2, size - high - 2);
	return crc == ((u32)i->checksum_hi << 16 | i->checksum_lo);
}

static int inode_check(struct map *m, u32 ino, const u8 *bytes)
{
	const struct ext4_inode *i = (const void *)bytes;

	m->seed = ext4_crc32c(m->fs->seed, &ino, sizeof(ino));
	m->seed = ext4_crc32c(m->seed, &i->generation, sizeof(i->generation));
	if (m->fs->checksums && !inode_checksum_good(m, bytes))
		return damaged(m->fs, "wrong checksum of its inode", ino);
	if ((i->mode & EXT4_S_IFMT) != EXT4_S_IFREG || i->links_count == 0)
		return damaged(m->fs, "its inode is no file", ino);
	if (!(i->flags & EXT4_FL_EXTENTS))
		return ext4_journal_refuse(m->fs, -ENOTSUP, "it has no extents, inode", ino);
	return header_check(m, i->block, sizeof(i->block),
		MIN(((const struct ext4_extent_header *)(const void *)i->block)->depth,
			EXT4_EXTENT_DEPTH));
}

int ext4_journal_map(struct ext4 *fs, struct ext4_journal *j, u32 ino)
{
	struct map m = { .fs = fs, .j = j };
	const struct ext4_inode *i;
	u64 where = 0;
	int r;

	if (ino == 0 || ino > fs->inodes)
		return damaged(fs, "its inode's number makes no sense", ino);
	r = table_block(fs, ino, j->block, &where);
	if (r == 0)
		r = ext4_blocks_read(fs, where, j->block, 1);
	if (r != 0)
		return r == -EINVAL ? damaged(fs, "its inode cannot be found", ino) : r;
	i = (const void *)(j->block + (u64)(ino - 1) * fs->inode_size % fs->block_size);
	r = inode_check(&m, ino, (const u8 *)i);
	if (r != 0)
		return r;
	return node_read(
		&m, i->block, ((const struct ext4_extent_header *)(const void *)i->block)->depth);
}

u64 ext4_journal_place(const struct ext4_journal *j, u32 block)
{
	u32 low = 0, high = j->run_count;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (j->runs[middle].first <= block)
			low = middle;
		else
			high = middle;
	}
	return j->runs[low].start + (block - j->runs[low].first);
}

bool ext4_journal_owns(const struct ext4_journal *j, u64 block)
{
	for (u32 i = 0; i < j->run_count; i++)
		if (block - j->runs[i].start < j->runs[i].count)
			return true;
	return false;
}
