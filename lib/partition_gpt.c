/* SPDX-License-Identifier: MIT */
/*
 * The GUID partition table: UEFI 2.10, 5.3. Header and array of entries have checks of
 * their own, and stand twice: behind the first sector, and at the disk's end.
 */
#include "lib/crc32.h"
#include "lib/partition_table.h"
#include "lib/string.h"

#define HEADER_MIN 92u
#define HEADER_CRC 16u /* offset of the field, which counts as 0 */
#define ENTRY_MIN  128u
#define ENTRY_MAX  4096u
#define ARRAY_MAX  MIB

struct header {
	u32 size;
	u32 crc;
	u64 self;
	u64 first_usable;
	u64 last_usable;
	u64 array;
	u32 count;
	u32 entry_size;
	u32 array_crc;
};

static u32 load32(const u8 *p)
{
	return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 load64(const u8 *p)
{
	return load32(p) | (u64)load32(p + 4) << 32;
}

static struct header header_at(const u8 *p)
{
	return (struct header){
		.size = load32(p + 12),
		.crc = load32(p + HEADER_CRC),
		.self = load64(p + 24),
		.first_usable = load64(p + 40),
		.last_usable = load64(p + 48),
		.array = load64(p + 72),
		.count = load32(p + 80),
		.entry_size = load32(p + 84),
		.array_crc = load32(p + 88),
	};
}

static u64 array_sectors(const struct partition_disk *disk, const struct header *h)
{
	return ((u64)h->count * h->entry_size + disk->sector_size - 1) / disk->sector_size;
}

/* Sizes that make sense, and everything on the disk. */
static bool sizes_check(const struct partition_disk *disk, const struct header *h, u64 at)
{
	u64 sectors;

	if (h->size < HEADER_MIN || h->size > disk->sector_size || h->self != at)
		return false;
	if (h->entry_size < ENTRY_MIN || h->entry_size > ENTRY_MAX ||
		(h->entry_size & (h->entry_size - 1)) != 0 ||
		(u64)h->count * h->entry_size > ARRAY_MAX)
		return false;
	sectors = array_sectors(disk, h);
	/* The protective MBR and the first header are nobody's partition. */
	return h->first_usable > 1 && h->first_usable <= h->last_usable && h->array > 0 &&
	       h->array <= disk->sectors && sectors <= disk->sectors - h->array;
}

static bool header_check(const struct partition_disk *disk, u8 *sector, u64 at, struct header *h)
{
	if (memcmp(sector, "EFI PART", 8) != 0 || load32(sector + 8) != 0x10000)
		return false;
	*h = header_at(sector);
	if (!sizes_check(disk, h, at))
		return false;
	memset(sector + HEADER_CRC, 0, sizeof(u32));
	return crc32_add(0, sector, h->size) == h->crc;
}

static void add_entry(const struct partition_disk *disk, struct partition_table *table,
	const struct header *h, const u8 *entry, u32 number)
{
	static const u8 unused[16];
	u64 first = load64(entry + 32), last = load64(entry + 40);
	u64 end = MIN(h->last_usable, disk->sectors - 1);
	/* Turned around, or empty: 0 is refused. */
	struct partition p = { number, first, last >= first ? last - first + 1 : 0 };

	if (memcmp(entry, unused, sizeof(unused)) == 0)
		return;
	if (h->first_usable > end)
		table->refused++;
	else
		partition_add(table, &p, h->first_usable, end - h->first_usable + 1);
}

/* Entries @number and following, which @bytes of the buffer hold. */
static void add_entries(const struct partition_disk *disk, struct partition_table *table,
	const struct header *h, u32 number, u64 bytes)
{
	for (u64 at = 0; at + h->entry_size <= bytes; at += h->entry_size)
		add_entry(disk, table, h, disk->buf + at, ++number);
}

/*
 * Reads the array, buffer by buffer: a buffer holds whole entries and sectors. 1: it is
 * good, 0: it is damaged.
 */
static int read_array(
	const struct partition_disk *disk, struct partition_table *table, const struct header *h)
{
	u64 left = (u64)h->count * h->entry_size, sector = h->array;
	u32 crc = 0, number = 0;

	while (left > 0) {
		u64 bytes = MIN(left, PARTITION_SECTOR_MAX);
		u32 count = (u32)((bytes + disk->sector_size - 1) / disk->sector_size);
		int r = disk->read(disk, sector, count, disk->buf);

		if (r != 0)
			return r;
		crc = crc32_add(crc, disk->buf, bytes);
		add_entries(disk, table, h, number, bytes);
		number += (u32)(bytes / h->entry_size);
		sector += count;
		left -= bytes;
	}
	return crc == h->array_crc;
}

/* The table whose header is at sector @at. 1: it is good, 0: it is damaged. */
static int read_copy(const struct partition_disk *disk, struct partition_table *table, u64 at)
{
	struct header h;
	int r;

	table->count = 0;
	table->refused = 0;
	if (at >= disk->sectors)
		return 0;
	r = disk->read(disk, at, 1, disk->buf);
	if (r != 0)
		return r;
	return header_check(disk, disk->buf, at, &h) ? read_array(disk, table, &h) : 0;
}

int partition_gpt_read(const struct partition_disk *disk, struct partition_table *table)
{
	int r = read_copy(disk, table, 1);

	if (r > 0)
		return 0;
	/* Damaged, or not to be read. */
	table->backup = true;
	r = read_copy(disk, table, disk->sectors - 1);
	if (r == 0) {
		table->damaged = true;
		table->count = 0;
		table->refused = 0;
	}
	return r > 0 ? 0 : r;
}
