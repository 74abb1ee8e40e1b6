/* SPDX-License-Identifier: MIT */
/*
 * Trees of extents cut from the end: piece by piece, each within one group, until an
 * operation has changed as many blocks as it may. Nodes that are empty go, and a tree that fits
 * its root again loses a level.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"

/* Two blocks change with each group; what the tree itself frees may add a few. */
#define GROUPS_MAX  10u
#define GROUPS_KEPT 24u
#define FORGETS_MAX 128u
#define PIECES_MAX  1024u

struct cut {
	u32 from;
	bool metadata;
	u32 groups[GROUPS_KEPT]; /* that were touched */
	u32 group_count;
	u32 forgets;
	bool full;
};

static bool knows(const struct cut *c, u32 group)
{
	for (u32 i = 0; i < c->group_count; i++)
		if (c->groups[i] == group)
			return true;
	return false;
}

static void touch(struct cut *c, u32 group)
{
	if (!knows(c, group) && c->group_count < GROUPS_KEPT)
		c->groups[c->group_count++] = group;
}

/* How many blocks of the extent stay if only what the operation has room for goes. */
static u32 kept(const struct ext4 *fs, const struct cut *c, const struct ext4_extent *e)
{
	u64 start = ext4_extent_start(e), begin;
	u32 len = ext4_extent_len(e), keep = c->from > e->block ? c->from - e->block : 0;
	u32 group = ext4_group_of(fs, start + len - 1);

	if (c->group_count >= GROUPS_MAX && !knows(c, group))
		return len;
	begin = ext4_group_first(fs, group);
	if (start + keep < begin)
		keep = (u32)(begin - start);
	if (c->metadata && len - keep > FORGETS_MAX - c->forgets)
		keep = len - (FORGETS_MAX - c->forgets);
	return keep;
}

static int free_blocks(struct ext4 *fs, struct ext4_iref *ref, struct cut *c, u64 start, u32 count)
{
	int r = 0;

	for (u32 i = 0; c->metadata && r == 0 && i < count; i++) {
		c->forgets++;
		r = ext4_forget(fs, start + i);
	}
	touch(c, ext4_group_of(fs, start));
	if (r == 0)
		r = ext4_blocks_free(fs, start, count);
	return r != 0 ? r : ext4_inode_add_blocks(fs, ref->i, -(s64)count);
}

static int free_node(struct ext4 *fs, struct ext4_iref *ref, struct cut *c, u64 block)
{
	int r = ext4_forget(fs, block);

	touch(c, ext4_group_of(fs, block));
	if (r == 0)
		r = ext4_blocks_free(fs, block, 1);
	return r != 0 ? r : ext4_inode_add_blocks(fs, ref->i, -1);
}

/* The last entry of the leaf goes, and with it every node that it was the only one of. */
static int drop_entry(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, struct cut *c)
{
	u32 level = p->depth;
	int r;

	for (; level > 0 && p->level[level].h->entries == 1; level--) {
		r = free_node(fs, ref, c, p->level[level].b->block);
		if (r != 0)
			return r;
	}
	r = ext4_path_change(fs, ref, p, level);
	if (r != 0)
		return r;
	p->level[level].h->entries--;
	if (level == 0 && p->level[0].h->entries == 0)
		p->level[0].h->depth = 0;
	ext4_path_seal(fs, ref, p, level);
	return 0;
}

static int shorten(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 len)
{
	struct ext4_path_level *leaf = &p->level[p->depth];
	struct ext4_extent *e = &ext4_extents(leaf->h)[leaf->h->entries - 1];
	int r = ext4_path_change(fs, ref, p, p->depth);

	if (r != 0)
		return r;
	e->len = (u16)(ext4_extent_unwritten(e) ? len + EXT4_EXTENT_INIT_MAX : len);
	ext4_path_seal(fs, ref, p, p->depth);
	return 0;
}

/* 1: a piece has gone; 0: that was all, or it is full; errors. */
static int cut_leaf(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, struct cut *c)
{
	struct ext4_path_level *leaf = &p->level[p->depth];
	struct ext4_extent e;
	u32 len, keep;
	int r;

	if (leaf->h->entries == 0)
		return 0;
	e = ext4_extents(leaf->h)[leaf->h->entries - 1];
	len = ext4_extent_len(&e);
	if (e.block + len <= c->from)
		return 0;
	keep = kept(fs, c, &e);
	c->full = keep == len;
	if (c->full)
		return 0;
	r = free_blocks(fs, ref, c, ext4_extent_start(&e) + keep, len - keep);
	if (r == 0)
		r = keep > 0 ? shorten(fs, ref, p, keep) : drop_entry(fs, ref, p, c);
	return r != 0 ? r : 1;
}

static int cut_piece(struct ext4 *fs, struct ext4_iref *ref, struct cut *c)
{
	struct ext4_path p;
	int r = ext4_path_walk(fs, ref, EXT4_EXTENT_END - 1, &p);

	if (r != 0)
		return r;
	r = cut_leaf(fs, ref, &p, c);
	ext4_path_put(fs, &p);
	return r;
}

/* 1: the root's only child has moved into it; 0; errors. */
static int pull_up(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, struct cut *c)
{
	struct ext4_extent_header *root = p->level[0].h, *child = p->level[1].h;
	int r;

	if (p->depth == 0 || root->entries != 1 || child->entries > root->max)
		return 0;
	root->depth = child->depth;
	root->entries = child->entries;
	memcpy(ext4_extents(root), ext4_extents(child),
		child->entries * sizeof(struct ext4_extent));
	r = free_node(fs, ref, c, p->level[1].b->block);
	return r != 0 ? r : 1;
}

static int lower(struct ext4 *fs, struct ext4_iref *ref, struct cut *c)
{
	int r = 1;

	for (u32 i = 0; r == 1 && i < EXT4_EXTENT_DEPTH && c->group_count < GROUPS_MAX; i++) {
		struct ext4_path p;

		r = ext4_path_walk(fs, ref, 0, &p);
		if (r != 0)
			return r;
		r = pull_up(fs, ref, &p, c);
		ext4_path_put(fs, &p);
	}
	return MIN(r, 0);
}

int ext4_extent_cut(struct ext4 *fs, struct ext4_iref *ref, u32 block, bool metadata, bool *more)
{
	struct cut c = { .from = block, .metadata = metadata };
	int r = ext4_inode_change(fs, ref);
	u32 n = 0;

	if (r != 0)
		return r;
	do {
		r = cut_piece(fs, ref, &c);
	} while (r == 1 && ++n < PIECES_MAX);
	*more = r == 1 || (r == 0 && c.full);
	if (r == 0 && !c.full)
		r = lower(fs, ref, &c);
	ext4_inode_seal(fs, ref);
	return MIN(r, 0);
}
