/* SPDX-License-Identifier: MIT */
/*
 * Names into a hashed directory. A leaf without room is packed, or the upper
 * half of its hashes goes to a new one; an index without room gets a level, or is split. A bitmap that
 * lies can give out a block that is in use: what is read here may be changed by that, so counts are
 * checked again where they are used. In an operation; the volume's lock is held.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_htree.h"
#include "rootpart/heap.h"

/* Where an entry is in the copy of a leaf. */
struct item {
	u32 hash;
	u16 at;
	u16 size; /* that it needs */
};

/* A leaf's contents, apart from it, in order of hashes. */
struct sheaf {
	struct item *items;
	u8 *copy;
	u32 count;
	u32 size; /* all that they need */
};

static void sheaf_free(struct sheaf *s)
{
	kfree(s->items);
	kfree(s->copy);
}

/* By insertion: entries of one leaf. */
static void sheaf_put(struct sheaf *s, struct item item)
{
	u32 i = s->count++;

	for (; i > 0 && s->items[i - 1].hash > item.hash; i--)
		s->items[i] = s->items[i - 1];
	s->items[i] = item;
	s->size += item.size;
}

/* All entries of @b from @from on. */
static int gather(struct ext4 *fs, struct ext4_buffer *b, u32 version, u32 from, struct sheaf *s)
{
	u32 end = ext4_leaf_end(fs);

	*s = (struct sheaf){
		.items = kmalloc(fs->block_size / ext4_entry_size(1) * sizeof(*s->items)),
		.copy = kmalloc(fs->block_size),
	};
	if (s->items == NULL || s->copy == NULL)
		return -ENOMEM;
	memcpy(s->copy, b->data, fs->block_size);
	for (u32 at = from; at < end; at += ext4_entry_at(b, at)->rec_len) {
		const struct ext4_dirent *d = ext4_entry_at(b, at);
		int r = ext4_entry_check(fs, b, at, end);

		if (r != 0)
			return r;
		if (d->inode == 0)
			continue;
		sheaf_put(s,
			(struct item){
				ext4_hash_name(fs->hash_seed, version, d->name, d->name_len).hash,
				(u16)at, (u16)ext4_entry_size(d->name_len) });
	}
	return 0;
}

/* Items [from, to) into @b, without gaps; the last one has what is free. */
static int pack(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b,
	const struct sheaf *s, u32 from, u32 to)
{
	struct ext4_dirent *d = NULL;
	int r = ext4_change(fs, b);
	u32 at = 0;

	if (r != 0)
		return r;
	ext4_leaf_clear(fs, b);
	for (u32 i = from; i < to; i++) {
		d = ext4_entry_at(b, at);
		memcpy(d, s->copy + s->items[i].at, s->items[i].size);
		d->rec_len = s->items[i].size;
		at += s->items[i].size;
	}
	if (d != NULL)
		d->rec_len = (u16)(d->rec_len + ext4_leaf_end(fs) - at);
	ext4_leaf_seal(fs, dir, b);
	return 0;
}

/* The first item of the upper half by size: neither half is empty. */
static u32 middle(const struct sheaf *s)
{
	u32 sum = s->items[0].size, i = 1;

	while (i + 1 < s->count && sum + s->items[i].size / 2u <= s->size / 2)
		sum += s->items[i++].size;
	return i;
}

/* An entry behind the one that @f stands at. There is room, as the caller made sure. */
static int insert(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_dx_frame *f, u32 hash, u32 block)
{
	struct ext4_dx_entry *e = ext4_dx_entries(f);
	u32 count = ext4_dx_count(e), limit = ext4_dx_limit(e);
	int r;

	if (limit > fs->block_size / sizeof(*e) || count >= limit || f->at >= count)
		return ext4_damaged(fs, "directory index that was overwritten", f->b->block);
	r = ext4_change(fs, f->b);
	if (r != 0)
		return r;
	memmove(e + f->at + 2, e + f->at + 1, (count - f->at - 1) * sizeof(*e));
	e[f->at + 1] = (struct ext4_dx_entry){ .hash = hash, .block = block };
	ext4_dx_set(e, limit, count + 1);
	ext4_dx_seal(fs, dir, f->b, f->offset);
	return 0;
}

/* A block that is a node with @count of the entries at @from. */
static void fill_node(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b,
	const struct ext4_dx_entry *from, u32 count)
{
	struct ext4_dx_frame f = { .b = b, .offset = DX_NODE };
	u32 tail = fs->checksums ? (u32)sizeof(struct ext4_dx_tail) : 0;

	ext4_entry_at(b, 0)->rec_len = (u16)fs->block_size;
	memcpy(ext4_dx_entries(&f), from, count * sizeof(*from));
	ext4_dx_set(
		ext4_dx_entries(&f), (fs->block_size - DX_NODE - tail) / (u32)sizeof(*from), count);
	ext4_dx_seal(fs, dir, b, DX_NODE);
}

/* The root's entries go to a node, the only one that it has then. */
static int deepen(struct ext4 *fs, struct ext4_iref *dir, struct ext4_walk *w)
{
	struct ext4_dx_frame *root = &w->frame[0], *node = &w->frame[1];
	struct ext4_dx_entry *e = ext4_dx_entries(root);
	u32 limit = ext4_dx_limit(e), count = ext4_dx_count(e), block;
	int r = ext4_dir_grow(fs, dir, &block, &node->b);

	node->offset = DX_NODE;
	if (r == 0 && node->b == root->b)
		r = ext4_damaged(fs, "directory index that was overwritten", root->b->block);
	if (r == 0)
		r = ext4_change(fs, root->b);
	if (r != 0)
		return r;
	fill_node(fs, dir, node->b, e, count);
	node->at = root->at;
	root->at = 0;
	w->levels = 2;
	ext4_dx_set(e, limit, 1);
	e->block = block;
	ext4_dx_info(root->b)->indirect_levels = 1;
	ext4_dx_seal(fs, dir, root->b, DX_ROOT);
	return 0;
}

/* The upper half of a node's entries to a new one, which the walk stands in afterwards if it did before. */
static int split_node(struct ext4 *fs, struct ext4_iref *dir, struct ext4_walk *w)
{
	struct ext4_dx_frame *node = &w->frame[1];
	struct ext4_dx_entry *e = ext4_dx_entries(node);
	u32 limit = ext4_dx_limit(e), count = ext4_dx_count(e), keep = count / 2, block;
	u32 hash = e[keep].hash;
	struct ext4_buffer *b;
	int r = ext4_dir_grow(fs, dir, &block, &b);

	if (r == 0 && (b == node->b || b == w->frame[0].b))
		r = ext4_damaged(fs, "directory index that was overwritten", b->block);
	if (r == 0)
		r = ext4_change(fs, node->b);
	if (r == 0) {
		fill_node(fs, dir, b, e + keep, count - keep);
		ext4_dx_set(e, limit, keep);
		ext4_dx_seal(fs, dir, node->b, DX_NODE);
		r = insert(fs, dir, &w->frame[0], hash, block);
	}
	if (r != 0 || node->at < keep) {
		ext4_buffer_put(fs, b);
		return r;
	}
	ext4_buffer_put(fs, node->b);
	*node = (struct ext4_dx_frame){ .b = b, .offset = DX_NODE, .at = node->at - keep };
	w->frame[0].at++;
	return 0;
}

static bool is_full(const struct ext4_dx_frame *f)
{
	return ext4_dx_count(ext4_dx_entries(f)) >= ext4_dx_limit(ext4_dx_entries(f));
}

/* Room for one index entry more above the leaf. More levels are LARGEDIR's. */
static int make_room(struct ext4 *fs, struct ext4_iref *dir, struct ext4_walk *w)
{
	if (!is_full(&w->frame[w->levels - 1]))
		return 0;
	if (w->levels < DX_LEVELS)
		return deepen(fs, dir, w);
	return is_full(&w->frame[0]) ? -ENOSPC : split_node(fs, dir, w);
}

/*
 * The upper half of the leaf's entries to a new one; *@b is then the one of both that a name of @hash
 * belongs to.
 */
static int split(struct ext4 *fs, struct ext4_iref *dir, struct ext4_walk *w, const struct sheaf *s,
	u32 hash, struct ext4_buffer **b)
{
	u32 cut = middle(s), first = s->items[cut].hash, block;
	/* The index tells that others with that hash are in front. */
	u32 mark = s->items[cut - 1].hash == first ? 1 : 0;
	struct ext4_buffer *new;
	int r = make_room(fs, dir, w);

	if (r != 0)
		return r;
	r = ext4_dir_grow(fs, dir, &block, &new);
	if (r == 0 && new == *b)
		r = ext4_damaged(fs, "leaf that was overwritten", new->block);
	if (r == 0)
		r = pack(fs, dir, *b, s, 0, cut);
	if (r == 0)
		r = pack(fs, dir, new, s, cut, s->count);
	if (r == 0)
		r = insert(fs, dir, &w->frame[w->levels - 1], first | mark, block);
	if (r != 0 || hash < first) {
		ext4_buffer_put(fs, new);
		return r;
	}
	ext4_buffer_put(fs, *b);
	*b = new;
	return 0;
}

/* What the directory's leaf @b needs so that a name of @len gets in. */
static int relieve(struct ext4 *fs, struct ext4_iref *dir, struct ext4_walk *w, u32 hash,
	size_t len, struct ext4_buffer **b)
{
	struct sheaf s;
	int r = gather(fs, *b, w->version, 0, &s);

	if (r == 0 && (s.count < 2 || s.size + ext4_entry_size(len) <= ext4_leaf_end(fs)))
		r = pack(fs, dir, *b, &s, 0, s.count);
	else if (r == 0)
		r = split(fs, dir, w, &s, hash, b);
	sheaf_free(&s);
	return r;
}

int ext4_htree_add(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type)
{
	struct ext4_buffer *b = NULL;
	struct ext4_walk w;
	u32 hash = 0;
	int r = ext4_walk_begin(fs, dir, &w);

	if (r == 0) {
		hash = ext4_hash_name(fs->hash_seed, w.version, name, len).hash;
		r = ext4_walk_to(fs, dir, &w, hash);
	}
	if (r == 0)
		r = ext4_walk_leaf(fs, dir, &w, &b);
	if (r == 0)
		r = ext4_leaf_add(fs, dir, b, name, len, ino, type);
	if (r == -ENOSPC) {
		r = relieve(fs, dir, &w, hash, len, &b);
		if (r == 0)
			r = ext4_leaf_add(fs, dir, b, name, len, ino, type);
	}
	ext4_buffer_put(fs, b);
	ext4_walk_end(fs, &w);
	return r == -EINVAL ? -EIO : r;
}

/* Block 0, which had entries: "." and "..", and an index of one leaf. */
static void fill_root(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b, u32 version, u32 leaf)
{
	struct ext4_dx_frame f = { .b = b, .offset = DX_ROOT };
	u32 tail = fs->checksums ? (u32)sizeof(struct ext4_dx_tail) : 0;

	memset(b->data + DX_INFO, 0, fs->block_size - DX_INFO);
	ext4_entry_at(b, DX_DOTS)->rec_len = (u16)(fs->block_size - DX_DOTS);
	*ext4_dx_info(b) = (struct ext4_dx_root_info){
		.hash_version = (u8)(version % EXT4_HASH_UNSIGNED),
		.info_length = sizeof(struct ext4_dx_root_info),
	};
	ext4_dx_set(ext4_dx_entries(&f),
		(fs->block_size - DX_ROOT - tail) / (u32)sizeof(struct ext4_dx_entry), 1);
	ext4_dx_entries(&f)->block = leaf;
	ext4_dx_seal(fs, dir, b, DX_ROOT);
}

/* "." and ".." are where an index has them. */
static bool begins_with_dots(struct ext4_buffer *b)
{
	const struct ext4_dirent *one = ext4_entry_at(b, 0), *two = ext4_entry_at(b, DX_DOTS);

	return one->inode != 0 && one->rec_len == DX_DOTS && one->name_len == 1 &&
	       one->name[0] == '.' && two->inode != 0 && two->name_len == 2 &&
	       memcmp(two->name, "..", 2) == 0;
}

int ext4_htree_make(struct ext4 *fs, struct ext4_iref *dir, struct ext4_buffer *b)
{
	struct ext4_buffer *leaf = NULL;
	struct sheaf s = { 0 };
	u32 version, block;
	int r = ext4_hash_version(fs, &version);

	if (r == 0 && !begins_with_dots(b))
		r = ext4_damaged(fs, "first entries of directory", dir->ino);
	if (r == 0)
		r = gather(fs, b, version, DX_DOTS + ext4_entry_at(b, DX_DOTS)->rec_len, &s);
	if (r == 0)
		r = ext4_dir_grow(fs, dir, &block, &leaf);
	if (r == 0 && leaf == b)
		r = ext4_damaged(fs, "directory that was overwritten", dir->ino);
	if (r == 0)
		r = pack(fs, dir, leaf, &s, 0, s.count);
	if (r == 0)
		r = ext4_change(fs, b);
	if (r == 0)
		r = ext4_inode_change(fs, dir);
	if (r == 0) {
		fill_root(fs, dir, b, version, block);
		dir->i->flags |= EXT4_FL_INDEX;
		ext4_inode_seal(fs, dir);
	}
	ext4_buffer_put(fs, leaf);
	sheaf_free(&s);
	return r;
}
