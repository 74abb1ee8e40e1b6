/* SPDX-License-Identifier: MIT */
/*
 * Trees of extents: the way from an inode to the leaf that a block belongs to. Every
 * block of a tree is checked whenever it is walked by; its depth has to fall on the way, so that
 * there is an end to it. Changes: ext4_extent_change.c.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

#define ENTRY_SIZE sizeof(struct ext4_extent)

/* What a node has to keep to. */
struct limits {
	u32 room;     /* entries that fit */
	u32 depth;    /* the node's */
	u32 low, end; /* blocks of the file */
};

u32 ext4_extent_room(const struct ext4 *fs)
{
	return (fs->block_size - (u32)sizeof(struct ext4_extent_header)) / (u32)ENTRY_SIZE;
}

static u32 checksum(
	const struct ext4 *fs, const struct ext4_iref *ref, const struct ext4_extent_header *h)
{
	return ext4_crc32c(ext4_inode_seed(fs, ref), h, sizeof(*h) + h->max * ENTRY_SIZE);
}

static struct ext4_extent_tail *tail(struct ext4_extent_header *h)
{
	return (struct ext4_extent_tail *)(ext4_extents(h) + h->max);
}

void ext4_extent_seal(const struct ext4 *fs, const struct ext4_iref *ref, struct ext4_buffer *b)
{
	struct ext4_extent_header *h = (struct ext4_extent_header *)(void *)b->data;

	if (fs->checksums)
		tail(h)->checksum = checksum(fs, ref, h);
}

static bool check_extents(
	const struct ext4 *fs, struct ext4_extent_header *h, const struct limits *l)
{
	u64 next = l->low;

	for (u32 i = 0; i < h->entries; i++) {
		const struct ext4_extent *e = &ext4_extents(h)[i];
		u64 start = ext4_extent_start(e);
		u32 len = ext4_extent_len(e);

		if (len == 0 || e->block < next || (u64)e->block + len > l->end)
			return false;
		if (start <= fs->first_data_block || start >= fs->blocks ||
			len > fs->blocks - start)
			return false;
		next = (u64)e->block + len;
	}
	return true;
}

static bool check_indexes(
	const struct ext4 *fs, struct ext4_extent_header *h, const struct limits *l)
{
	u64 next = l->low;

	for (u32 i = 0; i < h->entries; i++) {
		const struct ext4_extent_index *x = &ext4_indexes(h)[i];

		if (x->block < next || x->block >= l->end)
			return false;
		if (ext4_index_leaf(x) <= fs->first_data_block || ext4_index_leaf(x) >= fs->blocks)
			return false;
		next = (u64)x->block + 1;
	}
	return h->entries > 0;
}

static bool check_node(const struct ext4 *fs, struct ext4_extent_header *h, const struct limits *l)
{
	if (h->magic != EXT4_EXTENT_MAGIC || h->depth != l->depth || h->max > l->room ||
		h->max + 2u < l->room || h->entries > h->max)
		return false;
	return h->depth == 0 ? check_extents(fs, h, l) : check_indexes(fs, h, l);
}

static bool check_block(const struct ext4 *fs, const struct ext4_iref *ref, struct ext4_buffer *b,
	const struct limits *l)
{
	struct ext4_extent_header *h = (struct ext4_extent_header *)(void *)b->data;
	u32 seed = ext4_inode_seed(fs, ref);

	if (!check_node(fs, h, l) || h->entries == 0)
		return false;
	if (!fs->checksums || ext4_is_intact(b, EXT4_KIND_EXTENTS, seed))
		return true;
	if (tail(h)->checksum != checksum(fs, ref, h))
		return false;
	ext4_set_intact(b, EXT4_KIND_EXTENTS, seed);
	return true;
}

static u32 first_block(struct ext4_extent_header *h, u32 entry)
{
	/* Both kinds of entry begin with it. */
	return ext4_indexes(h)[entry].block;
}

/* How many entries begin at @block or before it. */
static u32 search(struct ext4_extent_header *h, u32 block)
{
	u32 low = 0, high = h->entries;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (first_block(h, middle) <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* One level down, by the entry that was found. */
static int descend(struct ext4 *fs, const struct ext4_iref *ref, struct ext4_path *p, u32 level,
	struct limits *l)
{
	struct ext4_path_level *from = &p->level[level], *to = &p->level[level + 1];
	const struct ext4_extent_index *x;
	int r;

	if (from->at == 0)
		from->at = 1;
	x = &ext4_indexes(from->h)[from->at - 1];
	if (from->at < from->h->entries)
		l->end = x[1].block;
	l->low = x->block;
	l->depth--;
	l->room = ext4_extent_room(fs);
	r = ext4_buffer_get(fs, ext4_index_leaf(x), &to->b);
	if (r != 0)
		return r;
	to->h = (struct ext4_extent_header *)(void *)to->b->data;
	return check_block(fs, ref, to->b, l) ? 0 : ext4_damaged(fs, "extents of inode", ref->ino);
}

int ext4_path_walk(struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_path *p)
{
	struct limits l = { .end = EXT4_EXTENT_END };
	int r = 0;

	*p = (struct ext4_path){ .level[0].h = ext4_extent_root(ref) };
	if (!ext4_has_extents(ref->i))
		return -ENOTSUP;
	p->depth = l.depth = p->level[0].h->depth;
	l.room = (sizeof(ref->i->block) - sizeof(*p->level[0].h)) / ENTRY_SIZE;
	if (p->depth > EXT4_EXTENT_DEPTH || !check_node(fs, p->level[0].h, &l))
		return ext4_damaged(fs, "extents of inode", ref->ino);
	for (u32 i = 0;; i++) {
		p->level[i].at = search(p->level[i].h, block);
		if (i == p->depth)
			break;
		r = descend(fs, ref, p, i, &l);
		if (r != 0) {
			ext4_path_put(fs, p);
			return r;
		}
	}
	p->end = l.end;
	return 0;
}

void ext4_path_put(struct ext4 *fs, struct ext4_path *p)
{
	for (u32 i = 0; i < ARRAY_SIZE(p->level); i++) {
		ext4_buffer_put(fs, p->level[i].b);
		p->level[i].b = NULL;
	}
}

/* The run at @block in the leaf of @p. */
static void run_in_leaf(const struct ext4_path *p, u32 block, struct ext4_run *run)
{
	const struct ext4_path_level *leaf = &p->level[p->depth];
	const struct ext4_extent *e = ext4_extents(leaf->h);
	u32 next = leaf->at < leaf->h->entries ? e[leaf->at].block : p->end;

	*run = (struct ext4_run){ .block = block, .count = next - block };
	if (leaf->at == 0)
		return;
	e += leaf->at - 1;
	if (block - e->block >= ext4_extent_len(e))
		return;
	run->count = ext4_extent_len(e) - (block - e->block);
	run->start = ext4_extent_start(e) + (block - e->block);
	run->unwritten = ext4_extent_unwritten(e);
}

int ext4_extent_find(struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_run *run)
{
	struct ext4_path p;
	int r;

	if (block >= EXT4_EXTENT_END)
		return -EFBIG;
	r = ext4_path_walk(fs, ref, block, &p);
	if (r != 0)
		return r;
	run_in_leaf(&p, block, run);
	ext4_path_put(fs, &p);
	return 0;
}
