/* SPDX-License-Identifier: MIT */
/*
 * For tests of ext4's parts for space: volumes made by mke2fs, mounted from memory, and
 * looked at by e2fsck and debugfs.
 */
#pragma once

#include "rootpart/ext4/ext4_space.h"
#include "tests/unit/image_disk.h"

#define EXT4_FEATURES                                                             \
	"none,has_journal,extent,64bit,flex_bg,metadata_csum,metadata_csum_seed," \
	"orphan_file,dir_index,dir_nlink,huge_file,large_file,sparse_super,"      \
	"resize_inode,ext_attr,extra_isize,filetype"
#define EXT4_FEATURES_OLD                                                           \
	"none,has_journal,extent,flex_bg,dir_index,dir_nlink,huge_file,large_file," \
	"sparse_super,resize_inode,ext_attr,extra_isize,filetype"
#define EXT4_FEATURES_32                                                               \
	"none,has_journal,extent,flex_bg,metadata_csum,dir_index,dir_nlink,huge_file," \
	"large_file,sparse_super,resize_inode,ext_attr,extra_isize,filetype"
#define EXT4_FEATURES_64                                                           \
	"none,has_journal,extent,64bit,flex_bg,metadata_csum,dir_index,dir_nlink," \
	"huge_file,large_file,sparse_super,resize_inode,ext_attr,extra_isize,filetype"

struct volume {
	char path[128];
	struct image_disk disk;
	struct ext4 *fs;
};

/* mke2fs with @options, of @size as truncate names it; the files of the folder "from" are in it. */
void volume_make(struct volume *v, const char *options, const char *size);
/* The same with one file of @bytes, called file: byte i of it is i * 7 + i / 256. */
void volume_make_with(struct volume *v, const char *options, const char *size, u64 bytes);
/* The superblock of one that is loaded sparsely; and its checksum, after a change. */
struct ext4_super *volume_super(const struct volume *v);
void volume_seal_super(const struct volume *v);
/* Loads it. */
void volume_load(struct volume *v);
/* And mounts it; both or none. */
void volume_mount(struct volume *v);
/* Unmounts, saves, frees; e2fsck says that it is clean. */
void volume_unmount(struct volume *v);
/* Saves and frees it as it lies there: a power cut, or what was not mounted. */
void volume_save(struct volume *v);
/* e2fsck's status. */
int volume_check(const struct volume *v);
/* The number of an inode by its path, from debugfs. */
u32 volume_inode(const struct volume *v, const char *path);
/* A file's contents by debugfs: whether they are those. */
bool volume_has(const struct volume *v, const char *path, const u8 *data, u64 size);
/* An empty file for the next volume_make(); all of them are empty behind it if @data is NULL. */
void volume_put(const char *name, const u8 *data, u64 size);
