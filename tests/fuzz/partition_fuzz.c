/* SPDX-License-Identifier: MIT */
/*
 * Reads partition tables from any bytes: the first is the sector size, and whether the
 * checks of a GPT are made right; the others a disk, of which what is beyond them is zeros. What is found lies on the disk and
 * does not overlap, and reading is bounded.
 * sources: lib/partition_table.c lib/partition_mbr.c lib/partition_gpt.c lib/crc32.c lib/string.c
 */
#include <string.h>

#include "lib/crc32.h"
#include "lib/partition_table.h"

#define EXTRA 64u /* sectors of zeros */

static const u8 *disk_data;
static size_t disk_size;
static u32 reads;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static int read_data(const struct partition_disk *disk, u64 sector, u32 count, void *buf)
{
	u64 at = sector * disk->sector_size, len = (u64)count * disk->sector_size;
	u64 have = at < disk_size ? MIN(len, disk_size - at) : 0;

	if (sector > disk->sectors || count > disk->sectors - sector ||
		len > PARTITION_SECTOR_MAX || ++reads > 1000)
		__builtin_trap();
	memset(buf, 0, len);
	memcpy(buf, disk_data + at, have);
	return 0;
}

static u64 load(const u8 *p, u32 bytes)
{
	u64 v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static void store_crc(u8 *at, const u8 *data, u64 bytes)
{
	u32 crc = crc32_add(0, data, bytes);

	memcpy(at, &crc, sizeof(crc));
}

/* Makes the checks of the first GPT right, as far as they lie in the data. */
static void seal(u8 *data, size_t size, u32 sector_size)
{
	u8 *header = data + sector_size;
	u64 array, bytes;

	if (size < 2ull * sector_size)
		return;
	array = load(header + 72, 8);
	bytes = load(header + 80, 4) * load(header + 84, 4);
	if (array < size / sector_size && bytes <= size - array * sector_size)
		store_crc(header + 88, data + array * sector_size, bytes);
	memset(header + 16, 0, 4);
	if (load(header + 12, 4) <= sector_size)
		store_crc(header + 16, header, load(header + 12, 4));
}

static void check(const struct partition_table *t, u64 sectors)
{
	if (t->count > PARTITIONS_MAX)
		__builtin_trap();
	for (u32 i = 0; i < t->count; i++) {
		const struct partition *p = &t->partitions[i];

		if (p->sectors == 0 || p->first == 0 || p->first >= sectors ||
			p->sectors > sectors - p->first)
			__builtin_trap();
		for (u32 k = 0; k < i; k++) {
			const struct partition *o = &t->partitions[k];

			if (p->first < o->first + o->sectors && o->first < p->first + p->sectors)
				__builtin_trap();
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 buf[PARTITION_SECTOR_MAX], copy[128 * KIB];
	static struct partition_table table;
	struct partition_disk disk = { .read = read_data, .buf = buf };

	if (size == 0 || size > sizeof(copy))
		return 0;
	disk.sector_size = 512u << data[0] % 4;
	disk_size = size - 1;
	memcpy(copy, data + 1, disk_size);
	if (data[0] & 0x40)
		seal(copy, disk_size, disk.sector_size);
	disk_data = copy;
	disk.sectors = disk_size / disk.sector_size + (data[0] & 0x80 ? EXTRA : 0);
	reads = 0;
	if (partition_table_read(&disk, &table) != 0)
		__builtin_trap();
	check(&table, disk.sectors);
	return 0;
}
