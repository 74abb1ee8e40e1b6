/* SPDX-License-Identifier: MIT */
/*
 * What is mounted, and how, by the features that a volume has: what we know, what allows
 * reading, what nothing, and what mke2fs makes by default.
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

static struct volume v;

struct feature_case {
	u32 incompat, ro_compat;
	int result; /* 1: read-only */
	const char *text;
};

static const struct feature_case features[] = {
	{ EXT4_INCOMPAT_JOURNAL_DEV, 0, -ENOTSUP, "journal_dev" },
	{ EXT4_INCOMPAT_META_BG, 0, -ENOTSUP, "meta_bg" },
	{ EXT4_INCOMPAT_INLINE_DATA, 0, -ENOTSUP, "inline_data" },
	{ BIT(16), 0, -ENOTSUP, "encrypt" },
	{ BIT(17), 0, -ENOTSUP, "casefold" },
	{ BIT(31), 0, -ENOTSUP, "bit=31" },
	{ 0, BIT(8), 1, "quota" },
	{ 0, BIT(9), 1, "bigalloc" },
	{ 0, BIT(12), 1, "read-only" },
	{ 0, BIT(30), 1, "bit=30" },
	{ 0, EXT4_RO_GDT_CSUM, 0, "" },
	{ 0, 0, 0, "" },
};

static void check_feature(const struct feature_case *c)
{
	u64 writes;
	int r;

	volume_load(&v);
	volume_super(&v)->feature_incompat |= c->incompat;
	volume_super(&v)->feature_ro_compat |= c->ro_compat;
	volume_seal_super(&v);
	image_log[0] = '\0';
	r = ext4_mount(&v.disk.d, false, &v.fs);
	assert_int_equal(r, MIN(c->result, 0));
	assert_non_null(strstr(image_log, c->text));
	if (c->text[0] == '\0')
		assert_string_equal(image_log, "");
	if (r == 0) {
		writes = v.disk.writes;
		assert_int_equal(v.fs->read_only, c->result == 1);
		assert_int_equal(v.fs->why != NULL, c->result == 1);
		if (c->result == 1) {
			assert_int_equal(ext4_file_write(v.fs, 12, 0, "x", 1), -EROFS);
			assert_int_equal(ext4_file_truncate(v.fs, 12, 0), -EROFS);
		}
		assert_int_equal(ext4_unmount(v.fs), 0);
		assert_int_equal(v.disk.writes != 0, c->result != 1);
		assert_true(c->result != 1 || writes == 0);
	}
	assert_int_equal(image_objects, 0);
	image_disk_free(&v.disk);
}

static void know_their_features(void **state)
{
	(void)state;
	volume_make_with(&v, DEFAULT, "8M", 10000);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		check_feature(&features[i]);
}

/* GDT_CSUM alone: the descriptors' old checksums are not ours to keep. */
static void old_checksums_are_for_reading(void **state)
{
	u8 c;

	(void)state;
	volume_make_with(&v,
		"-b 1024 -O none,extent,flex_bg,uninit_bg,filetype,large_file,extra_isize", "8M",
		9);
	volume_load(&v);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), 0);
	assert_true(v.fs->read_only);
	assert_non_null(strstr(image_log, "uninit_bg"));
	assert_int_equal(ext4_file_read(v.fs, volume_inode(&v, "file"), 8, &c, 1), 1);
	assert_int_equal(c, 8 * 7);
	assert_int_equal(ext4_unmount(v.fs), 0);
	image_disk_free(&v.disk);
}

static void need_what_makes_ext4(void **state)
{
	(void)state;
	volume_make_with(&v, "-b 1024 -O none,filetype", "8M", 9);
	volume_load(&v);
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), -ENOTSUP);
	assert_non_null(strstr(image_log, "extent"));
	image_disk_free(&v.disk);
}

static void are_read_only_when_asked(void **state)
{
	u8 data[100];

	(void)state;
	volume_make_with(&v, DEFAULT, "8M", 100);
	volume_load(&v);
	assert_int_equal(ext4_mount(&v.disk.d, true, &v.fs), 0);
	assert_int_equal(ext4_file_read(v.fs, volume_inode(&v, "file"), 0, data, 200), 100);
	assert_int_equal(data[99], 99 * 7 % 256);
	assert_int_equal(ext4_unmount(v.fs), 0);
	assert_int_equal(v.disk.writes, 0);
	volume_super(&v)->feature_incompat |= EXT4_INCOMPAT_RECOVER;
	volume_seal_super(&v);
	assert_int_equal(ext4_mount(&v.disk.d, true, &v.fs), -EROFS);
	v.disk.d.limits.read_only = true;
	assert_int_equal(ext4_mount(&v.disk.d, false, &v.fs), -EROFS);
	assert_int_equal(v.disk.writes, 0);
	image_disk_free(&v.disk);
}

/* ---- what mke2fs makes when nobody asks for anything ---- */

/* As suites configure it: Debian 11 and 12; what e2fsprogs has had since 1.47. */
static const char *const suites[] = {
	"has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize",
	"has_journal,extent,huge_file,flex_bg,metadata_csum,metadata_csum_seed,64bit,dir_nlink,"
	"extra_isize,orphan_file",
};

static void configure(const char *features)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/mke2fs.conf", image_folder());
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
		"[defaults]\n"
		"\tbase_features = "
		"sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr\n"
		"\tblocksize = 4096\n\tinode_size = 256\n\tinode_ratio = 16384\n"
		"[fs_types]\n\text4 = {\n\t\tfeatures = %s\n\t}\n"
		"\tsmall = {\n\t\tblocksize = 1024\n\t\tinode_ratio = 4096\n\t}\n",
		features);
	fclose(f);
	assert_int_equal(setenv("MKE2FS_CONFIG", path, 1), 0);
}

static void use_defaults(const char *features, const char *size, u32 block_size)
{
	static u8 data[50000];

	configure(features);
	volume_make_with(&v, "", size, 10);
	assert_int_equal(unsetenv("MKE2FS_CONFIG"), 0);
	image_log[0] = '\0';
	volume_mount(&v);
	assert_string_equal(image_log, "");
	assert_int_equal(v.fs->block_size, block_size);
	assert_true(v.fs->feature_compat & EXT4_COMPAT_HAS_JOURNAL);
	assert_int_equal(v.fs->orphan_ino != 0, strstr(features, "orphan_file") != NULL);
	memset(data, 0x3c, sizeof(data));
	assert_int_equal(ext4_file_write(v.fs, volume_inode(&v, "file"), 0, data, sizeof(data)),
		sizeof(data));
	volume_unmount(&v);
	assert_true(volume_has(&v, "file", data, sizeof(data)));
}

static void take_what_is_made_by_default(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(suites); i++) {
		use_defaults(suites[i], "64M", 1024);
		use_defaults(suites[i], "600M", 4096);
	}
	/* And here, whatever that is. */
	volume_make_with(&v, "", "64M", 10);
	volume_mount(&v);
	volume_unmount(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(know_their_features),
		cmocka_unit_test(old_checksums_are_for_reading),
		cmocka_unit_test(need_what_makes_ext4),
		cmocka_unit_test(are_read_only_when_asked),
		cmocka_unit_test(take_what_is_made_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
