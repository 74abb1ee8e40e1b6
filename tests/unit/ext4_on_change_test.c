/* SPDX-License-Identifier: MIT */
/*
 * Who is to commit a volume is told when there is something: once for all that is changed
 * until it is committed, by operations and by data in its place; never by reading.
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
static u32 calls;

static void changed(void *context)
{
	assert_ptr_equal(context, &calls);
	assert_true(v.fs->lock.held);
	calls++;
}

static bool uncommitted(void)
{
	struct ext4_info info;

	ext4_info_get(v.fs, &info);
	return info.uncommitted;
}

static void start(const char *features)
{
	char options[400];

	snprintf(options, sizeof(options), "-O %s", features);
	volume_make(&v, options, "16M");
	volume_mount(&v);
	calls = 0;
	ext4_on_change(v.fs, changed, &calls);
	assert_int_equal(calls, 0);
}

static struct vfs_file open_file(const char *path, u32 flags)
{
	struct vfs_file f = { .ops = &ext4_vfs_ops, .fs = v.fs, .flags = flags };

	assert_int_equal(ext4_vfs_ops.open(v.fs, path, &f), 0);
	return f;
}

static void read_all(void)
{
	struct vfs_entry entry;
	struct vfs_stat stat;
	struct vfs_file f = open_file("a/f", VFS_READ);
	u64 position = 0;
	u8 buf[600];

	assert_int_equal(ext4_vfs_ops.read(&f, buf, sizeof(buf)), 500);
	ext4_vfs_ops.close(&f);
	assert_int_equal(ext4_vfs_ops.stat(v.fs, "a", &stat), 0);
	assert_int_equal(ext4_vfs_ops.readdir(v.fs, "", &position, &entry), 1);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), -EEXIST);
	assert_int_equal(ext4_vfs_ops.remove(v.fs, "b"), -ENOENT);
}

static void sync_all(void)
{
	assert_int_equal(ext4_sync(v.fs), 0);
	assert_false(uncommitted());
}

/* Data in its place, and nothing else: size and times stay. */
static void write_in_place(void)
{
	struct vfs_file f = open_file("a/f", VFS_READ | VFS_WRITE);
	u64 flushes = v.disk.flushes, writes = v.disk.writes;

	f.offset = 100;
	assert_int_equal(ext4_vfs_ops.write(&f, "new", 3), 3);
	ext4_vfs_ops.close(&f);
	assert_int_equal(v.disk.writes, writes + 1);
	assert_int_equal(v.disk.flushes, flushes);
}

static void one_call_for_each_transaction(void **state)
{
	static u8 data[500];
	struct vfs_file f;

	start(*state);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(calls, 1);
	assert_true(uncommitted());
	f = open_file("a/f", VFS_WRITE | VFS_CREATE);
	assert_int_equal(ext4_vfs_ops.write(&f, data, sizeof(data)), 500);
	ext4_vfs_ops.close(&f);
	assert_int_equal(calls, 1);
	sync_all();
	read_all();
	sync_all();
	assert_int_equal(calls, 1);
	write_in_place();
	assert_int_equal(calls, 2);
	assert_true(uncommitted());
	write_in_place();
	assert_int_equal(calls, 2);
	sync_all();
	assert_int_equal(ext4_vfs_ops.remove(v.fs, "a/f"), 0);
	assert_int_equal(calls, 3);
	/* Who comes later hears of it at once; nobody may come, too. */
	ext4_on_change(v.fs, changed, &calls);
	assert_int_equal(calls, 4);
	ext4_on_change(v.fs, NULL, NULL);
	sync_all();
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), 0);
	assert_int_equal(calls, 4);
	volume_unmount(&v);
}

/* What cannot be committed stays so, and nobody is told again and again. */
static void a_commit_that_fails_is_no_commit(void **state)
{
	start(*state);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	v.disk.fail_write_at = v.disk.writes + 1;
	v.disk.fail_for_good = true;
	assert_int_equal(ext4_sync(v.fs), -EIO);
	assert_true(uncommitted());
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "b"), -EROFS);
	assert_int_equal(calls, 1);
	assert_int_equal(ext4_unmount(v.fs), -EIO);
	image_disk_free(&v.disk);
}

/* The machine's end commits; then there is nothing to be done, whoever comes. */
static void what_is_stopped_is_committed(void **state)
{
	start(*state);
	assert_int_equal(ext4_vfs_ops.mkdir(v.fs, "a"), 0);
	assert_int_equal(ext4_stop(v.fs), 0);
	assert_false(uncommitted());
	assert_int_equal(ext4_sync(v.fs), 0);
	assert_int_equal(calls, 1);
	volume_unmount(&v);
}

int main(void)
{
	static char journal[] = EXT4_FEATURES, none[] = "none,extent,filetype,sparse_super";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(one_call_for_each_transaction, journal),
		cmocka_unit_test_prestate(one_call_for_each_transaction, none),
		cmocka_unit_test_prestate(a_commit_that_fails_is_no_commit, journal),
		cmocka_unit_test_prestate(a_commit_that_fails_is_no_commit, none),
		cmocka_unit_test_prestate(what_is_stopped_is_committed, journal),
		cmocka_unit_test_prestate(what_is_stopped_is_committed, none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
