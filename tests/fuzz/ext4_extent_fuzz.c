/* SPDX-License-Identifier: MIT */
/*
 * A file whose inode and tree of extents have bytes changed is read, written, cut: what
 * is found lies on the volume and within the file, and each step ends.
 * sources: rootpart/ext4/ext4_super.c rootpart/ext4/ext4_features.c rootpart/ext4/ext4_geometry.c
 * sources: rootpart/ext4/ext4_group.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_alloc.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_orphan.c
 * sources: rootpart/ext4/ext4_extent.c rootpart/ext4/ext4_extent_split.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_truncate.c rootpart/ext4/ext4_mount.c
 * sources: tests/unit/image_disk.c
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c
 */
#include "tests/fuzz/ext4_image.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* All runs, to the end of the file or to damage. */
static void walk(struct ext4 *fs)
{
	struct ext4_iref ref;
	u32 block = 0, n = 0;

	if (ext4_inode_get(fs, IMAGE_FILE, &ref) != 0)
		return;
	while (block < EXT4_EXTENT_END) {
		struct ext4_run run;

		if (ext4_extent_find(fs, &ref, block, &run) != 0)
			break;
		if (run.block != block || run.count == 0 || run.count > EXT4_EXTENT_END - block ||
			++n > 1000)
			__builtin_trap();
		if (run.start != 0 &&
			(run.start >= fs->blocks || run.count > fs->blocks - run.start))
			__builtin_trap();
		block += run.count;
	}
	ext4_inode_put(fs, &ref);
}

static void use(struct ext4 *fs)
{
	static u8 text[5000];

	walk(fs);
	(void)!ext4_file_read(fs, IMAGE_FILE, 1000, text, sizeof(text));
	(void)!ext4_file_write(fs, IMAGE_FILE, 2000, text, sizeof(text));
	(void)!ext4_file_write(fs, IMAGE_FILE, 9 * IMAGE_BLOCK + 5, text, 2000);
	(void)!ext4_file_allocate(fs, IMAGE_FILE, 7000, 30000);
	walk(fs);
	(void)!ext4_file_truncate(fs, IMAGE_FILE, 20000);
	walk(fs);
	(void)!ext4_file_free(fs, IMAGE_FILE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_disk disk;
	struct ext4 *fs;
	size_t half = size / 2;

	image_make(&disk);
	image_patch(&disk, IMAGE_TABLE_ * IMAGE_BLOCK + (IMAGE_FILE - 1) * EXT4_INODE_SIZE_OLD,
		EXT4_INODE_SIZE_OLD, data, half);
	image_patch(&disk, IMAGE_TREE * IMAGE_BLOCK, IMAGE_BLOCK, data + half, size - half);
	if (ext4_mount(&disk.d, false, &fs) == 0) {
		use(fs);
		(void)ext4_unmount(fs);
	}
	if (image_objects != 0 || disk.reads + disk.writes > 50000)
		__builtin_trap();
	image_disk_free(&disk);
	return 0;
}
