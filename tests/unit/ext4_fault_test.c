/* SPDX-License-Identifier: MIT */
/*
 * What fails, fails once and harms nothing: each write of a scenario, each allocation of
 * memory; and volumes with bytes that are wrong, which give errors and no end of trouble.
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

#define SMALL "-b 1024 -N 128 -J size=1 -O "

static struct volume v;
static u32 inodes[3];
static u64 seed = 3;

static u32 any(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

static void make(const char *options)
{
	static u8 data[60000];

	memset(data, 0x11, sizeof(data));
	volume_put("a", data, sizeof(data));
	volume_put("b", data, 0);
	volume_put("c", data, 3000);
	volume_make(&v, options, "4M");
	inodes[0] = volume_inode(&v, "a");
	inodes[1] = volume_inode(&v, "b");
	inodes[2] = volume_inode(&v, "c");
}

static u32 bad;

static int note(s64 r)
{
	bad += r < 0;
	return r < 0 ? (int)r : 0;
}

static void put(struct ext4 *fs, u32 ino, u64 offset, const void *data, u32 len)
{
	bad += ext4_file_write(fs, ino, offset, data, len) != len;
}

/* Holes, splits, conversions, cuts; every way that changes something. Errors are counted. */
static void scenario(struct ext4 *fs)
{
	static u8 data[20000];
	u32 made = 0;

	bad = 0;
	memset(data, 0x77, sizeof(data));
	put(fs, inodes[0], 50000, data, 20000);
	for (u32 i = 0; i < 12; i++)
		put(fs, inodes[1], i * 4096, data, 1000);
	(void)note(ext4_file_allocate(fs, inodes[2], 1000, 50000));
	put(fs, inodes[2], 20000, data, 1024 * 3);
	put(fs, inodes[2], 40001, data, 10);
	(void)note(ext4_sync(fs));
	(void)note(ext4_file_truncate(fs, inodes[0], 10001));
	(void)note(ext4_file_truncate(fs, inodes[1], 5000));
	(void)note(ext4_file_truncate(fs, inodes[0], 90000));
	if (note(ext4_begin(fs, 8)) == 0) {
		int r = ext4_inode_alloc(fs, EXT4_ROOT_INO, false, &made);

		(void)note(ext4_end(fs, r != 0 ? r : ext4_inode_free(fs, made, false)));
	}
	put(fs, inodes[1], 30000, data, 5000);
	(void)note(ext4_file_read(fs, inodes[1], 0, data, sizeof(data)));
}

static u64 writes_of_scenario(u64 *mounting)
{
	u64 writes;

	volume_mount(&v);
	*mounting = v.disk.writes;
	scenario(v.fs);
	assert_int_equal(bad, 0);
	writes = v.disk.writes;
	assert_int_equal(ext4_unmount(v.fs), 0);
	image_disk_free(&v.disk);
	return writes;
}

/*
 * A write of data that fails: its operation is undone, and the volume is clean. One of
 * metadata, by a commit: read-only from then on, and e2fsck replays what the journal has.
 */
static void fail_each_write(const char *options)
{
	u64 mounting, writes;
	u32 clean = 0;

	make(options);
	writes = writes_of_scenario(&mounting);
	for (u64 at = mounting + 1; at <= writes; at++) {
		struct volume copy = v;
		bool committed;

		volume_load(&copy);
		assert_int_equal(ext4_mount(&copy.disk.d, false, &copy.fs), 0);
		copy.disk.fail_write_at = at;
		scenario(copy.fs);
		assert_int_not_equal(bad, 0);
		committed = !copy.fs->read_only;
		assert_true(ext4_unmount(copy.fs) == 0 || !committed);
		assert_int_equal(image_objects, 0);
		snprintf(copy.path, sizeof(copy.path), "%s/failed", image_folder());
		volume_save(&copy);
		if (!committed)
			assert_in_range(image_fsck("-fp", copy.path, 1), 0, 1);
		assert_int_equal(volume_check(&copy), 0);
		clean += committed;
	}
	assert_true(clean > 10);
}

static void writes_that_fail(void **state)
{
	(void)state;
	fail_each_write(SMALL EXT4_FEATURES);
	fail_each_write(SMALL EXT4_FEATURES_OLD);
}

static void memory_that_fails(void **state)
{
	u32 failures = 0;

	(void)state;
	make(SMALL EXT4_FEATURES);
	for (u64 left = 0;; left++) {
		struct volume copy = v;

		volume_load(&copy);
		image_memory_left = left;
		if (ext4_mount(&copy.disk.d, false, &copy.fs) != 0) {
			image_memory_left = ~0ull;
			assert_int_equal(image_objects, 0);
			image_disk_free(&copy.disk);
			continue;
		}
		scenario(copy.fs);
		image_memory_left = ~0ull;
		assert_false(copy.fs->read_only);
		failures += bad > 0;
		assert_int_equal(ext4_unmount(copy.fs), 0);
		assert_int_equal(image_objects, 0);
		snprintf(copy.path, sizeof(copy.path), "%s/failed", image_folder());
		if (left % 8 == 0 || bad == 0) {
			volume_save(&copy);
			assert_int_equal(volume_check(&copy), 0);
		} else {
			image_disk_free(&copy.disk);
		}
		if (bad == 0)
			break;
	}
	assert_true(failures > 50);
}

static u64 blocks_of_file(struct ext4 *fs, u32 ino)
{
	struct ext4_iref ref;
	u64 blocks;

	assert_int_equal(ext4_inode_get(fs, ino, &ref), 0);
	blocks = ref.i->blocks_lo;
	ext4_inode_put(fs, &ref);
	return blocks;
}

/* What takes several operations and stops between them is finished by the next mount. */
static void cuts_that_stop_half_way(void **state)
{
	u32 half = 0;
	int r = -ENOMEM;

	(void)state;
	make(SMALL EXT4_FEATURES);
	/* The same files, over more groups than one operation changes. */
	volume_make(&v, "-g 256 " SMALL EXT4_FEATURES_64 ",^resize_inode", "8M");
	volume_mount(&v);
	assert_int_equal(ext4_file_allocate(v.fs, inodes[1], 0, 5 * MIB), 0);
	volume_unmount(&v);
	for (u64 left = 0; r != 0; left++) {
		struct volume copy = v;
		u64 before;

		volume_mount(&copy);
		before = blocks_of_file(copy.fs, inodes[1]);
		image_memory_left = left;
		r = ext4_file_truncate(copy.fs, inodes[1], 0);
		image_memory_left = ~0ull;
		assert_true(r == 0 || r == -ENOMEM);
		half += r != 0 && blocks_of_file(copy.fs, inodes[1]) != before;
		before = r != 0 && blocks_of_file(copy.fs, inodes[1]) == before ? before : 0;
		assert_int_equal(ext4_sync(copy.fs), 0);
		snprintf(copy.path, sizeof(copy.path), "%s/stopped", image_folder());
		image_disk_save(&copy.disk, copy.path);
		assert_int_equal(ext4_unmount(copy.fs), 0);
		image_disk_free(&copy.disk);
		volume_mount(&copy);
		assert_int_equal(blocks_of_file(copy.fs, inodes[1]), before);
		volume_unmount(&copy);
	}

	assert_true(half > 10);
}

/* Puts back what was written, and what was made wrong. */
static void restore(const struct image_disk *good, struct image_disk *disk)
{
	for (u64 i = 0; i < disk->log_count; i++) {
		struct image_write *w = &disk->log[i];

		if (w->len > 0)
			memcpy(disk->bytes + w->offset, good->bytes + w->offset, w->len);
		free(w->data);
	}
	free(disk->log);
	disk->log = NULL;
	disk->log_count = 0;
}

static u64 metadata[8192];
static u32 metadata_count;

static void note_block(u64 block)
{
	metadata[metadata_count++ % ARRAY_SIZE(metadata)] = block;
}

/* The blocks of its tree, or the first of its own, which are metadata, too. */
static void note_file(struct ext4 *fs, u32 ino, bool contents)
{
	struct ext4_iref ref;
	struct ext4_run run;
	struct ext4_path p;

	assert_int_equal(ext4_inode_get(fs, ino, &ref), 0);
	assert_int_equal(ext4_path_walk(fs, &ref, 0, &p), 0);
	for (u32 k = 1; k <= p.depth; k++)
		note_block(p.level[k].b->block);
	ext4_path_put(fs, &p);
	assert_int_equal(ext4_extent_find(fs, &ref, 0, &run), 0);
	if (contents)
		note_block(run.start);
	ext4_inode_put(fs, &ref);
}

/* Where the metadata lies that the scenario comes by: groups', tables' first blocks, trees'. */
static void find_metadata(struct ext4 *fs)
{
	note_block(fs->super_block);
	note_block(fs->super_block + 1);
	for (u32 i = 0; i < fs->group_count; i++) {
		struct ext4_buffer *b;
		struct ext4_group *g;

		assert_int_equal(ext4_group_get(fs, i, &b, &g), 0);
		note_block(ext4_group_block_bitmap(fs, g));
		note_block(ext4_group_inode_bitmap(fs, g));
		for (u32 k = 0; i == 0 && k < 4; k++)
			note_block(ext4_group_inode_table(fs, g) + k);
		ext4_buffer_put(fs, b);
	}
	if (fs->orphan_ino != 0)
		note_file(fs, fs->orphan_ino, true);
	for (u32 i = 0; i < ARRAY_SIZE(inodes); i++)
		note_file(fs, inodes[i], false);
}

/* A tree with blocks of its own, unwritten ones in it, and an orphan. */
static void enrich(void)
{
	static const u8 c = 0x33;

	volume_mount(&v);
	for (u32 i = 0; i < 200; i++)
		assert_int_equal(ext4_file_write(v.fs, inodes[1], i * 4096, &c, 1), 1);
	assert_int_equal(ext4_file_allocate(v.fs, inodes[2], 100000, 50000), 0);
	find_metadata(v.fs);
	volume_unmount(&v);
	assert_int_equal(image_command("debugfs -w -R 'set_super_value last_orphan %u' %s",
				 inodes[0], v.path),
		0);
}

static void flip(struct image_disk *disk, u64 *at, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		at[i] = metadata[any(MIN(metadata_count, (u32)ARRAY_SIZE(metadata)))] * 1024 +
			any(any(2) ? 1024 : 200);
		disk->bytes[at[i]] ^= (u8)(1u << any(8));
	}
}

/* At most @runs rounds; each has to end, by itself and soon. */
static void live_with_damage(const char *options, u32 runs)
{
	struct image_disk good, disk;
	u32 mounted = 0, found = 0;

	make(options);
	metadata_count = 0;
	enrich();
	image_disk_load(&good, v.path, 512);
	image_disk_load(&disk, v.path, 512);
	for (u32 i = 0; i < runs; i++) {
		u64 at[4], before;
		u32 count = 1 + any(4);

		disk.record = true;
		flip(&disk, at, count);
		before = disk.reads + disk.writes;
		if (ext4_mount(&disk.d, false, &v.fs) == 0) {
			mounted++;
			scenario(v.fs);
			(void)ext4_file_free(v.fs, inodes[1]);
			found += v.fs->damages > 0;
			(void)ext4_unmount(v.fs);
		}
		assert_true(disk.reads + disk.writes - before < 20000);
		assert_int_equal(image_objects, 0);
		restore(&good, &disk);
		for (u32 k = 0; k < count; k++)
			disk.bytes[at[k]] = good.bytes[at[k]];
	}
	assert_memory_equal(disk.bytes, good.bytes, good.size);
	assert_true(mounted > runs / 4);
	assert_true(found > runs / 50);
	image_disk_free(&good);
	image_disk_free(&disk);
}

static void damage_with_checksums(void **state)
{
	(void)state;
	live_with_damage(SMALL EXT4_FEATURES, 3000);
}

/* Gets further, as nothing tells that a byte is wrong but what it means. */
static void damage_without_checksums(void **state)
{
	(void)state;
	live_with_damage(SMALL EXT4_FEATURES_OLD, 4000);
	live_with_damage(SMALL EXT4_FEATURES_OLD ",orphan_file", 2000);
}

/* What is found is told, marked, and the end of writing. */
static void damage_is_for_good(void **state)
{
	struct ext4_super s;
	u8 data[100];

	(void)state;
	make(SMALL EXT4_FEATURES);
	metadata_count = 0;
	enrich();
	image_disk_load(&v.disk, v.path, 512);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	/* The tree's block of file b; it is the last that was noted. */
	assert_int_equal(ext4_unmount(v.fs), 0);
	v.disk.bytes[metadata[metadata_count - 1] * 1024 + 20] ^= 1;
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	image_log[0] = '\0';
	assert_int_equal(ext4_file_read(v.fs, inodes[1], 0, data, 100), -EIO);
	assert_non_null(strstr(image_log, "disk0: damaged: extents"));
	assert_true(v.fs->read_only);
	assert_int_equal(ext4_file_write(v.fs, inodes[0], 0, data, 100), -EROFS);
	assert_int_equal(ext4_file_read(v.fs, inodes[0], 0, data, 100), 100);
	assert_int_equal(ext4_unmount(v.fs), 0);
	assert_int_equal(ext4_super_read(&v.disk.d, &s), 0);
	assert_true(s.state & EXT4_STATE_ERROR);
	assert_int_equal(s.error_count, 1);
	/* And the next time it is known. */
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	assert_true(v.fs->read_only);
	assert_int_equal(ext4_unmount(v.fs), 0);
	/* Its journal is replayed all the same. */
	s.feature_incompat |= EXT4_INCOMPAT_RECOVER;
	s.checksum = ext4_crc32c(~0u, &s, offsetof(struct ext4_super, checksum));
	memcpy(v.disk.bytes + EXT4_SUPER_OFFSET, &s, sizeof(s));
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	assert_true(v.fs->read_only);
	assert_int_equal(ext4_unmount(v.fs), 0);
	assert_int_equal(ext4_super_read(&v.disk.d, &s), 0);
	assert_false(s.feature_incompat & EXT4_INCOMPAT_RECOVER);
	assert_true(s.state & EXT4_STATE_ERROR);
	image_disk_free(&v.disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_that_fail),
		cmocka_unit_test(memory_that_fails),
		cmocka_unit_test(cuts_that_stop_half_way),
		cmocka_unit_test(damage_with_checksums),
		cmocka_unit_test(damage_without_checksums),
		cmocka_unit_test(damage_is_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
