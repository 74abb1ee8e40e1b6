/* SPDX-License-Identifier: MIT */
/*
 * Inodes: given out near their directory, directories themselves spread over the
 * groups. Blocks of the table that no inode was ever in are not read, but made.
 */
#include "base/errno.h"
#include "rootpart/ext4/ext4_space.h"

struct averages {
	u32 inodes;
	u32 blocks;
};

static u32 group_of(const struct ext4 *fs, u32 ino)
{
	return (ino - 1) / fs->inodes_per_group;
}

static int get_averages(struct ext4 *fs, struct averages *a)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	a->inodes = s->free_inodes_count / fs->group_count;
	a->blocks = (u32)(ext4_super_free_blocks(s) / fs->group_count);
	ext4_buffer_put(fs, b);
	return 0;
}

/* 1: one from here; 0; errors. @a: it is to have as much room as the others, or NULL. */
static int suits(struct ext4 *fs, u32 group, const struct averages *a)
{
	struct ext4_buffer *b;
	struct ext4_group *g;
	int r = ext4_group_get(fs, group, &b, &g);

	if (r != 0)
		return r;
	r = ext4_group_free_inodes(fs, g) > 0;
	if (a != NULL && (ext4_group_free_inodes(fs, g) < a->inodes ||
				 ext4_group_free_blocks(fs, g) < a->blocks))
		r = 0;
	ext4_buffer_put(fs, b);
	return r;
}

/* Its block of the table, and the new inode in that. */
static int place(
	struct ext4 *fs, const struct ext4_bitmap *m, u32 bit, u32 used, struct ext4_iref *ref)
{
	u32 per_block = fs->block_size / fs->inode_size;
	u64 block = ext4_group_inode_table(fs, m->g) + bit / per_block;
	int r;

	if (fs->checksums && bit - bit % per_block >= used)
		r = ext4_buffer_new(fs, block, &ref->b);
	else
		r = ext4_buffer_get(fs, block, &ref->b);
	if (r != 0)
		return r;
	ref->ino = m->group * fs->inodes_per_group + bit + 1;
	ref->i = (struct ext4_inode *)(void *)(ref->b->data + bit % per_block * fs->inode_size);
	r = ext4_inode_change(fs, ref);
	if (r == 0) {
		ext4_inode_init(fs, ref);
		ext4_inode_seal(fs, ref);
	}
	ext4_inode_put(fs, ref);
	return r;
}

static int count_one(struct ext4 *fs, struct ext4_bitmap *m, bool directory, s32 by)
{
	u32 free_inodes = ext4_group_free_inodes(fs, m->g);
	u32 dirs = ext4_group_used_dirs(fs, m->g);

	if (by < 0 ? free_inodes == 0 : free_inodes >= fs->inodes_per_group)
		return ext4_damaged(fs, "free inodes of a group", m->group);
	if (directory && by > 0 && dirs == 0)
		return ext4_damaged(fs, "directories of a group", m->group);
	ext4_group_set_free_inodes(fs, m->g, free_inodes + (u32)by);
	if (directory)
		ext4_group_set_used_dirs(fs, m->g, dirs - (u32)by);
	return 0;
}

static int take(struct ext4 *fs, struct ext4_bitmap *m, bool directory, u32 *ino)
{
	struct ext4_iref ref;
	u32 bit = ext4_bits_next_zero(m->b->data, 0, m->bits), used = m->bits;
	int r;

	*ino = m->group * fs->inodes_per_group + bit + 1;
	if (bit == m->bits || *ino < fs->first_ino)
		return ext4_damaged(fs, "bitmap of inodes", m->group);
	r = ext4_bitmap_change(fs, m);
	if (r == 0)
		r = count_one(fs, m, directory, -1);
	if (r != 0)
		return r;
	ext4_bits_set(m->b->data, bit, 1);
	if (fs->checksums) {
		used = m->bits - ext4_group_unused(fs, m->g);
		ext4_group_set_unused(fs, m->g, m->bits - MAX(used, bit + 1));
	}
	ext4_bitmap_seal(fs, m);
	r = ext4_super_add_free(fs, 0, -1);
	return r != 0 ? r : place(fs, m, bit, used, &ref);
}

static int alloc_in(struct ext4 *fs, u32 group, bool directory, u32 *ino)
{
	struct ext4_bitmap m;
	int r = ext4_bitmap_get(fs, group, EXT4_BITMAP_INODES, &m);

	if (r != 0)
		return r;
	r = take(fs, &m, directory, ino);
	ext4_bitmap_put(fs, &m);
	return r;
}

/* -ENOSPC: no group suits. */
static int alloc(struct ext4 *fs, u32 start, const struct averages *a, bool directory, u32 *ino)
{
	for (u32 i = 0; i < fs->group_count; i++) {
		u32 group = (u32)(((u64)start + i) % fs->group_count);
		int r = suits(fs, group, a);

		if (r != 0)
			return r < 0 ? r : alloc_in(fs, group, directory, ino);
	}
	return -ENOSPC;
}

int ext4_inode_alloc(struct ext4 *fs, u32 parent, bool directory, u32 *ino)
{
	struct averages a;
	int r;

	if (parent == 0 || parent > fs->inodes)
		return -EINVAL;
	if (!directory)
		return alloc(fs, group_of(fs, parent), NULL, false, ino);
	r = get_averages(fs, &a);
	if (r == 0)
		r = alloc(fs, fs->directory_hint, &a, true, ino);
	if (r == 0)
		fs->directory_hint = group_of(fs, *ino) + 1;
	return r == -ENOSPC ? alloc(fs, group_of(fs, parent), NULL, true, ino) : r;
}

static int give_back(struct ext4 *fs, struct ext4_bitmap *m, u32 bit, bool directory)
{
	int r;

	if (!ext4_bit(m->b->data, bit))
		return ext4_damaged(
			fs, "a free inode is freed", m->group * fs->inodes_per_group + bit + 1);
	r = ext4_bitmap_change(fs, m);
	if (r == 0)
		r = count_one(fs, m, directory, 1);
	if (r != 0)
		return r;
	ext4_bits_clear(m->b->data, bit, 1);
	ext4_bitmap_seal(fs, m);
	return ext4_super_add_free(fs, 0, 1);
}

int ext4_inode_free(struct ext4 *fs, u32 ino, bool directory)
{
	struct ext4_bitmap m;
	int r;

	if (ino < fs->first_ino || ino > fs->inodes)
		return ext4_damaged(fs, "a reserved inode is freed", ino);
	r = ext4_bitmap_get(fs, group_of(fs, ino), EXT4_BITMAP_INODES, &m);
	if (r != 0)
		return r;
	r = give_back(fs, &m, (ino - 1) % fs->inodes_per_group, directory);
	ext4_bitmap_put(fs, &m);
	return r;
}
