/* SPDX-License-Identifier: MIT */
/*
 * The index of a hashed directory: block 0 is its root, behind "." and "..",
 * and below are leaves, or one level of nodes and then leaves. An index entry has the least hash of what
 * is below it, with bit 0 set if names of that hash are also at the end of what is in front. What is read
 * is checked when it is read; who changes it is ext4_htree_add.c. The volume's lock is held.
 */
#include "rootpart/ext4/ext4_htree.h"

#include "base/errno.h"
#include "lib/string.h"

/* The index makes no sense: others may still look through all the blocks. */
static int senseless(struct ext4 *fs, const char *what, u64 where)
{
	(void)ext4_damaged(fs, what, where);
	return -EINVAL;
}

static u32 limit_of(const struct ext4 *fs, u32 offset)
{
	u32 tail = fs->checksums ? (u32)sizeof(struct ext4_dx_tail) : 0;

	return (fs->block_size - offset - tail) / (u32)sizeof(struct ext4_dx_entry);
}

static struct ext4_dx_entry *entries_at(struct ext4_buffer *b, u32 offset)
{
	return (struct ext4_dx_entry *)(void *)(b->data + offset);
}

static u32 node_checksum(
	const struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b, u32 offset)
{
	struct ext4_dx_entry *e = entries_at(b, offset);
	struct ext4_dx_tail t = *(struct ext4_dx_tail *)(void *)(e + limit_of(fs, offset));
	u32 used = offset + ext4_dx_count(e) * (u32)sizeof(*e);

	t.checksum = 0;
	return ext4_crc32c(ext4_crc32c(ext4_inode_seed(fs, dir), b->data, used), &t, sizeof(t));
}

void ext4_dx_seal(
	const struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b, u32 offset)
{
	struct ext4_dx_entry *tail = entries_at(b, offset) + limit_of(fs, offset);

	if (fs->checksums)
		((struct ext4_dx_tail *)(void *)tail)->checksum = node_checksum(fs, dir, b, offset);
}

void ext4_htree_seal_root(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b)
{
	ext4_dx_seal(fs, dir, b, DX_ROOT);
}

/* Limit, count and checksum of the entries at @offset. */
static int check_entries(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b, u32 offset)
{
	struct ext4_dx_entry *e = entries_at(b, offset);
	u32 limit = limit_of(fs, offset), seed = ext4_inode_seed(fs, dir);
	enum ext4_kind kind = offset == DX_ROOT ? EXT4_KIND_INDEX_ROOT : EXT4_KIND_INDEX_NODE;

	if (ext4_dx_limit(e) != limit || ext4_dx_count(e) == 0 || ext4_dx_count(e) > limit)
		return senseless(fs, "count in directory index", b->block);
	if (!fs->checksums || ext4_is_intact(b, kind, seed))
		return 0;
	if (((struct ext4_dx_tail *)(void *)(e + limit))->checksum !=
		node_checksum(fs, dir, b, offset))
		return senseless(fs, "checksum of directory index", b->block);
	ext4_set_intact(b, kind, seed);
	return 0;
}

struct ext4_dx_root_info *ext4_dx_info(struct ext4_buffer *b)
{
	return (struct ext4_dx_root_info *)(void *)(b->data + DX_INFO);
}

int ext4_htree_check_root(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_buffer *b)
{
	const struct ext4_dx_root_info *info = ext4_dx_info(b);
	const struct ext4_dirent *dots = ext4_entry_at(b, DX_DOTS);

	if (ext4_entry_at(b, 0)->rec_len != DX_DOTS || dots->rec_len != fs->block_size - DX_DOTS ||
		dots->name_len != 2)
		return senseless(fs, "root of directory index", b->block);
	if (info->reserved != 0 || info->hash_version > EXT4_HASH_TEA ||
		info->info_length != sizeof(*info) || info->indirect_levels >= DX_LEVELS ||
		(info->unused_flags & 1) != 0)
		return senseless(fs, "header of directory index", b->block);
	return check_entries(fs, dir, b, DX_ROOT);
}

bool ext4_htree_is_node(const struct ext4 *fs, struct ext4_buffer *b)
{
	const struct ext4_dirent *d = ext4_entry_at(b, 0);

	return d->inode == 0 && d->rec_len == fs->block_size;
}

void ext4_walk_end(struct ext4 *fs, struct ext4_walk *w)
{
	for (u32 i = 0; i < DX_LEVELS; i++)
		ext4_buffer_put(fs, w->frame[i].b);
	*w = (struct ext4_walk){ 0 };
}

/* The block of the entry that @f stands at. */
static int below(struct ext4 *fs, const struct ext4_iref *dir, const struct ext4_dx_frame *f,
	struct ext4_buffer **b)
{
	u32 block = entries_at(f->b, f->offset)[f->at].block;
	u32 count = ext4_dir_block_count(fs, dir);

	*b = NULL;
	if (count == 0)
		return -EIO;
	if (block == 0 || block >= count)
		return senseless(fs, "block in directory index", dir->ino);
	return ext4_dir_block(fs, dir, block, b);
}

static int enter_node(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w)
{
	struct ext4_dx_frame *f = &w->frame[1];
	int r;

	ext4_buffer_put(fs, f->b);
	*f = (struct ext4_dx_frame){ .offset = DX_NODE };
	r = below(fs, dir, &w->frame[0], &f->b);
	if (r != 0)
		return r;
	if (!ext4_htree_is_node(fs, f->b) || f->b == w->frame[0].b)
		return senseless(fs, "node of directory index", f->b->block);
	return check_entries(fs, dir, f->b, DX_NODE);
}

/* The last entry whose hash is not above @hash; entry 0 has none. */
static u32 search(struct ext4_dx_frame *f, u32 hash)
{
	const struct ext4_dx_entry *e = entries_at(f->b, f->offset);
	u32 low = 0, high = ext4_dx_count(e);

	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (e[middle].hash <= hash)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int ext4_walk_begin(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w)
{
	int r;

	*w = (struct ext4_walk){ .frame[0].offset = DX_ROOT };
	r = ext4_dir_block(fs, dir, 0, &w->frame[0].b);
	if (r == 0)
		r = ext4_htree_check_root(fs, dir, w->frame[0].b);
	if (r != 0)
		return r;
	w->levels = 1u + ext4_dx_info(w->frame[0].b)->indirect_levels;
	w->version = ext4_dx_info(w->frame[0].b)->hash_version;
	if (fs->hash_unsigned)
		w->version += EXT4_HASH_UNSIGNED;
	return 0;
}

int ext4_walk_to(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, u32 hash)
{
	int r;

	w->frame[0].at = search(&w->frame[0], hash);
	if (w->levels == 1)
		return 0;
	r = enter_node(fs, dir, w);
	if (r == 0)
		w->frame[1].at = search(&w->frame[1], hash);
	return r;
}

int ext4_walk_leaf(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, struct ext4_buffer **b)
{
	const struct ext4_dx_frame *f = &w->frame[w->levels - 1];
	int r = below(fs, dir, f, b);

	if (r == 0 && (*b == w->frame[0].b || *b == w->frame[1].b))
		r = senseless(fs, "leaf of directory index", (*b)->block);
	ext4_buffer_put(fs, *b);
	*b = NULL;
	/* Again, for the checksum. */
	return r != 0 ? r : ext4_leaf_get(fs, dir, entries_at(f->b, f->offset)[f->at].block, b);
}

int ext4_walk_next(
	struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w, bool any, u32 hash)
{
	u32 level = w->levels;
	const struct ext4_dx_entry *e;
	int r = 0;

	while (level > 0) {
		e = entries_at(w->frame[level - 1].b, w->frame[level - 1].offset);
		if (w->frame[level - 1].at + 1 < ext4_dx_count(e))
			break;
		level--;
	}
	if (level == 0)
		return 0;
	e += w->frame[level - 1].at + 1;
	if (!any && e->hash != (hash | 1))
		return 0;
	w->frame[level - 1].at++;
	if (level < w->levels)
		r = enter_node(fs, dir, w); /* at its first entry */
	return r != 0 ? r : 1;
}

int ext4_htree_find(struct ext4 *fs, const struct ext4_iref *dir, const char *name, size_t len,
	struct ext4_place *place)
{
	struct ext4_walk w;
	u32 hash = 0;
	int r = ext4_walk_begin(fs, dir, &w), next;

	if (r == 0) {
		hash = ext4_hash_name(fs->hash_seed, w.version, name, len).hash;
		r = ext4_walk_to(fs, dir, &w, hash);
	}
	for (next = 1; r == 0 && next == 1;) {
		struct ext4_buffer *b;

		r = ext4_walk_leaf(fs, dir, &w, &b);
		if (r == 0)
			r = ext4_leaf_find(fs, b, ext4_leaf_end(fs), name, len, place);
		if (r == 0)
			break;
		ext4_buffer_put(fs, b);
		if (r != -ENOENT)
			break;
		next = ext4_walk_next(fs, dir, &w, false, hash);
		r = next == 1 ? 0 : next == 0 ? -ENOENT : next;
	}
	ext4_walk_end(fs, &w);
	return r;
}

/* The leaf, and those behind it that begin with a hash that it may end with. */
static int least_of_chain(struct ext4 *fs, const struct ext4_iref *dir, struct ext4_walk *w,
	u64 key, struct ext4_least *least)
{
	struct ext4_buffer *b;
	int r, next;

	do {
		u32 hash;

		r = ext4_walk_leaf(fs, dir, w, &b);
		if (r == 0)
			r = ext4_leaf_least(fs, b, w->version, key, least);
		ext4_buffer_put(fs, b);
		if (r != 0)
			return r;
		hash = least->found ? (u32)(least->key >> 32) << 1 : 0;
		/* Without one that was found, the caller goes on anyhow. */
		next = least->found ? ext4_walk_next(fs, dir, w, false, hash) : 0;
	} while (next == 1);
	return next;
}

int ext4_htree_least(
	struct ext4 *fs, const struct ext4_iref *dir, u64 key, struct ext4_least *least)
{
	struct ext4_walk w;
	int r = ext4_walk_begin(fs, dir, &w), next = 1;

	if (r == 0)
		r = ext4_walk_to(fs, dir, &w, (u32)(key >> 32) << 1);
	while (r == 0 && next == 1) {
		r = least_of_chain(fs, dir, &w, key, least);
		if (r != 0 || least->found)
			break;
		next = ext4_walk_next(fs, dir, &w, true, 0);
		r = next < 0 ? next : 0;
	}
	ext4_walk_end(fs, &w);
	return r;
}
