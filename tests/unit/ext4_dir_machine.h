/* SPDX-License-Identifier: MIT */
/*
 * Volumes of several kinds for tests of directories and names, and what others say of them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/ext4/ext4_dir_impl.h"
#include "tests/unit/image_disk.h"

#define COMMON                                                                            \
	"none,extent,64bit,flex_bg,filetype,sparse_super,large_file,huge_file,dir_nlink," \
	"extra_isize,ext_attr,resize_inode"
#define CHECKED ",metadata_csum,metadata_csum_seed"

static const struct kind {
	u32 block_size;
	const char *features;
	bool index;
	bool checksums;
} kinds[] = {
	{ 1024, COMMON CHECKED ",dir_index", true, true },
	{ 4096, COMMON CHECKED ",dir_index", true, true },
	{ 1024, COMMON ",dir_index", true, false },
	{ 4096, COMMON ",dir_index", true, false },
	{ 1024, COMMON CHECKED, false, true },
	{ 4096, COMMON, false, false },
};

struct volume {
	struct image_disk disk;
	struct ext4 *fs;
};

static u32 random_state = 1;

static inline u32 random_below(u32 n)
{
	random_state = random_state * 1103515245u + 12345u;
	return (u32)((u64)(random_state >> 1) * n >> 31);
}

static inline void volume_load(struct volume *v, bool read_only)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/image", image_folder());
	image_disk_load(&v->disk, path, 512);
	assert_int_equal(ext4_mount(&v->disk.d, read_only, &v->fs), 0);
}

/* @more: options of mke2fs, "" for none. */
static inline void volume_make(
	struct volume *v, const struct kind *k, u32 megabytes, u32 inodes, const char *more)
{
	assert_int_equal(image_command("rm -f %s/image && mke2fs -q -t ext4 -b %u -O %s -N %u "
				       "-E lazy_itable_init=0 -L store %s %s/image %uM",
				 image_folder(), k->block_size, k->features, inodes, more,
				 image_folder(), megabytes),
		0);
	volume_load(v, false);
	assert_int_equal(v->fs->block_size, k->block_size);
}

/* What is on the disk is right. */
static inline void volume_check(struct volume *v)
{
	char path[128];

	assert_int_equal(v->fs->damages, 0);
	snprintf(path, sizeof(path), "%s/image", image_folder());
	assert_int_equal(ext4_sync(v->fs), 0);
	image_disk_save(&v->disk, path);
	assert_int_equal(image_command("e2fsck -fn %s", path), 0);
}

static inline void volume_free(struct volume *v)
{
	assert_int_equal(ext4_unmount(v->fs), 0);
	image_disk_free(&v->disk);
}

static inline struct ext4_iref volume_inode(struct volume *v, const char *path)
{
	struct ext4_iref ref;
	u32 ino;

	assert_int_equal(ext4_look_up(v->fs, path, &ino), 0);
	assert_int_equal(ext4_inode_get(v->fs, ino, &ref), 0);
	return ref;
}
