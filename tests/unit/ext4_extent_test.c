/* SPDX-License-Identifier: MIT */
/*
 * Trees of extents: thousands of them, in every order, growing in depth and losing it
 * again; unwritten ones written in pieces. e2fsck has the last word.
 * sources: rootpart/ext4/ext4_super.c rootpart/ext4/ext4_features.c rootpart/ext4/ext4_geometry.c
 * sources: rootpart/ext4/ext4_group.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_alloc.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_orphan.c
 * sources: rootpart/ext4/ext4_extent.c rootpart/ext4/ext4_extent_split.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_mount.c
 * sources: tests/unit/ext4_space_volume.c tests/unit/image_disk.c
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c rootpart/ext4/ext4_revoke.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/ext4_space_volume.h"

#define WRITE_BLOCKS (EXT4_EXTENT_BLOCKS + EXT4_ALLOC_BLOCKS + 1u)

static const char *const kinds[] = {
	"-b 1024 -m 1 -O " EXT4_FEATURES,
	"-b 1024 -m 1 -O " EXT4_FEATURES_OLD,
	"-b 4096 -m 1 -O " EXT4_FEATURES,
};

static u64 seed = 7;

static u32 any(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

static struct volume v;
static struct ext4_iref file;

static void begin(const char *options, const char *size)
{
	static const u8 none;
	u32 ino;

	volume_put("file", &none, 0);
	volume_make(&v, options, size);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	assert_int_equal(ext4_inode_get(v.fs, ino, &file), 0);
}

static void end(void)
{
	ext4_inode_put(v.fs, &file);
	volume_unmount(&v);
}

/* One block of a hole. */
static int add_one(u32 block, bool unwritten)
{
	struct ext4_run run = { .block = block, .count = 1, .unwritten = unwritten };
	int r = ext4_blocks_alloc(v.fs, 0, &run.count, &run.start);

	if (r == 0)
		r = ext4_extent_add(v.fs, &file, &run);
	if (r == 0)
		r = ext4_inode_change(v.fs, &file);
	if (r != 0)
		return r;
	ext4_inode_set_size(
		file.i, MAX(ext4_inode_size(file.i), ((u64)block + 1) << v.fs->block_bits));
	r = ext4_inode_add_blocks(v.fs, file.i, 1);
	ext4_inode_seal(v.fs, &file);
	return r;
}

static void add(u32 block, bool unwritten)
{
	assert_int_equal(ext4_begin(v.fs, WRITE_BLOCKS), 0);
	assert_int_equal(ext4_end(v.fs, add_one(block, unwritten)), 0);
}

static u32 depth(void)
{
	return ext4_extent_root(&file)->depth;
}

/* Every second block of @count is there, the others are not. */
static void check_striped(u32 count)
{
	for (u32 i = 0; i < count; i++) {
		struct ext4_run run;

		assert_int_equal(ext4_extent_find(v.fs, &file, 2 * i, &run), 0);
		assert_int_equal(run.count, 1);
		assert_int_not_equal(run.start, 0);
		assert_int_equal(ext4_extent_find(v.fs, &file, 2 * i + 1, &run), 0);
		assert_int_equal(run.start, 0);
		assert_int_equal(run.count, i + 1 < count ? 1 : EXT4_EXTENT_END - 2 * i - 1);
	}
}

static void shrink_to(u64 size)
{
	assert_int_equal(ext4_file_truncate(v.fs, file.ino, size), 0);
}

static u64 free_blocks(void)
{
	struct ext4_info info;

	ext4_info_get(v.fs, &info);
	return info.free_blocks;
}

#define COUNT 3000u

static void order_forward(u32 *order)
{
	for (u32 i = 0; i < COUNT; i++)
		order[i] = i;
}

static void order_backward(u32 *order)
{
	for (u32 i = 0; i < COUNT; i++)
		order[i] = COUNT - 1 - i;
}

static void order_any(u32 *order)
{
	order_forward(order);
	for (u32 i = COUNT - 1; i > 0; i--) {
		u32 k = any(i + 1), t = order[i];

		order[i] = order[k];
		order[k] = t;
	}
}

static void reload(void)
{
	u32 ino = file.ino;

	end();
	volume_mount(&v);
	assert_int_equal(ext4_inode_get(v.fs, ino, &file), 0);
}

static void grow_and_shrink(const char *options, void (*make_order)(u32 *order))
{
	static u32 order[COUNT];
	u64 before;

	make_order(order);
	begin(options, "64M");
	before = free_blocks();
	for (u32 i = 0; i < COUNT; i++)
		add(2 * order[i], false);
	assert_true(depth() >= (v.fs->block_size == 1024 ? 2 : 1));
	check_striped(COUNT);
	reload();
	check_striped(COUNT);
	for (u32 keep = COUNT; keep > 1; keep = keep * 2 / 3) {
		shrink_to((u64)keep * 2 * v.fs->block_size - 1);
		check_striped(keep);
	}
	assert_int_equal(depth(), 0);
	reload();
	shrink_to(0);
	assert_int_equal(ext4_extent_root(&file)->entries, 0);
	assert_int_equal(free_blocks(), before);
	assert_int_equal(file.i->blocks_lo, 0);
	end();
}

static void grow_in_depth_and_shrink(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		grow_and_shrink(kinds[i], order_forward);
		grow_and_shrink(kinds[i], order_backward);
		grow_and_shrink(kinds[i], order_any);
	}
}

/* 84 entries to a node: more than 4 * 84 * 84 extents need three levels of nodes. */
static void have_three_levels(void **state)
{
	(void)state;
	begin("-b 1024 -m 1 -O " EXT4_FEATURES, "96M");
	for (u32 i = 0; i < 30000; i++)
		add(2 * i, false);
	assert_int_equal(depth(), 3);
	reload();
	for (u32 i = 0; i < 30000; i += 1000) {
		struct ext4_run run;

		assert_int_equal(ext4_extent_find(v.fs, &file, 2 * i, &run), 0);
		assert_int_not_equal(run.start, 0);
	}
	shrink_to(5000 * 1024);
	reload();
	assert_true(depth() <= 2);
	check_striped(2500);
	end();
}

/* Blocks that lie behind each other become one extent, from whichever side. */
static void join_neighbours(void **state)
{
	struct ext4_run run;
	u32 count = 5;
	u64 first;

	(void)state;
	begin(kinds[0], "16M");
	assert_int_equal(ext4_begin(v.fs, WRITE_BLOCKS), 0);
	assert_int_equal(ext4_blocks_alloc(v.fs, 0, &count, &first), 0);
	assert_int_equal(count, 5);
	static const u32 order[] = { 0, 4, 1, 3, 2 };

	for (u32 i = 0; i < 5; i++) {
		run = (struct ext4_run){ 10 + order[i], 1, first + order[i], false };
		assert_int_equal(ext4_extent_add(v.fs, &file, &run), 0);
		assert_int_equal(ext4_extent_add(v.fs, &file, &run), -EINVAL);
	}
	assert_int_equal(ext4_inode_add_blocks(v.fs, file.i, 5), 0);
	ext4_inode_set_size(file.i, 15 * 1024);
	ext4_inode_seal(v.fs, &file);
	assert_int_equal(ext4_end(v.fs, 0), 0);
	assert_int_equal(ext4_extent_root(&file)->entries, 1);
	assert_int_equal(ext4_extent_find(v.fs, &file, 10, &run), 0);
	assert_int_equal(run.count, 5);
	assert_int_equal(run.start, first);
	end();
}

/* One long unwritten extent, of which blocks are written in any order until all are. */
static void become_written(void **state)
{
	static bool written[2000];
	struct ext4_run run;
	u32 left = 2000;

	(void)state;
	begin(kinds[0], "16M");
	assert_int_equal(ext4_file_allocate(v.fs, file.ino, 0, 2000 * 1024), 0);
	while (left > 0) {
		u32 block = any(2000);

		while (written[block])
			block = (block + 1) % 2000;
		assert_int_equal(ext4_begin(v.fs, WRITE_BLOCKS), 0);
		assert_int_equal(ext4_end(v.fs, ext4_extent_set_written(v.fs, &file, block, 1)), 0);
		written[block] = true;
		left--;
		if (left % 200 != 0)
			continue;
		for (u32 i = 0; i < 2000; i++) {
			assert_int_equal(ext4_extent_find(v.fs, &file, i, &run), 0);
			assert_int_not_equal(run.start, 0);
			assert_int_equal(run.unwritten, !written[i]);
		}
		assert_int_equal(ext4_begin(v.fs, WRITE_BLOCKS), 0);
		assert_int_equal(
			ext4_end(v.fs, ext4_extent_set_written(v.fs, &file, block, 1)), -EINVAL);
	}
	/* The joints that lie between two leaves may stay. */
	assert_true(ext4_extent_root(&file)->depth <= 2);
	reload();
	for (u32 i = 0; i < 2000; i += run.count) {
		assert_int_equal(ext4_extent_find(v.fs, &file, i, &run), 0);
		assert_false(run.unwritten);
	}
	end();
}

/* An operation that fails leaves the tree as it was. */
static void are_put_back(void **state)
{
	(void)state;
	begin(kinds[0], "16M");
	for (u32 i = 0; i < 500; i++) {
		assert_int_equal(ext4_begin(v.fs, WRITE_BLOCKS), 0);
		assert_int_equal(ext4_end(v.fs, add_one(2 * i, false) == 0 ? -EIO : 0), -EIO);
		add(2 * i, false);
	}
	check_striped(500);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grow_in_depth_and_shrink),
		cmocka_unit_test(have_three_levels),
		cmocka_unit_test(join_neighbours),
		cmocka_unit_test(become_written),
		cmocka_unit_test(are_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
