/* SPDX-License-Identifier: MIT */
/*
 * Inodes that are to be freed or truncated if all ends now: in a free place of the
 * orphan file, where the volume has one and that is not full, or else on the list that
 * begins in the superblock and goes on in the inodes' dtime.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

/* A block of the orphan file; a reference. */
struct slots {
	struct ext4_buffer *b;
	u32 *ino; /* @count of them */
	u32 count;
	u32 seed;
	u32 n; /* which block of the file */
};

static struct ext4_orphan_tail *tail(const struct slots *s)
{
	return (struct ext4_orphan_tail *)(void *)(s->ino + s->count);
}

static u32 checksum(const struct slots *s)
{
	u32 crc = ext4_crc32c(s->seed, &s->b->block, sizeof(s->b->block));

	return ext4_crc32c(crc, s->ino, s->count * sizeof(*s->ino));
}

static void slots_put(struct ext4 *fs, struct slots *s)
{
	ext4_buffer_put(fs, s->b);
	s->b = NULL;
}

static int slots_read(struct ext4 *fs, u64 block, struct slots *s)
{
	int r = ext4_buffer_get(fs, block, &s->b);

	if (r != 0)
		return r;
	s->ino = (u32 *)(void *)s->b->data;
	s->count = (fs->block_size - (u32)sizeof(struct ext4_orphan_tail)) / (u32)sizeof(u32);
	if (ext4_is_intact(s->b, EXT4_KIND_ORPHANS, s->seed))
		return 0;
	if (tail(s)->magic == EXT4_ORPHAN_MAGIC &&
		(!fs->checksums || tail(s)->checksum == checksum(s))) {
		ext4_set_intact(s->b, EXT4_KIND_ORPHANS, s->seed);
		return 0;
	}
	slots_put(fs, s);
	return ext4_damaged(fs, "orphan file", block);
}

/* Block @n of the orphan file; -ENOENT behind its end. */
static int slots_get(struct ext4 *fs, u32 n, struct slots *s)
{
	struct ext4_iref file;
	struct ext4_run run = { 0 };
	int r = ext4_inode_get(fs, fs->orphan_ino, &file);

	if (r != 0)
		return r == -EINVAL ? ext4_damaged(fs, "orphan file", fs->orphan_ino) : r;
	s->seed = ext4_inode_seed(fs, &file);
	s->n = n;
	r = n < ext4_inode_size(file.i) >> fs->block_bits ? 0 : -ENOENT;
	if (r == 0)
		r = ext4_extent_find(fs, &file, n, &run);
	ext4_inode_put(fs, &file);
	if (r != 0)
		return r;
	if (run.start == 0 || run.unwritten)
		return ext4_damaged(fs, "orphan file", n);
	return slots_read(fs, run.start, s);
}

/* The slot that has @ino: in the @blocks first blocks. -ENOENT; else *@s is to be put. */
static int find_slot(struct ext4 *fs, u32 ino, u32 blocks, struct slots *s, u32 *slot)
{
	for (u32 n = 0; n < blocks; n++) {
		int r = slots_get(fs, n, s);

		if (r != 0)
			return r;
		for (*slot = 0; *slot < s->count; ++*slot)
			if (s->ino[*slot] == ino)
				return 0;
		slots_put(fs, s);
	}
	return -ENOENT;
}

static int set_slot(struct ext4 *fs, struct slots *s, u32 slot, u32 ino)
{
	int r = ext4_change(fs, s->b);

	if (r != 0)
		return r;
	s->ino[slot] = ino;
	tail(s)->checksum = fs->checksums ? checksum(s) : 0;
	return 0;
}

/* 0: it has, and *@s is to be put. -ENOENT: there is no orphan file, or it is not there. */
static int file_find(struct ext4 *fs, u32 ino, u32 blocks, struct slots *s, u32 *slot)
{
	return fs->orphan_ino != 0 ? find_slot(fs, ino, blocks, s, slot) : -ENOENT;
}

/* -ENOENT: no place. */
static int file_add(struct ext4 *fs, u32 ino)
{
	struct slots s;
	u32 slot;
	int r = file_find(fs, ino, fs->orphan_blocks, &s, &slot);

	if (r == 0)
		slots_put(fs, &s);
	if (r != -ENOENT)
		return r;
	r = file_find(fs, 0, fs->orphan_blocks + 1, &s, &slot);
	if (r != 0)
		return r;
	r = set_slot(fs, &s, slot, ino);
	slots_put(fs, &s);
	if (r == 0)
		fs->orphan_blocks = MAX(fs->orphan_blocks, s.n + 1);
	return r;
}

static int file_remove(struct ext4 *fs, u32 ino)
{
	struct slots s;
	u32 slot;
	int r = file_find(fs, ino, fs->orphan_blocks, &s, &slot);

	if (r != 0)
		return r;
	r = set_slot(fs, &s, slot, 0);
	slots_put(fs, &s);
	return r;
}

/* The inode that @ino comes behind on the list, 0: the superblock. -ENOENT: it is not there. */
static int list_before(struct ext4 *fs, u32 ino, u32 *before)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	u32 at, n;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	at = s->last_orphan;
	ext4_buffer_put(fs, b);
	*before = 0;
	for (n = 0; at != 0 && at != ino && n < fs->inodes; n++) {
		struct ext4_iref ref;

		r = ext4_inode_get(fs, at, &ref);
		if (r != 0)
			return ext4_damaged(fs, "list of orphans", at);
		*before = at;
		at = ref.i->dtime;
		ext4_inode_put(fs, &ref);
	}
	if (n == fs->inodes && at != 0)
		return ext4_damaged(fs, "list of orphans", at);
	return at == 0 ? -ENOENT : 0;
}

static int set_head(struct ext4 *fs, u32 ino, u32 *old)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	r = ext4_change(fs, b);
	if (r == 0) {
		*old = s->last_orphan;
		s->last_orphan = ino;
		ext4_super_seal(fs, s);
	}
	ext4_buffer_put(fs, b);
	return r;
}

static int set_next(struct ext4 *fs, struct ext4_iref *ref, u32 next)
{
	int r = ext4_inode_change(fs, ref);

	if (r == 0) {
		ref->i->dtime = next;
		ext4_inode_seal(fs, ref);
	}
	return r;
}

static int list_add(struct ext4 *fs, struct ext4_iref *ref)
{
	u32 before, head;
	int r = list_before(fs, ref->ino, &before);

	if (r != -ENOENT)
		return r;
	r = set_head(fs, ref->ino, &head);
	return r != 0 ? r : set_next(fs, ref, head);
}

static int list_remove_inode(struct ext4 *fs, struct ext4_iref *ref)
{
	struct ext4_iref other;
	u32 before, old, next = ref->i->dtime;
	int r = list_before(fs, ref->ino, &before);

	if (r != 0)
		return r == -ENOENT ? 0 : r;
	if (before == 0) {
		r = set_head(fs, next, &old);
	} else {
		r = ext4_inode_get(fs, before, &other);
		if (r == 0) {
			r = set_next(fs, &other, next);
			ext4_inode_put(fs, &other);
		}
	}
	return r != 0 ? r : set_next(fs, ref, 0);
}

int ext4_orphan_add(struct ext4 *fs, struct ext4_iref *ref)
{
	int r = file_add(fs, ref->ino);

	return r == -ENOENT ? list_add(fs, ref) : r;
}

int ext4_orphan_remove(struct ext4 *fs, struct ext4_iref *ref)
{
	int r = file_remove(fs, ref->ino);

	return r == -ENOENT ? list_remove_inode(fs, ref) : r;
}

/* One of them: freed, or cut to its size. It is no orphan afterwards. */
static int finish(struct ext4 *fs, u32 ino)
{
	struct ext4_iref ref;
	u64 size;
	bool gone;
	int r = ino < fs->first_ino ? -EINVAL : ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r == -EINVAL ? ext4_damaged(fs, "number of an orphan", ino) : r;
	gone = ref.i->links_count == 0;
	size = ext4_is_file(ref.i) ? ext4_inode_size(ref.i) : UINT64_MAX;
	ext4_inode_put(fs, &ref);
	if (gone)
		return ext4_file_free(fs, ino);
	return ext4_file_cut(fs, ino,
		(u32)MIN((size >> fs->block_bits) + (size % fs->block_size != 0),
			(u64)EXT4_EXTENT_END));
}

static int list_head(struct ext4 *fs, u32 *ino)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	*ino = s->last_orphan;
	ext4_buffer_put(fs, b);
	return 0;
}

/* Each of them leaves the list, so that it ends. */
static int finish_list(struct ext4 *fs)
{
	u32 ino, last = 0;
	int r;

	for (u32 n = 0; n <= fs->inodes; n++) {
		r = list_head(fs, &ino);
		if (r != 0 || ino == 0)
			return r;
		if (ino == last)
			break;
		last = ino;
		r = finish(fs, ino);
		if (r != 0)
			return r;
	}
	return ext4_damaged(fs, "list of orphans", last);
}

/* The first one in block @n from slot *@slot on. -ENOENT: none. */
static int next_in_block(struct ext4 *fs, u32 n, u32 *slot, u32 *ino)
{
	struct slots s;
	int r = slots_get(fs, n, &s);

	if (r != 0)
		return r == -ENOENT ? ext4_damaged(fs, "orphan file", n) : r;
	while (*slot < s.count && s.ino[*slot] == 0)
		++*slot;
	r = *slot < s.count ? 0 : -ENOENT;
	if (r == 0)
		*ino = s.ino[(*slot)++];
	slots_put(fs, &s);
	return r;
}

static int finish_block(struct ext4 *fs, u32 n)
{
	u32 slot = 0, ino = 0;
	int r;

	while ((r = next_in_block(fs, n, &slot, &ino)) == 0) {
		r = finish(fs, ino);
		if (r != 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

/* How many blocks the orphan file has. */
static int count_blocks(struct ext4 *fs, u32 *count)
{
	struct ext4_iref file;
	int r = ext4_inode_get(fs, fs->orphan_ino, &file);

	if (r != 0)
		return r == -EINVAL ? ext4_damaged(fs, "orphan file", fs->orphan_ino) : r;
	*count = (u32)(ext4_inode_size(file.i) >> fs->block_bits);
	ext4_inode_put(fs, &file);
	return 0;
}

int ext4_orphans_finish(struct ext4 *fs)
{
	int r = 0;

	if (fs->orphan_ino != 0)
		r = count_blocks(fs, &fs->orphan_blocks);
	if (r == 0)
		r = finish_list(fs);
	for (u32 n = 0; r == 0 && n < fs->orphan_blocks; n++)
		r = finish_block(fs, n);
	if (r == 0)
		fs->orphan_blocks = 0;
	return r;
}
