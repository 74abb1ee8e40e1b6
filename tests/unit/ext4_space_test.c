/* SPDX-License-Identifier: MIT */
/*
 * Blocks and inodes and who has them, orphans, full and huge volumes. e2fsck has the
 * last word.
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

#define DEFAULT "-b 1024 -O " EXT4_FEATURES
#define OLD     "-b 1024 -O " EXT4_FEATURES_OLD

static struct volume v;

static void make(const char *options, const char *size, u64 bytes)
{
	volume_make_with(&v, options, size, bytes);
}

static struct ext4_super *super(void)
{
	return volume_super(&v);
}

static struct ext4_info info(void)
{
	struct ext4_info i;

	ext4_info_get(v.fs, &i);
	return i;
}

static void tell_about_themselves(void **state)
{
	char label[17];
	struct ext4_info i;

	(void)state;
	make("-L sixteen-letters- -N 2048 -m 10 " DEFAULT, "8M", 0);
	volume_load(&v);
	assert_true(ext4_probe(&v.disk.d, label));
	assert_string_equal(label, "sixteen-letters-");
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	i = info();
	assert_string_equal(i.label, "sixteen-letters-");
	assert_memory_equal(i.uuid, super()->uuid, 16);
	assert_int_equal(i.block_size, 1024);
	assert_int_equal(i.blocks, 8192);
	assert_int_equal(i.inodes, 2048);
	assert_int_equal(i.free_inodes, 2048 - 13);
	assert_int_equal(i.free_blocks, super()->free_blocks_count_lo - 819);
	assert_null(i.why);
	volume_unmount(&v);
	image_disk_make(&v.disk, 1 << 20, 512);
	assert_false(ext4_probe(&v.disk.d, label));
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), -EINVAL);
	image_disk_free(&v.disk);
}

/* The superblock's counters may be those of long ago. */
static void count_what_is_free(void **state)
{
	u64 blocks, inodes;

	(void)state;
	make(DEFAULT, "8M", 100);
	volume_load(&v);
	blocks = super()->free_blocks_count_lo;
	inodes = super()->free_inodes_count;
	super()->free_blocks_count_lo -= 77;
	super()->free_inodes_count += 3;
	volume_seal_super(&v);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	assert_int_equal(info().free_blocks, blocks - v.fs->reserved);
	assert_int_equal(info().free_inodes, inodes);
	volume_unmount(&v);
}

static void know_large_sectors(void **state)
{
	u8 data[5000], back[5000];
	u32 ino;

	(void)state;
	make("-b 4096 -O " EXT4_FEATURES, "16M", 5000);
	ino = volume_inode(&v, "file");
	image_disk_load_sparse(&v.disk, v.path, 4096);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	memset(data, 0x42, sizeof(data));
	assert_int_equal(ext4_file_write(v.fs, ino, 777, data, sizeof(data)), sizeof(data));
	assert_int_equal(ext4_file_read(v.fs, ino, 777, back, sizeof(back)), sizeof(back));
	assert_memory_equal(back, data, sizeof(data));
	volume_unmount(&v);
	make(DEFAULT, "8M", 10);
	image_disk_load_sparse(&v.disk, v.path, 4096);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), -ENOTSUP);
	assert_non_null(strstr(image_log, "sectors"));
	image_disk_free(&v.disk);
}

/* ---- blocks and inodes ---- */

static void fill_up(const char *options)
{
	static u8 data[100000];
	u64 at = 0, before;
	u32 ino;
	s64 n;

	make(options, "8M", 0);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	memset(data, 0xa5, sizeof(data));
	before = info().free_blocks;
	while ((n = ext4_file_write(v.fs, ino, at, data, sizeof(data))) > 0)
		at += (u64)n;
	assert_int_equal(n, -ENOSPC);
	assert_int_equal(info().free_blocks, 0);
	assert_true(at >= (before - 100) * 1024);
	/* What is there can be overwritten, and nothing has changed by what failed. */
	assert_int_equal(ext4_file_write(v.fs, ino, at - 5000, data, 5000), 5000);
	assert_int_equal(ext4_file_write(v.fs, ino, at, data, 1), -ENOSPC);
	assert_int_equal(ext4_file_allocate(v.fs, ino, at, 1), -ENOSPC);
	volume_unmount(&v);
	volume_mount(&v);
	assert_int_equal(ext4_file_truncate(v.fs, ino, at - 20000), 0);
	assert_true(info().free_blocks >= 19);
	/* What was just freed is committed first. */
	assert_int_equal(ext4_file_write(v.fs, ino, at - 20000, data, 15000), 15000);
	assert_int_equal(ext4_file_truncate(v.fs, ino, 0), 0);
	assert_int_equal(info().free_blocks, before);
	volume_unmount(&v);
}

static void can_be_filled_and_emptied(void **state)
{
	(void)state;
	fill_up(DEFAULT);
	fill_up(OLD);
	fill_up("-m 0 " DEFAULT);
}

/* All or nothing. */
static void allocate_what_they_can_keep(void **state)
{
	struct ext4_info before, now;
	struct ext4_iref ref;
	u32 ino;

	(void)state;
	make(DEFAULT, "8M", 3000);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	before = info();
	assert_int_equal(
		ext4_file_allocate(v.fs, ino, 0, before.free_blocks * 1024 + 8192), -ENOSPC);
	assert_int_equal(ext4_file_allocate(v.fs, ino, ~0ull - 10, 100), -EINVAL);
	assert_int_equal(ext4_file_allocate(v.fs, ino, 1ull << 50, 100), -EFBIG);
	now = info();
	assert_int_equal(now.free_blocks, before.free_blocks);
	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ext4_inode_size(ref.i), 3000);
	ext4_inode_put(v.fs, &ref);
	assert_int_equal(ext4_file_allocate(v.fs, ino, 0, before.free_blocks * 1000), 0);
	volume_unmount(&v);
}

/* What was freed is not written over before the commit that frees it. */
static void hold_back_what_is_not_committed(void **state)
{
	struct ext4_iref ref;
	struct ext4_run run;
	u32 ino, count = 1;
	u64 old, first;

	(void)state;
	make(DEFAULT, "8M", 1000);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ext4_extent_find(v.fs, &ref, 0, &run), 0);
	ext4_inode_put(v.fs, &ref);
	old = run.start;
	assert_int_equal(ext4_file_truncate(v.fs, ino, 0), 0);
	assert_int_equal(ext4_begin(v.fs, 8), 0);
	assert_int_equal(ext4_blocks_alloc(v.fs, old, &count, &first), 0);
	assert_int_not_equal(first, old);
	assert_int_equal(ext4_end(v.fs, -EIO), -EIO);
	assert_int_equal(ext4_sync(v.fs), 0);
	assert_int_equal(ext4_begin(v.fs, 8), 0);
	assert_int_equal(ext4_blocks_alloc(v.fs, old, &count, &first), 0);
	assert_int_equal(first, old);
	assert_int_equal(ext4_end(v.fs, -EIO), -EIO);
	volume_unmount(&v);
}

static void give_out_inodes(const char *options)
{
	static u32 inodes[4096];
	u32 count = 0, groups = 0, last = ~0u;
	u64 before;
	int r = 0;

	make(options, "32M", 0);
	volume_mount(&v);
	before = info().free_inodes;
	while (r == 0) {
		bool directory = count < 4;
		u32 group;

		assert_int_equal(ext4_begin(v.fs, 6), 0);
		r = ext4_end(
			v.fs, ext4_inode_alloc(v.fs, EXT4_ROOT_INO, directory, &inodes[count]));
		if (r != 0)
			break;
		group = (inodes[count] - 1) / v.fs->inodes_per_group;
		groups += directory && group != last;
		last = group;
		count++;
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(count, before);
	assert_int_equal(groups, 4);
	assert_int_equal(info().free_inodes, 0);
	assert_int_equal(ext4_sync(v.fs), 0);
	for (u32 i = 0; i < count; i++) {
		struct ext4_iref ref;

		assert_int_equal(ext4_inode_get(v.fs, inodes[i], &ref), 0);
		assert_int_equal(ref.i->size_lo, 0);
		ext4_inode_put(v.fs, &ref);
		assert_int_equal(ext4_begin(v.fs, 6), 0);
		assert_int_equal(ext4_end(v.fs, ext4_inode_free(v.fs, inodes[i], i < 4)), 0);
	}
	assert_int_equal(info().free_inodes, before);
	volume_unmount(&v);
}

static void all_inodes_can_be_had(void **state)
{
	(void)state;
	give_out_inodes("-N 2048 " DEFAULT);
	give_out_inodes("-N 2048 " OLD);
}

/* ---- orphans ---- */

#define ORPHANS 40u

static void make_orphan(u32 ino, bool gone)
{
	struct ext4_iref ref;
	int r;

	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ext4_begin(v.fs, EXT4_ORPHAN_BLOCKS + 1), 0);
	r = ext4_inode_change(v.fs, &ref);
	if (gone)
		ref.i->links_count = 0;
	else
		ext4_inode_set_size(ref.i, 1500);
	ext4_inode_seal(v.fs, &ref);
	if (r == 0)
		r = ext4_orphan_add(v.fs, &ref);
	/* Twice is once. */
	if (r == 0)
		r = ext4_orphan_add(v.fs, &ref);
	assert_int_equal(ext4_end(v.fs, r), 0);
	ext4_inode_put(v.fs, &ref);
}

static void unmake_orphan(u32 ino)
{
	struct ext4_iref ref;

	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ext4_begin(v.fs, EXT4_ORPHAN_BLOCKS), 0);
	assert_int_equal(ext4_end(v.fs, ext4_orphan_remove(v.fs, &ref)), 0);
	ext4_inode_put(v.fs, &ref);
}

/* Names that are gone, inodes that are not: half of them unlinked, the rest too long. */
static u32 orphan_volume(const char *options, u32 *inodes)
{
	static u8 data[5000];
	char name[32];

	/* Zeroes would be holes. */
	memset(data, 1, sizeof(data));
	for (u32 i = 0; i < ORPHANS; i++) {
		snprintf(name, sizeof(name), "orphan%u", i);
		volume_put(name, data, sizeof(data));
	}
	make(options, "16M", 5000);
	for (u32 i = 0; i < ORPHANS; i++) {
		snprintf(name, sizeof(name), "orphan%u", i);
		inodes[i] = volume_inode(&v, name);
		/* One has attributes in a block of their own. */
		if (i == 0)
			assert_int_equal(
				image_command("head -c 600 /dev/zero | tr '\\0' x >%s/value && "
					      "debugfs -w -R 'ea_set -f %s/value %s user.big' %s",
					image_folder(), image_folder(), name, v.path),
				0);
		if (i % 2 == 0)
			assert_int_equal(
				image_command("debugfs -w -R 'unlink %s' %s", name, v.path), 0);
	}
	assert_int_equal(image_command("rm %s/from/orphan*", image_folder()), 0);
	return volume_inode(&v, "file");
}

static void finish_orphans(const char *options)
{
	u32 inodes[ORPHANS], file = orphan_volume(options, inodes);
	struct ext4_info before, now;
	struct ext4_iref ref;
	u32 whole, kept;

	assert_int_equal(image_command("debugfs -R 'stat <%u>' %s | grep 'File ACL: [1-9]'",
				 inodes[0], v.path),
		0);
	volume_mount(&v);
	before = info();
	for (u32 i = 0; i < ORPHANS; i++)
		make_orphan(inodes[i], i % 2 == 0);
	make_orphan(file, false);
	unmake_orphan(inodes[ORPHANS / 2 + 1]);
	make_orphan(inodes[ORPHANS / 2 + 1], false);
	/* First by e2fsck, from the same state. */
	assert_int_equal(ext4_sync(v.fs), 0);
	image_disk_save(&v.disk, v.path);
	assert_int_equal(ext4_unmount(v.fs), 0);
	image_disk_free(&v.disk);
	assert_int_equal(image_command("cp %s %s.copy", v.path, v.path), 0);
	assert_true(image_command("e2fsck -fy %s.copy >%s/fsck || test $? = 1", v.path,
			    image_folder()) == 0);
	assert_int_equal(
		image_command("grep -q 'Clearing orphaned inode\\|Truncating orphaned' "
			      "%s/fsck && ! grep -qi 'checksum\\|invalid\\|corrupt' %s/fsck",
			image_folder(), image_folder()),
		0);
	/* Then by the next mount. */
	volume_mount(&v);
	now = info();
	assert_int_equal(now.free_inodes, before.free_inodes + ORPHANS / 2);
	whole = v.fs->block_size == 1024 ? 5 : 2;
	kept = v.fs->block_size == 1024 ? 2 : 1;
	assert_int_equal(now.free_blocks,
		before.free_blocks + 1 + ORPHANS / 2 * whole + (ORPHANS / 2 + 1) * (whole - kept));
	assert_int_equal(ext4_inode_get(v.fs, inodes[0], &ref), 0);
	assert_int_equal(ref.i->links_count, 0);
	assert_int_not_equal(ref.i->dtime, 0);
	ext4_inode_put(v.fs, &ref);
	volume_unmount(&v);
}

static void finish_what_was_begun(void **state)
{
	(void)state;
	finish_orphans(DEFAULT);
	finish_orphans(OLD);
	finish_orphans("-b 1024 -O " EXT4_FEATURES_32);
	finish_orphans("-b 4096 -O " EXT4_FEATURES);
}

/* ---- sizes and times ---- */

static void keep_times_behind_2038(void **state)
{
	struct ext4_iref ref;
	u32 ino;

	(void)state;
	make(DEFAULT, "8M", 10);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	image_clock = 3000000000;
	assert_int_equal(ext4_file_write(v.fs, ino, 0, "a", 1), 1);
	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ref.i->mtime, 3000000000);
	assert_int_equal(ref.i->mtime_extra & 3, 1);
	assert_int_equal(ref.i->ctime_extra & 3, 1);
	ext4_inode_put(v.fs, &ref);
	volume_unmount(&v);
	image_clock = 1767225600;
	assert_int_equal(image_command("TZ=UTC debugfs -R 'stat file' %s | "
				       "grep 'mtime.*2065'",
				 v.path),
		0);
}

/* Beyond 4 GiB in a file, and beyond 2^48 sectors of an inode. */
static void have_long_files(void **state)
{
	static u8 data[9000], back[9000];
	static const u64 places[] = { 0, 4 * GIB - 4000, 5 * GIB + 1, 100 * GIB + 7,
		1000 * GIB - 1 };
	struct ext4_inode inode = { 0 };
	u32 ino;

	(void)state;
	make("-b 4096 -O " EXT4_FEATURES, "64M", 10);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		memset(data, (int)i + 1, sizeof(data));
		assert_int_equal(
			ext4_file_write(v.fs, ino, places[i], data, sizeof(data)), sizeof(data));
	}
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		memset(data, (int)i + 1, sizeof(data));
		assert_int_equal(
			ext4_file_read(v.fs, ino, places[i], back, sizeof(back)), sizeof(back));
		assert_memory_equal(back, data, sizeof(data));
	}
	assert_int_equal(ext4_file_write(v.fs, ino, 1ull << 44, data, 1), -EFBIG);
	assert_int_equal(ext4_inode_add_blocks(v.fs, &inode, (s64)1 << 40), 0);
	assert_int_equal(inode.blocks_hi, 1 << 11);
	assert_int_equal(inode.flags, 0);
	assert_int_equal(ext4_inode_add_blocks(v.fs, &inode, (s64)1 << 45), 0);
	assert_int_equal(inode.flags, EXT4_FL_HUGE_FILE);
	assert_int_equal(inode.blocks_hi, (1 << 13) + (1 << 8));
	assert_int_equal(ext4_inode_add_blocks(v.fs, &inode, -((s64)1 << 45)), 0);
	assert_int_equal(inode.flags, 0);
	assert_int_equal(inode.blocks_hi, 1 << 11);
	volume_unmount(&v);
}

/* The last blocks of terabytes. */
static void use_the_end(const char *options, const char *size, u64 blocks)
{
	struct ext4_iref ref;
	struct ext4_run run = { .count = 20 };
	u8 data[4000], back[4096];
	u64 from;
	u32 ino;

	make(options, size, 10);
	ino = volume_inode(&v, "file");
	volume_mount(&v);
	assert_int_equal(info().blocks, blocks);
	assert_int_equal(ext4_file_truncate(v.fs, ino, 0), 0);
	assert_int_equal(ext4_inode_get(v.fs, ino, &ref), 0);
	assert_int_equal(ext4_begin(v.fs, 50), 0);
	assert_int_equal(ext4_blocks_alloc(v.fs, blocks - 20, &run.count, &run.start), 0);
	assert_int_equal(run.start, blocks - 20);
	assert_int_equal(run.count, 20);
	run.block = 1;
	run.unwritten = true;
	assert_int_equal(ext4_extent_add(v.fs, &ref, &run), 0);
	assert_int_equal(ext4_inode_add_blocks(v.fs, ref.i, 20), 0);
	ext4_inode_seal(v.fs, &ref);
	assert_int_equal(ext4_end(v.fs, 0), 0);
	ext4_inode_put(v.fs, &ref);
	memset(data, 0x5a, sizeof(data));
	from = 21ull * v.fs->block_size - sizeof(data);
	assert_int_equal(ext4_file_write(v.fs, ino, from, data, sizeof(data)), sizeof(data));
	volume_unmount(&v);
	volume_mount(&v);
	assert_int_equal(ext4_file_read(v.fs, ino, from, back, sizeof(back)), sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(
		block_read(&v.disk.d, blocks * (v.fs->block_size / 512) - 2, back, 1024), 0);
	assert_memory_equal(back, data, 1024);
	assert_int_equal(ext4_file_truncate(v.fs, ino, 0), 0);
	volume_unmount(&v);
}

static void may_be_huge(void **state)
{
	(void)state;
	use_the_end("-b 4096 -N 400000 -J size=4 -O " EXT4_FEATURES, "3T", 3ull << 28);
	/* Numbers of blocks that 32 bits do not hold. */
	use_the_end("-b 2048 -G 2048 -N 300000 -J size=4 -E num_backup_sb=0 "
		    "-O " EXT4_FEATURES ",^resize_inode,^sparse_super,sparse_super2",
		"9T", 9ull << 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell_about_themselves),
		cmocka_unit_test(count_what_is_free),
		cmocka_unit_test(know_large_sectors),
		cmocka_unit_test(can_be_filled_and_emptied),
		cmocka_unit_test(allocate_what_they_can_keep),
		cmocka_unit_test(hold_back_what_is_not_committed),
		cmocka_unit_test(all_inodes_can_be_had),
		cmocka_unit_test(finish_what_was_begun),
		cmocka_unit_test(keep_times_behind_2038),
		cmocka_unit_test(have_long_files),
		cmocka_unit_test(may_be_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
