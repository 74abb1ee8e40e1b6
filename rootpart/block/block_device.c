/* SPDX-License-Identifier: MIT */
/*
 * The list of block devices: names in the order of registration, a disk's
 * partitions behind it. Devices are never taken off it.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/block/block_partition.h"
#include "rootpart/block/block_watch.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"

static struct spinlock lock; /* of the list and the counts */
static struct list_node devices = LIST_INIT(devices);
static u32 disks;
static u32 cds;

static void queues_free(struct block_device *d, u32 count)
{
	while (count > 0)
		block_queue_free(&d->queues[--count]);
	kfree(d->queues);
	d->queues = NULL;
}

static int queues_init(struct block_device *d)
{
	d->queues = kzalloc(d->queue_count * sizeof(*d->queues));
	if (d->queues == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < d->queue_count; i++) {
		int r = block_queue_init(&d->queues[i], d, i);

		if (r != 0) {
			queues_free(d, i);
			return r;
		}
	}
	return 0;
}

/* A name that a device which cannot be registered leaves unused is no harm. */
static void give_name(struct block_device *d, bool cd)
{
	u64 flags = lock_irq(&lock);
	u32 n = cd ? cds++ : disks++;

	unlock_irq(&lock, flags);
	(void)format(d->name, sizeof(d->name), "%s%u", cd ? "cd" : "disk", n);
}

static void insert(struct block_device *d, struct list_node *before)
{
	u64 flags = lock_irq(&lock);

	list_insert_before(before, &d->link);
	unlock_irq(&lock, flags);
}

int block_register(struct block_device *d, bool cd)
{
	int r;

	if (!block_limits_check(&d->limits) || d->queue_count == 0 || d->depth == 0) {
		log_printf("block: %s has limits that make no sense", d->driver);
		return -EINVAL;
	}
	d->parent = NULL;
	d->first = 0;
	d->offline = false;
	d->holder[0] = '\0';
	give_name(d, cd);
	r = queues_init(d);
	if (r != 0)
		return r;
	r = block_watch_start(d);
	if (r != 0)
		queues_free(d, d->queue_count);
	else
		insert(d, &devices);
	return r;
}

/* What stands behind the last partition of @disk. */
static struct list_node *behind(struct block_device *disk)
{
	struct list_node *n = disk->link.next;

	while (n != &devices && list_entry(n, struct block_device, link)->parent == disk)
		n = n->next;
	return n;
}

int block_add_partition(struct block_device *disk, u32 number, u64 first, u64 sectors)
{
	struct block_device *d = kzalloc(sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	*d = *disk;
	d->parent = disk;
	d->first = first;
	d->limits.sectors = sectors;
	d->holder[0] = '\0';
	(void)format(d->name, sizeof(d->name), "%sp%u", disk->name, number);
	insert(d, behind(disk));
	return 0;
}

struct block_device *block_next(const struct block_device *d)
{
	u64 flags = lock_irq(&lock);
	struct list_node *n = d != NULL ? d->link.next : devices.next;

	unlock_irq(&lock, flags);
	return n != &devices ? list_entry(n, struct block_device, link) : NULL;
}

struct block_device *block_find(const char *name)
{
	struct block_device *d = block_next(NULL);

	while (d != NULL && strcmp(d->name, name) != 0)
		d = block_next(d);
	return d;
}

/* True if @a and @b are the same sectors, in part. */
static bool share(const struct block_device *a, const struct block_device *b)
{
	return a == b || a->parent == b || b->parent == a;
}

int block_hold(struct block_device *d, const char *holder, char other[BLOCK_HOLDER_SIZE])
{
	u64 flags = lock_irq(&lock);
	int r = 0;

	list_for_each(n, &devices)
	{
		const struct block_device *o = list_entry(n, struct block_device, link);

		if (o->holder[0] == '\0' || !share(o, d))
			continue;
		(void)str_copy(other, o->holder, BLOCK_HOLDER_SIZE);
		r = -EBUSY;
	}
	if (r == 0)
		(void)str_copy(d->holder, holder, sizeof(d->holder));
	unlock_irq(&lock, flags);
	return r;
}

void block_let_go(struct block_device *d)
{
	u64 flags = lock_irq(&lock);

	d->holder[0] = '\0';
	unlock_irq(&lock, flags);
}

static void add(struct block_stats *sum, const struct block_stats *s)
{
	sum->reads += s->reads;
	sum->writes += s->writes;
	sum->flushes += s->flushes;
	sum->discards += s->discards;
	sum->read_bytes += s->read_bytes;
	sum->written_bytes += s->written_bytes;
	sum->errors += s->errors;
	sum->pieces += s->pieces;
	sum->bounced += s->bounced;
	sum->timeouts += s->timeouts;
}

void block_stats_get(const struct block_device *d, struct block_stats *stats)
{
	*stats = (struct block_stats){ .resets = d->watch->resets };
	for (u32 i = 0; i < d->queue_count; i++) {
		struct block_queue *q = &d->queues[i];
		u64 flags = lock_irq(&q->lock);

		add(stats, &q->stats);
		unlock_irq(&q->lock, flags);
	}
}
