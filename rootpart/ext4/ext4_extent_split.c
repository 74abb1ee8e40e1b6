/* SPDX-License-Identifier: MIT */
/*
 * Room in trees of extents: a full node gets a sibling, a full root a level below it. One
 * step at a time; whoever needs room walks the path anew after each.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_space.h"

int ext4_path_change(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 level)
{
	return level == 0 ? ext4_inode_change(fs, ref) : ext4_change(fs, p->level[level].b);
}

void ext4_path_seal(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 level)
{
	if (level == 0)
		ext4_inode_seal(fs, ref);
	else
		ext4_extent_seal(fs, ref, p->level[level].b);
}

static void set_index(struct ext4_extent_index *x, u32 block, u64 leaf)
{
	*x = (struct ext4_extent_index){
		.block = block,
		.leaf_lo = (u32)leaf,
		.leaf_hi = (u16)(leaf >> 32),
	};
}

/* A new block of the tree with @count entries from @from on, which are at @depth. */
static int new_node(struct ext4 *fs, struct ext4_iref *ref, u64 goal, u32 depth,
	const struct ext4_extent *from, u32 count, u64 *block)
{
	struct ext4_extent_header *h;
	struct ext4_buffer *b;
	int r = ext4_block_alloc_reserved(fs, goal, block);

	if (r == 0)
		r = ext4_buffer_new(fs, *block, &b);
	if (r != 0)
		return r;
	r = ext4_change(fs, b);
	if (r == 0)
		r = ext4_inode_add_blocks(fs, ref->i, 1);
	if (r == 0) {
		h = (struct ext4_extent_header *)(void *)b->data;
		*h = (struct ext4_extent_header){ .magic = EXT4_EXTENT_MAGIC,
			.entries = (u16)count,
			.max = (u16)ext4_extent_room(fs),
			.depth = (u16)depth };
		memcpy(ext4_extents(h), from, count * sizeof(*from));
		ext4_extent_seal(fs, ref, b);
	}
	ext4_buffer_put(fs, b);
	return r;
}

/* All of the root goes into a block, which becomes its only child. */
static int grow(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p)
{
	struct ext4_extent_header *root = p->level[0].h;
	u32 first = ext4_indexes(root)[0].block;
	u64 block, goal = root->depth > 0 ? ext4_index_leaf(ext4_indexes(root))
					  : ext4_extent_start(ext4_extents(root));
	int r;

	if (root->depth == EXT4_EXTENT_DEPTH)
		return -EFBIG;
	r = new_node(fs, ref, goal, root->depth, ext4_extents(root), root->entries, &block);
	if (r != 0)
		return r;
	root->depth++;
	root->entries = 1;
	set_index(ext4_indexes(root), first, block);
	ext4_inode_seal(fs, ref);
	return 0;
}

/*
 * Half of the node's entries go into a sibling; only the last one where the new
 * entry comes behind it, so that files that are written from front to end have full nodes.
 */
static int split(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p, u32 level)
{
	struct ext4_path_level *n = &p->level[level], *parent = &p->level[level - 1];
	struct ext4_extent_index *x = ext4_indexes(parent->h) + parent->at;
	u32 entries = n->h->entries;
	u32 keep = n->at == entries ? entries - 1 : entries / 2;
	u64 block;
	int r;

	if (keep == 0)
		return ext4_damaged(fs, "extents of inode", ref->ino);
	r = ext4_path_change(fs, ref, p, level);
	if (r == 0)
		r = ext4_path_change(fs, ref, p, level - 1);
	if (r == 0)
		r = new_node(fs, ref, n->b->block, n->h->depth, ext4_extents(n->h) + keep,
			entries - keep, &block);
	if (r != 0)
		return r;
	memmove(x + 1, x, (parent->h->entries - parent->at) * sizeof(*x));
	set_index(x, ext4_indexes(n->h)[keep].block, block);
	parent->h->entries++;
	n->h->entries = (u16)keep;
	ext4_path_seal(fs, ref, p, level);
	ext4_path_seal(fs, ref, p, level - 1);
	return 0;
}

int ext4_path_make_room(struct ext4 *fs, struct ext4_iref *ref, struct ext4_path *p)
{
	u32 level = p->depth;
	int r = ext4_inode_change(fs, ref);

	if (r != 0)
		return r;
	while (level > 0 && !ext4_path_has_room(p, level - 1, 1))
		level--;
	r = level == 0 ? grow(fs, ref, p) : split(fs, ref, p, level);
	ext4_inode_seal(fs, ref);
	return r;
}
