/* SPDX-License-Identifier: MIT */
/*
 * The master boot record: four partitions, of which one may be a chain of further
 * tables, each with one partition and the place of the next. A protective one
 * says that there is a GPT.
 */
#include "lib/partition_table.h"

#define ENTRIES             446u
#define ENTRY_SIZE          16u
#define SIGNATURE           510u

#define TYPE_EMPTY          0x00u
#define TYPE_EXTENDED_CHS   0x05u
#define TYPE_EXTENDED_LBA   0x0fu
#define TYPE_EXTENDED_LINUX 0x85u
#define TYPE_GPT            0xeeu
#define STATUS_ACTIVE       0x80u

struct entry {
	u8 status;
	u8 type;
	u32 first; /* relative to what depends on the type */
	u32 sectors;
};

static u32 load32(const u8 *p)
{
	return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static struct entry entry_at(const u8 *sector, u32 i)
{
	const u8 *p = sector + ENTRIES + i * ENTRY_SIZE;

	return (struct entry){ p[0], p[4], load32(p + 8), load32(p + 12) };
}

static bool is_extended(const struct entry *e)
{
	return e->type == TYPE_EXTENDED_CHS || e->type == TYPE_EXTENDED_LBA ||
	       e->type == TYPE_EXTENDED_LINUX;
}

/* The signature alone is also on file systems without a table: their text is no status. */
static bool is_table(const u8 *sector)
{
	if (sector[SIGNATURE] != 0x55 || sector[SIGNATURE + 1] != 0xaa)
		return false;
	for (u32 i = 0; i < 4; i++) {
		if ((entry_at(sector, i).status & ~STATUS_ACTIVE) != 0)
			return false;
	}
	return true;
}

/*
 * The table of the extended partition's at sector @at: *@logical, and whether there
 * is a next one, at *@next. False: it is no table.
 */
static bool read_link(const u8 *sector, u64 at, const struct entry *extended,
	struct partition *logical, bool *more, u64 *next)
{
	struct entry mine = entry_at(sector, 0), link = entry_at(sector, 1);

	if (!is_table(sector))
		return false;
	*logical = (struct partition){ .first = at + mine.first,
		.sectors = mine.type != TYPE_EMPTY ? mine.sectors : 0 };
	*more = is_extended(&link) && link.first < extended->sectors;
	*next = (u64)extended->first + link.first;
	return true;
}

/* A chain that comes back to where it was brings a partition that overlaps itself: refused. */
static int read_chain(const struct partition_disk *disk, struct partition_table *table,
	const struct entry *extended)
{
	u64 at = extended->first;
	u32 number = PARTITION_LOGICAL_BASE;
	bool more = true;

	for (u32 i = 0; more && i < PARTITION_LOGICAL_MAX; i++) {
		u32 refused = table->refused;
		struct partition p;
		int r = disk->read(disk, at, 1, disk->buf);

		if (r != 0)
			return r;
		if (!read_link(disk->buf, at, extended, &p, &more, &at)) {
			/* A new, empty one has none. */
			table->damaged = i > 0;
			return 0;
		}
		if (p.sectors == 0)
			continue;
		p.number = number++;
		partition_add(table, &p, extended->first, extended->sectors);
		if (table->refused != refused)
			break;
	}
	table->damaged = more;
	return 0;
}

/* The whole extended partition lies on the disk, and overlaps no other. */
static bool extended_fits(const struct partition_disk *disk, const struct partition_table *table,
	const struct entry *e)
{
	struct partition_table copy = *table;

	partition_add(&copy, &(struct partition){ 0, e->first, e->sectors }, 1, disk->sectors - 1);
	return copy.refused == table->refused;
}

static int read_extended(
	const struct partition_disk *disk, struct partition_table *table, const struct entry *e)
{
	if (extended_fits(disk, table, e))
		return read_chain(disk, table, e);
	table->refused++;
	return 0;
}

static void read_primary(const struct partition_disk *disk, struct partition_table *table,
	const struct entry *e, u32 number)
{
	struct partition p = { number, e->first, e->sectors };

	if (e->type == TYPE_GPT)
		table->scheme = PARTITION_GPT;
	else if (e->type != TYPE_EMPTY && !is_extended(e))
		partition_add(table, &p, 1, disk->sectors - 1);
}

int partition_mbr_read(const struct partition_disk *disk, struct partition_table *table)
{
	struct entry extended[4];
	u32 count = 0;
	int r = disk->read(disk, 0, 1, disk->buf);

	if (r != 0 || !is_table(disk->buf))
		return r;
	table->scheme = PARTITION_MBR;
	for (u32 i = 0; i < 4; i++) {
		struct entry e = entry_at(disk->buf, i);

		read_primary(disk, table, &e, i + 1);
		if (is_extended(&e))
			extended[count++] = e;
	}
	/* Behind the primary ones, which the buffer holds; one chain at most. */
	if (count > 0 && table->scheme == PARTITION_MBR)
		r = read_extended(disk, table, &extended[0]);
	table->refused += count > 1 ? count - 1 : 0;
	return r;
}
