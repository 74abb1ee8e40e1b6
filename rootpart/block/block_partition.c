/* SPDX-License-Identifier: MIT */
/*
 * Looking for partitions on the disks that there are. A task's, once; what a disk's
 * table says is read by lib/partition_table.h.
 */
#include "rootpart/block/block_partition.h"

#include "base/errno.h"
#include "lib/partition_table.h"
#include "lib/string.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

/* What the parser is given, and the disk behind it. */
struct scan {
	struct partition_disk disk;
	struct block_device *device;
	struct partition_table table;
};

static int scan_read(const struct partition_disk *disk, u64 sector, u32 count, void *buf)
{
	struct scan *s = container_of(disk, struct scan, disk);

	return block_read(s->device, sector, buf, (u64)count * disk->sector_size);
}

static void tell(const struct scan *s)
{
	const struct partition_table *t = &s->table;
	const char *name = s->device->name;

	if (t->backup && !t->damaged)
		log_printf(
			"block: %s: the first partition table is damaged, its copy is used", name);
	if (t->damaged)
		log_printf("block: %s: the partition table is damaged", name);
	if (t->refused > 0)
		log_printf("block: %s: %u partitions left out: they overlap, or leave the disk",
			name, t->refused);
}

static int add_partitions(struct scan *s)
{
	int r = 0;

	for (u32 i = 0; r == 0 && i < s->table.count; i++) {
		const struct partition *p = &s->table.partitions[i];

		r = block_add_partition(s->device, p->number, p->first, p->sectors);
	}
	return r;
}

static int scan(struct scan *s)
{
	int r = partition_table_read(&s->disk, &s->table);

	if (r != 0)
		return r;
	tell(s);
	return add_partitions(s);
}

static void scan_device(struct block_device *d)
{
	struct scan *s = kmalloc(sizeof(*s));
	u8 *buf = kmalloc(PARTITION_SECTOR_MAX);
	int r = -ENOMEM;

	if (s != NULL && buf != NULL) {
		s->device = d;
		s->disk = (struct partition_disk){ .sector_size = d->limits.sector_size,
			.sectors = d->limits.sectors,
			.read = scan_read,
			.buf = buf };
		r = scan(s);
	}
	if (r != 0)
		log_printf("block: %s: partitions are not known: %s", d->name, errno_text(r));
	kfree(buf);
	kfree(s);
}

void block_scan_partitions(void)
{
	for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
		if (d->parent == NULL && strncmp(d->name, "cd", 2) != 0)
			scan_device(d);
	}
}
