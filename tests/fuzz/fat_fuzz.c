/* SPDX-License-Identifier: MIT */
/*
 * Mounts any bytes as FAT, and lists and reads what is there. The first two bytes are the
 * device's size, in units of 64 KiB; what the input does not have of it is zeros.
 * sources: rootpart/fat/fat.c rootpart/fat/fat_volume.c rootpart/fat/fat_entries.c
 * sources: rootpart/fat/fat_chain.c rootpart/block/block_bytes.c lib/utf16.c lib/date.c
 * sources: lib/string.c lib/format.c tests/unit/image_disk.c tests/unit/reader_tree.c
 */
#include <string.h>

#include "rootpart/fat/fat.h"
#include "tests/unit/image_disk.h"
#include "tests/unit/reader_tree.h"

#define UNITS_MAX 128u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_disk disk;
	char label[FAT_LABEL];
	struct fat *fs;
	u64 disk_size;

	if (size < 2)
		return 0;
	disk_size = MIN(data[0] | (u32)data[1] << 8, UNITS_MAX) * 64 * KIB;
	if (disk_size < size - 2)
		return 0;
	image_disk_make(&disk, disk_size, 512);
	if (size > 2)
		memcpy(disk.bytes, data + 2, size - 2);
	if (fat_probe(&disk.d, label) && strnlen(label, sizeof(label)) == sizeof(label))
		__builtin_trap();
	if (fat_mount(&disk.d, &fs) == 0) {
		struct vfs_statfs all;

		(void)reader_wander(&fat_vfs_ops, fs, 50);
		if (fat_vfs_ops.statfs(fs, &all) != 0 || all.free_blocks > all.blocks)
			__builtin_trap();
		fat_unmount(fs);
	}
	image_disk_free(&disk);
	if (image_objects != 0)
		__builtin_trap();
	return 0;
}
