/* SPDX-License-Identifier: MIT */
/*
 * Mounts any bytes as ISO 9660, and lists and reads what is there: the input is the disc
 * from its first descriptor on.
 * sources: rootpart/iso9660/iso9660.c rootpart/iso9660/iso9660_volume.c
 * sources: rootpart/iso9660/iso9660_records.c rootpart/iso9660/iso9660_susp.c
 * sources: rootpart/block/block_bytes.c lib/utf16.c lib/date.c lib/string.c lib/format.c
 * sources: tests/unit/image_disk.c tests/unit/reader_tree.c
 */
#include <string.h>

#include "rootpart/iso9660/iso9660.h"
#include "tests/unit/image_disk.h"
#include "tests/unit/reader_tree.h"

#define SECTOR 2048u
#define FRONT  (16 * SECTOR)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_disk disk;
	struct iso9660 *fs;
	char label[ISO9660_LABEL];

	if (size > MIB)
		return 0;
	image_disk_make(&disk, FRONT + ALIGN_UP(size, SECTOR), SECTOR);
	if (size > 0)
		memcpy(disk.bytes + FRONT, data, size);
	if (iso9660_probe(&disk.d, label) && strnlen(label, sizeof(label)) == sizeof(label))
		__builtin_trap();
	if (iso9660_mount(&disk.d, &fs) == 0) {
		(void)reader_wander(&iso9660_vfs_ops, fs, 50);
		iso9660_unmount(fs);
	}
	image_disk_free(&disk);
	if (image_objects != 0)
		__builtin_trap();
	return 0;
}
