/* SPDX-License-Identifier: MIT */
/*
 * Directories with wrong bytes in them: each call ends, what has a checksum is seen to be wrong, and
 * an index that makes no sense hides no name.
 * sources: rootpart/ext4/ext4_dir.c rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_hash.c
 * sources: rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c rootpart/ext4/ext4_name.c
 * sources: rootpart/ext4/ext4_vfs.c tests/unit/ext4_dir_world.c
 * sources: rootpart/ext4/ext4_map.c
 * sources: tests/unit/image_disk.c
 * sources: lib/string.c
 * sources: rootpart/ext4/ext4_alloc.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_buffer.c
 * sources: rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c rootpart/ext4/ext4_extent.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_extent_split.c rootpart/ext4/ext4_features.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_geometry.c rootpart/ext4/ext4_group.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_journal.c
 * sources: rootpart/ext4/ext4_journal_map.c rootpart/ext4/ext4_journal_super.c
 * sources: rootpart/ext4/ext4_mount.c rootpart/ext4/ext4_orphan.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c rootpart/ext4/ext4_super.c rootpart/ext4/ext4_truncate.c
 */
#include "tests/unit/ext4_dir_world.h"

/* Everything that reads or changes, until it ends; its result does not matter. */
static void touch_everything(void)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	struct ext4_found found;
	u64 position = 0, before = 0;

	while (ext4_dir_next(w.v.fs, &dir, &position, name, &found) == 1) {
		assert_true(position > before);
		before = position;
	}
	(void)!ext4_dir_is_empty(w.v.fs, &dir);
	for (u32 i = 0; i < w.count; i += 9) {
		size_t len = world_name(i, name);

		(void)!ext4_dir_find(w.v.fs, &dir, name, len, &found);
	}
	for (u32 i = 0; i < w.count; i += 21) {
		size_t len = world_name(i, name);

		w.v.fs->read_only = false;
		assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
		(void)ext4_end(w.v.fs, ext4_dir_remove(w.v.fs, &dir, name, len));
		w.v.fs->read_only = false;
		assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
		name[0] = 'x';
		(void)ext4_end(
			w.v.fs, ext4_dir_add(w.v.fs, &dir, name, len, w.file, EXT4_TYPE_FILE));
	}
	ext4_inode_put(w.v.fs, &dir);
}

static u64 byte_of_block(u32 block)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	struct ext4_buffer *b;
	u64 at;

	assert_int_equal(ext4_dir_block(w.v.fs, &dir, block, &b), 0);
	at = b->block * w.v.fs->block_size;
	ext4_buffer_put(w.v.fs, b);
	ext4_inode_put(w.v.fs, &dir);
	return at;
}

/* The first bytes of entries and of tables are hit more often than names. */
static void flip(u8 *block, u32 size)
{
	for (u32 n = 1 + random_below(3); n > 0; n--) {
		u32 at = random_below(random_below(2) ? 64 : size);

		block[at] = (u8)(random_below(3) ? random_below(256)
						 : block[at] ^ 1u << random_below(8));
	}
}

static void damage_is_survived(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		u32 size = kinds[k].block_size, count, root;
		struct image_disk good;
		struct ext4_iref dir;

		/* Long names, so that few make two levels. */
		world_make(&kinds[k], 4, kinds[k].index ? 1100 : 150, 200);
		world_change(true, w.count);
		assert_int_equal(world_levels(&root), !kinds[k].index ? 0 : size == 1024 ? 2 : 1);
		dir = volume_inode(&w.v, "d");
		count = ext4_dir_block_count(w.v.fs, &dir);
		ext4_inode_put(w.v.fs, &dir);
		volume_check(&w.v);
		good = w.v.disk;
		good.bytes = malloc(good.size);
		memcpy(good.bytes, w.v.disk.bytes, good.size);
		for (u32 n = 0; n < 90; n++) {
			/* Block 0, indexes that were made first, any other. */
			u64 at = byte_of_block(
				n % 3 == 0 ? 0
					   : random_below(n % 3 == 1 ? MIN(count, 150) : count));

			volume_free(&w.v);
			image_disk_make(&w.v.disk, good.size, 512);
			memcpy(w.v.disk.bytes, good.bytes, good.size);
			flip(w.v.disk.bytes + at, size);
			assert_int_equal(ext4_mount(&w.v.disk.d, false, &w.v.fs), 0);
			touch_everything();
			volume_free(&w.v);
			image_disk_make(&w.v.disk, good.size, 512);
			memcpy(w.v.disk.bytes, good.bytes, good.size);
			assert_int_equal(ext4_mount(&w.v.disk.d, false, &w.v.fs), 0);
		}
		free(good.bytes);
		volume_free(&w.v);
	}
}

/* With checksums, no bit of a leaf changes unseen. */
static void damage_is_seen(void **state)
{
	(void)state;
	world_make(&kinds[4], 8, 100, 40);
	world_change(true, 100);
	volume_check(&w.v);
	for (u32 n = 0; n < 100; n++) {
		u64 at;
		struct ext4_iref dir;

		volume_free(&w.v);
		volume_load(&w.v, false);
		at = byte_of_block(random_below(3)) + random_below(1024);
		if (at % 1024 >= 1012 && at % 1024 < 1020)
			continue;
		volume_free(&w.v);
		volume_load(&w.v, false);
		w.v.disk.bytes[at] ^= (u8)(1u << random_below(8));
		dir = volume_inode(&w.v, "d");
		for (u32 i = 0; i < w.count; i++) {
			char name[EXT4_NAME_MAX + 1];
			size_t len = world_name(i, name);
			struct ext4_found found;
			int r = ext4_dir_find(w.v.fs, &dir, name, len, &found);

			assert_true(r == 0 || r == -EIO);
		}
		assert_true(w.v.fs->damages > 0);
		assert_true(w.v.fs->read_only);
		assert_non_null(strstr(image_log, "checksum of directory block"));
		ext4_inode_put(w.v.fs, &dir);
	}
	volume_free(&w.v);
}

/* An index that makes no sense is said, and everything is still found. */
static void without_the_index(void **state)
{
	/* Offsets in block 0 and bytes that cannot be there. */
	static const struct {
		u32 at;
		u8 byte;
	} rows[] = { { 24, 1 }, { 28, 3 }, { 29, 9 }, { 30, 2 }, { 31, 1 }, { 32, 0x11 }, { 34, 0 },
		{ 35, 0xff }, { 38, 0x7f }, { 4, 16 }, { 16, 13 } };
	static bool in[NAMES_MAX];
	int r;

	(void)state;
	world_make(&kinds[2], 8, 400, 40);
	world_change(true, 300);
	volume_check(&w.v);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 at = byte_of_block(0) + rows[i].at;

		volume_free(&w.v);
		volume_load(&w.v, false);
		assert_int_not_equal(w.v.disk.bytes[at], rows[i].byte);
		w.v.disk.bytes[at] = rows[i].byte;
		if (rows[i].at == 34)
			w.v.disk.bytes[at + 1] = 0;
		world_is_found();
		assert_true(w.v.fs->damages > 0);
		assert_true(w.v.fs->read_only);
		/* But nothing changes, not even in the operation that finds it. */
		memcpy(in, w.in, sizeof(in));
		w.v.fs->read_only = false;
		for (u32 n = 0; n < w.count && !w.v.fs->read_only; n++) {
			r = in[n] ? world_take(n) : 0;
			assert_int_equal(r, w.v.fs->read_only ? -EIO : 0);
		}
		memcpy(w.in, in, sizeof(in));
		assert_true(w.v.fs->read_only);
		volume_free(&w.v);
		volume_load(&w.v, false);
	}
	volume_free(&w.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(without_the_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
