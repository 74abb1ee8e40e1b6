/* SPDX-License-Identifier: MIT */
/*
 * Changes of trees of extents: runs are added, and unwritten ones become written. What is
 * cut off: ext4_extent_cut.c.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"

/* Each step of making room uses up a level; and there is always one to spare. */
#define STEPS_MAX     16u
#define UNWRITTEN_MAX (EXT4_EXTENT_INIT_MAX - 1)

static void set_extent(struct ext4_extent *e, const struct ext4_run *run)
{
	*e = (struct ext4_extent){
		.block = run->block,
		.len = (u16)(run->unwritten ? run->count + EXT4_EXTENT_INIT_MAX : run->count),
		.start_hi = (u16)(run->start >> 32),
		.start_lo = (u32)run->start,
	};
}

static u32 longest(bool unwritten)
{
	return unwritten ? UNWRITTEN_MAX : EXT4_EXTENT_INIT_MAX;
}

static bool joins(const struct ext4_extent *a, const struct ext4_extent *b)
{
	u32 len = ext4_extent_len(a);

	return ext4_extent_unwritten(a) == ext4_extent_unwritten(b) && a->block + len == b->block &&
	       ext4_extent_start(a) + len == ext4_extent_start(b) &&
	       len + ext4_extent_len(b) <= longest(ext4_extent_unwritten(a));
}

static void remove_entry(struct ext4_extent_header *h, u32 at)
{
	struct ext4_extent *e = ext4_extents(h) + at;

	h->entries--;
	memmove(e, e + 1, (h->entries - at) * sizeof(*e));
}

static void insert_entry(struct ext4_extent_header *h, u32 at, const struct ext4_extent *n)
{
	struct ext4_extent *e = ext4_extents(h) + at;

	memmove(e + 1, e, (h->entries - at) * sizeof(*e));
	*e = *n;
	h->entries++;
}

/* Joins those from @from to @to, as far as there are such, with what follows each. */
static void join(struct ext4_extent_header *h, u32 from, u32 to)
{
	struct ext4_extent *e = ext4_extents(h);
	u32 i = from;

	while (i <= to && i + 1 < h->entries) {
		if (!joins(&e[i], &e[i + 1])) {
			i++;
			continue;
		}
		e[i].len = (u16)(e[i].len + ext4_extent_len(&e[i + 1]));
		remove_entry(h, i + 1);
		to = to > 0 ? to - 1 : 0;
	}
}

/* The leaf begins at @block now: so do the indexes that lead to it. */
static int lower_indexes(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 block)
{
	for (u32 level = p->depth; level-- > 0;) {
		struct ext4_path_level *l = &p->level[level];
		struct ext4_extent_index *x = &ext4_indexes(l->h)[l->at - 1];
		int r;

		if (x->block <= block)
			continue;
		r = ext4_path_change(fs, ref, p, level);
		if (r != 0)
			return r;
		x->block = block;
		ext4_path_seal(fs, ref, p, level);
	}
	return 0;
}

static bool is_hole(const struct ext4_path *p, const struct ext4_run *run)
{
	const struct ext4_path_level *leaf = &p->level[p->depth];
	const struct ext4_extent *e = ext4_extents(leaf->h) + leaf->at;
	u32 end = leaf->at < leaf->h->entries ? e->block : p->end;

	if (leaf->at > 0 && run->block - e[-1].block < ext4_extent_len(&e[-1]))
		return false;
	return run->count <= end - run->block;
}

/* -EAGAIN: no room. */
static int add_to_leaf(
	struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, const struct ext4_run *run)
{
	struct ext4_path_level *leaf = &p->level[p->depth];
	struct ext4_extent *e = ext4_extents(leaf->h) + leaf->at, n;
	bool left, right;
	int r;

	set_extent(&n, run);
	left = leaf->at > 0 && joins(&e[-1], &n);
	right = leaf->at < leaf->h->entries && joins(&n, e);
	if (!left && !right && !ext4_path_has_room(p, p->depth, 1))
		return -EAGAIN;
	r = ext4_path_change(fs, ref, p, p->depth);
	if (r != 0)
		return r;
	if (left) {
		e[-1].len = (u16)(e[-1].len + run->count);
		join(leaf->h, leaf->at - 1, leaf->at - 1);
	} else if (right) {
		n.len = (u16)(n.len + ext4_extent_len(e));
		*e = n;
	} else {
		insert_entry(leaf->h, leaf->at, &n);
	}
	ext4_path_seal(fs, ref, p, p->depth);
	return left ? 0 : lower_indexes(fs, ref, p, run->block);
}

typedef int (*leaf_change)(
	struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, const struct ext4_run *run);

/* Does it in the leaf of the run's block; as long as that has no room, makes some. */
static int change_leaf(
	struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run, leaf_change change)
{
	int r = ext4_inode_change(fs, ref);

	if (r != 0)
		return r;
	for (u32 i = 0; i < STEPS_MAX; i++) {
		struct ext4_path p;

		r = ext4_path_walk(fs, ref, run->block, &p);
		if (r != 0)
			return r;
		r = change(fs, ref, &p, run);
		if (r == -EAGAIN) {
			r = ext4_path_make_room(fs, ref, &p);
			r = r == 0 ? -EAGAIN : r;
		}
		ext4_path_put(fs, &p);
		if (r != -EAGAIN)
			return r;
	}
	return ext4_damaged(fs, "extents of inode", ref->ino);
}

static int add(
	struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, const struct ext4_run *run)
{
	return is_hole(p, run) ? add_to_leaf(fs, ref, p, run) : -EINVAL;
}

int ext4_extent_add(struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run)
{
	if (run->count == 0 || run->count > longest(run->unwritten) ||
		run->count > EXT4_EXTENT_END - run->block)
		return -EINVAL;
	return change_leaf(fs, ref, run, add);
}

/* @e in up to three pieces, of which the one that @run names is written; how many. */
static u32 cut_up(const struct ext4_extent *e, const struct ext4_run *run, struct ext4_extent *to)
{
	u32 before = run->block - e->block, behind = ext4_extent_len(e) - before - run->count;
	struct ext4_run pieces[] = {
		{ e->block, before, ext4_extent_start(e), true },
		{ run->block, run->count, ext4_extent_start(e) + before, false },
		{ run->block + run->count, behind, ext4_extent_start(e) + before + run->count,
			true },
	};
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(pieces); i++)
		if (pieces[i].count > 0)
			set_extent(&to[n++], &pieces[i]);
	return n;
}

static int set_written(
	struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, const struct ext4_run *run)
{
	struct ext4_path_level *leaf = &p->level[p->depth];
	struct ext4_extent *e = ext4_extents(leaf->h) + leaf->at - 1, pieces[3];
	u32 at = leaf->at - 1, n;
	int r;

	if (leaf->at == 0 || !ext4_extent_unwritten(e) ||
		run->block - e->block >= ext4_extent_len(e) ||
		run->count > ext4_extent_len(e) - (run->block - e->block))
		return -EINVAL;
	n = cut_up(e, run, pieces);
	if (!ext4_path_has_room(p, p->depth, n - 1))
		return -EAGAIN;
	r = ext4_path_change(fs, ref, p, p->depth);
	if (r != 0)
		return r;
	*e = pieces[0];
	for (u32 i = 1; i < n; i++)
		insert_entry(leaf->h, at + i, &pieces[i]);
	join(leaf->h, at > 0 ? at - 1 : 0, at + n - 1);
	ext4_path_seal(fs, ref, p, p->depth);
	return 0;
}

int ext4_extent_set_written(struct ext4 *fs, struct ext4_iref *ref, u32 block, u32 count)
{
	const struct ext4_run run = { .block = block, .count = count };

	return count == 0 ? -EINVAL : change_leaf(fs, ref, &run, set_written);
}
