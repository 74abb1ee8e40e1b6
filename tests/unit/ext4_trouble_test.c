/* SPDX-License-Identifier: MIT */
/*
 * What comes at a bad time: room that is there only by a commit, damage before a power cut,
 * a device that fails in the middle.
 * sources: rootpart/ext4/ext4_alloc.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_buffer.c
 * sources: rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c rootpart/ext4/ext4_dir.c
 * sources: rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_extent.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_extent_split.c rootpart/ext4/ext4_features.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_geometry.c rootpart/ext4/ext4_group.c
 * sources: rootpart/ext4/ext4_hash.c rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_journal.c
 * sources: rootpart/ext4/ext4_journal_map.c rootpart/ext4/ext4_journal_super.c
 * sources: rootpart/ext4/ext4_mount.c rootpart/ext4/ext4_name.c rootpart/ext4/ext4_orphan.c
 * sources: rootpart/ext4/ext4_replay.c rootpart/ext4/ext4_revoke.c rootpart/ext4/ext4_super.c
 * sources: rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_vfs.c
 * sources: rootpart/ext4/ext4_map.c
 * sources: tests/unit/ext4_space_volume.c tests/unit/image_disk.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/ext4_space_volume.h"

static struct volume v;
static u8 data[64 * 1024];

static s64 write_file(const char *path, u64 size)
{
	struct vfs_file f = { .ops = &ext4_vfs_ops, .fs = v.fs, .flags = VFS_WRITE | VFS_CREATE };
	s64 n = 1;

	assert_int_equal(ext4_vfs_ops.open(v.fs, path, &f), 0);
	while (n > 0 && f.offset < size) {
		n = ext4_vfs_ops.write(&f, data, MIN(sizeof(data), size - f.offset));
		f.offset += n > 0 ? (u64)n : 0;
	}
	ext4_vfs_ops.close(&f);
	return n;
}

/* What was freed a moment ago is room for names, too. */
static void a_full_volume_takes_what_was_removed(void **state)
{
	(void)state;
	volume_make(&v, "-b 1024 -m 0 -O " EXT4_FEATURES, "8M");
	volume_mount(&v);
	assert_int_equal(write_file("small", 1024), 1024);
	assert_int_equal(write_file("other", 1024), 1024);
	assert_int_equal(write_file("large", GIB), -ENOSPC);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), -ENOSPC);
	assert_int_equal(ext4_sync(v.fs), 0);
	assert_int_equal(ext4_vfs_ops.remove(v.fs, "small"), 0);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), -ENOSPC);
	assert_int_equal(ext4_vfs_ops.remove(v.fs, "other"), 0);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), 0);
	volume_unmount(&v);
}

/* A volume with a log that has the superblock, found damaged; then the power is cut. */
static void damage_and_cut(const char *options)
{
	volume_make(&v, options, "8M");
	volume_mount(&v);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(ext4_sync(v.fs), 0);
	mutex_lock(&v.fs->lock);
	assert_int_equal(ext4_damaged(v.fs, "a test", 7), -EIO);
	mutex_unlock(&v.fs->lock);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), -EROFS);
	image_disk_save(&v.disk, v.path);
	assert_int_equal(ext4_unmount(v.fs), 0);
	image_disk_free(&v.disk);
}

static bool is_marked(void)
{
	return image_command("dumpe2fs -h %s | grep -q 'state:.*with errors'", v.path) == 0;
}

static void mount_again(bool damaged)
{
	struct ext4_info info;
	struct vfs_stat stat;

	volume_load(&v);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	ext4_info_get(v.fs, &info);
	assert_int_equal(info.read_only, damaged);
	if (damaged)
		assert_string_equal(info.why, "it was found damaged before");
	assert_int_equal(ext4_vfs_ops.stat(v.fs, "a", &stat), 0);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "c"), damaged ? -EROFS : 0);
	assert_int_equal(ext4_unmount(v.fs), 0);
	assert_int_equal(image_objects, 0);
	volume_save(&v);
}

static void damage_outlives_a_power_cut(void **state)
{
	damage_and_cut(*state);
	mount_again(true);
	assert_true(is_marked());
	/* And each time. */
	mount_again(true);
	assert_int_equal(image_command("e2fsck -fp %s || test $? = 1", v.path), 0);
	assert_false(is_marked());
	mount_again(false);
	assert_int_equal(volume_check(&v), 0);
}

/* The same if it is repaired before it is mounted. */
static void damage_is_repaired_after_a_power_cut(void **state)
{
	damage_and_cut(*state);
	assert_int_equal(image_command("e2fsck -p %s || test $? = 1", v.path), 0);
	assert_false(is_marked());
	mount_again(false);
	assert_int_equal(volume_check(&v), 0);
}

/* And without a power cut. */
static void damage_outlives_the_end(void **state)
{
	volume_make(&v, *state, "8M");
	volume_mount(&v);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(ext4_sync(v.fs), 0);
	mutex_lock(&v.fs->lock);
	assert_int_equal(ext4_damaged(v.fs, "a test", 7), -EIO);
	mutex_unlock(&v.fs->lock);
	assert_int_equal(ext4_unmount(v.fs), 0);
	volume_save(&v);
	assert_true(is_marked());
	mount_again(true);
	assert_int_equal(image_command("e2fsck -fp %s || test $? = 1", v.path), 0);
	mount_again(false);
	assert_int_equal(volume_check(&v), 0);
}

/* A write of the log fails: nothing is left of that once its log was replayed. */
static void an_error_of_the_log_ends_with_it(void **state)
{
	volume_make(&v, *state, "8M");
	volume_mount(&v);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(ext4_sync(v.fs), 0);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), 0);
	v.disk.fail_write_at = v.disk.writes + 1;
	assert_int_equal(ext4_sync(v.fs), -EIO);
	assert_int_equal(ext4_unmount(v.fs), -EIO);
	volume_save(&v);
	mount_again(false);
	assert_int_equal(
		image_command("dumpe2fs -h %s | grep -c 'Journal errno' | grep -q '^0'", v.path),
		0);
	assert_int_equal(volume_check(&v), 0);
}

#define ROOM (20ull * MIB)

static int allocate(u64 size)
{
	struct vfs_file f = { .ops = &ext4_vfs_ops, .fs = v.fs, .flags = VFS_WRITE };
	int r;

	assert_int_equal(ext4_vfs_ops.open(v.fs, "f", &f), 0);
	r = ext4_vfs_ops.allocate(&f, 0, size);
	ext4_vfs_ops.close(&f);
	return r;
}

static void expect_file(u64 size)
{
	struct vfs_file f = { .ops = &ext4_vfs_ops, .fs = v.fs };
	struct vfs_stat stat;
	u8 buf[2000];

	assert_int_equal(ext4_vfs_ops.stat(v.fs, "f", &stat), 0);
	assert_int_equal(stat.size, size);
	assert_int_equal(ext4_vfs_ops.open(v.fs, "f", &f), 0);
	assert_int_equal(ext4_vfs_ops.read(&f, buf, sizeof(buf)), MIN(size, sizeof(buf)));
	assert_memory_equal(buf, data, 1000);
	ext4_vfs_ops.close(&f);
}

/* Each read that it takes fails once: the file is as before, and the next try does it. */
static void allocating_may_fail_in_the_middle(void **state)
{
	u32 failed = 0;
	int r = -EIO;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	volume_put("f", data, 1000);
	volume_make(&v, "-b 1024 -O " EXT4_FEATURES, "32M");
	for (u64 n = 1; r != 0; n++) {
		struct vfs_statfs before, after;

		volume_mount(&v);
		expect_file(1000);
		assert_int_equal(ext4_vfs_ops.statfs(v.fs, &before), 0);
		v.disk.fail_read_at = v.disk.reads + n;
		r = allocate(ROOM);
		v.disk.fail_read_at = 0;
		assert_true(r == 0 || r == -EIO);
		expect_file(r == 0 ? ROOM : 1000);
		assert_int_equal(ext4_vfs_ops.statfs(v.fs, &after), 0);
		failed += r != 0 && after.free_blocks < before.free_blocks;
		assert_int_equal(allocate(ROOM), 0);
		expect_file(ROOM);
		assert_int_equal(ext4_unmount(v.fs), 0);
		if (r != 0)
			image_disk_free(&v.disk);
	}
	/* It did happen that there was half of it. */
	assert_true(failed > 0);
	volume_save(&v);
	assert_int_equal(volume_check(&v), 0);
}

int main(void)
{
	static char journal[] = "-b 1024 -O " EXT4_FEATURES;
	static char old[] = "-b 4096 -O " EXT4_FEATURES_OLD;
	static char none[] = "-O none,extent,filetype,sparse_super";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_volume_takes_what_was_removed),
		cmocka_unit_test_prestate(damage_outlives_a_power_cut, journal),
		cmocka_unit_test_prestate(damage_outlives_a_power_cut, old),
		cmocka_unit_test_prestate(damage_is_repaired_after_a_power_cut, journal),
		cmocka_unit_test_prestate(damage_is_repaired_after_a_power_cut, old),
		cmocka_unit_test_prestate(damage_outlives_the_end, journal),
		cmocka_unit_test_prestate(damage_outlives_the_end, old),
		cmocka_unit_test_prestate(damage_outlives_the_end, none),
		cmocka_unit_test_prestate(an_error_of_the_log_ends_with_it, journal),
		cmocka_unit_test_prestate(an_error_of_the_log_ends_with_it, old),
		cmocka_unit_test(allocating_may_fail_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
