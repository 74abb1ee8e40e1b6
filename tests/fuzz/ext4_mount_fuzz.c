/* SPDX-License-Identifier: MIT */
/*
 * Mounts a volume whose superblock, descriptor and bitmaps have bytes changed, and asks
 * for all that those are for. It is refused, or works, or is found damaged.
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

static void use(struct ext4 *fs)
{
	static const u8 text[3000] = { 1 };
	struct ext4_info info;
	u32 ino = 0;

	ext4_info_get(fs, &info);
	(void)!ext4_file_write(fs, IMAGE_FILE, 2000, text, sizeof(text));
	(void)!ext4_file_allocate(fs, IMAGE_FILE, 100000, 300000);
	if (ext4_begin(fs, 8) == 0) {
		int r = ext4_inode_alloc(fs, EXT4_ROOT_INO, true, &ino);

		(void)ext4_end(fs, r);
	}
	(void)!ext4_sync(fs);
	(void)!ext4_file_truncate(fs, IMAGE_FILE, 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_disk disk;
	struct ext4 *fs;
	char label[17];

	image_make(&disk);
	image_patch(&disk, IMAGE_SUPER * IMAGE_BLOCK, 6 * IMAGE_BLOCK, data, size);
	(void)!ext4_probe(&disk.d, label);
	if (ext4_mount(&disk.d, false, &fs) == 0) {
		use(fs);
		(void)ext4_unmount(fs);
	}
	if (image_objects != 0 || disk.reads + disk.writes > 50000)
		__builtin_trap();
	image_disk_free(&disk);
	return 0;
}
