/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a directory's blocks: looked up in, listed, added to, removed from. The layers below are
 * arrays, and the allocator may give out a block that is in use. Nothing is put back after an error.
 * sources: rootpart/ext4/ext4_dir.c rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_hash.c
 * sources: rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "rootpart/ext4/ext4_dir_impl.h"
#include "rootpart/heap.h"

#define SIZE   1024u
#define BLOCKS 64u
#define FIRST  100u /* block of the volume that the directory begins with */

static struct ext4_buffer buffers[BLOCKS];
static struct ext4_super super;
static u32 steps; /* of reading: a bound on what one call may do */
static u32 where; /* the next new block of the directory lies */

void *kmalloc(size_t size)
{
	return malloc(size);
}

void kfree(void *p)
{
	free(p);
}

int ext4_damaged(struct ext4 *fs, const char *what, u64 at)
{
	(void)what;
	(void)at;
	fs->read_only = true;
	return -EIO;
}

int ext4_extent_find(struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_run *run)
{
	(void)fs;
	(void)ref;
	*run = (struct ext4_run){ .block = block, .count = 1 };
	if (block < BLOCKS)
		run->start = FIRST + block;
	return 0;
}

int ext4_buffer_get(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	(void)fs;
	if (block < FIRST || block >= FIRST + BLOCKS)
		return -EINVAL;
	if (++steps > 100000)
		__builtin_trap();
	*out = &buffers[block - FIRST];
	(*out)->refs++;
	return 0;
}

int ext4_buffer_new(struct ext4 *fs, u64 block, struct ext4_buffer **out)
{
	int r = ext4_buffer_get(fs, block, out);

	if (r == 0)
		memset((*out)->data, 0, SIZE);
	return r;
}

void ext4_buffer_put(struct ext4 *fs, struct ext4_buffer *b)
{
	(void)fs;
	if (b != NULL && b->refs-- == 0)
		__builtin_trap();
}

int ext4_change(struct ext4 *fs, struct ext4_buffer *b)
{
	(void)fs;
	(void)b;
	return 0;
}

int ext4_blocks_alloc(struct ext4 *fs, u64 goal, u32 *count, u64 *first)
{
	(void)fs;
	*count = 1;
	*first = where != 0 ? FIRST + where % BLOCKS : goal;
	return 0;
}

int ext4_extent_add(struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run)
{
	(void)fs;
	(void)ref;
	(void)run;
	return 0;
}

int ext4_inode_add_blocks(struct ext4 *fs, struct ext4_inode *i, s64 blocks)
{
	(void)fs;
	(void)i;
	(void)blocks;
	return 0;
}

int ext4_inode_change(struct ext4 *fs, struct ext4_iref *ref)
{
	(void)fs;
	(void)ref;
	return 0;
}

void ext4_inode_seal(struct ext4 *fs, struct ext4_iref *ref)
{
	(void)fs;
	(void)ref;
}

u64 ext4_inode_size(const struct ext4_inode *i)
{
	return i->size_lo;
}

void ext4_inode_set_size(struct ext4_inode *i, u64 size)
{
	i->size_lo = (u32)size;
}

u32 ext4_inode_seed(const struct ext4 *fs, const struct ext4_iref *ref)
{
	(void)fs;
	(void)ref;
	return 0;
}

u32 ext4_crc32c(u32 crc, const void *data, size_t len)
{
	(void)data;
	(void)len;
	return crc;
}

int ext4_super_get(struct ext4 *fs, struct ext4_buffer **b, struct ext4_super **s)
{
	(void)fs;
	*b = NULL;
	*s = &super;
	return 0;
}

static void list(struct ext4 *fs, struct ext4_iref *dir)
{
	char name[EXT4_NAME_MAX + 1];
	struct ext4_found found;
	u64 position = 0, before = 0;

	for (u32 i = 0; i < 300; i++) {
		steps = 0;
		if (ext4_dir_next(fs, dir, &position, name, &found) != 1)
			break;
		if (position <= before || strlen(name) == 0)
			__builtin_trap();
		before = position;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		(void)!ext4_dir_find(fs, dir, name, strlen(name), &found);
		if (i % 2)
			(void)!ext4_dir_remove(fs, dir, name, strlen(name));
	}
}

static void add(struct ext4 *fs, struct ext4_iref *dir, u32 seed)
{
	char name[EXT4_NAME_MAX];

	for (u32 i = 0; i < 40; i++) {
		steps = 0;
		seed = seed * 1103515245u + 12345u;
		memset(name, 'a' + (int)(seed >> 20) % 26, sizeof(name));
		memcpy(name, &seed, sizeof(seed));
		(void)!ext4_dir_add(fs, dir, name, 4 + (seed >> 8) % 252, 12, EXT4_TYPE_FILE);
	}
	(void)!ext4_dir_set(fs, dir, "..", 2, 2, EXT4_TYPE_DIR);
	(void)!ext4_dir_is_empty(fs, dir);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Four bytes of choices, then the blocks; the last one may be cut and is filled with zeroes. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 bytes[BLOCKS * SIZE];
	struct ext4_inode inode = { .mode = EXT4_S_IFDIR };
	struct ext4_iref dir = { .ino = 11, .i = &inode };
	struct ext4 fs = { .block_size = SIZE, .block_bits = 10, .blocks = FIRST + BLOCKS };

	if (size < 5 || size - 4 > sizeof(bytes))
		return 0;
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data + 4, size - 4);
	for (u32 i = 0; i < BLOCKS; i++)
		buffers[i] = (struct ext4_buffer){ .block = FIRST + i, .data = bytes + i * SIZE };
	fs.inodes = 1000;
	fs.inodes_per_group = 1000;
	fs.blocks_per_group = 8192;
	fs.feature_compat = data[0] & 1 ? EXT4_COMPAT_DIR_INDEX : 0;
	fs.feature_incompat = EXT4_INCOMPAT_FILETYPE;
	fs.hash_unsigned = data[0] & 2;
	inode.flags = data[0] & 4 ? EXT4_FL_INDEX : 0;
	super.def_hash_version = data[1];
	where = data[2];
	ext4_inode_set_size(&inode, ALIGN_UP(size - 4, SIZE));
	list(&fs, &dir);
	add(&fs, &dir, data[3]);
	list(&fs, &dir);
	for (u32 i = 0; i < BLOCKS; i++) {
		if (buffers[i].refs != 0)
			__builtin_trap();
	}
	return 0;
}
