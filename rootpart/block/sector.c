/* SPDX-License-Identifier: MIT */
/*
 * Requests that may not begin yet wait in line; one that overlaps another in front of it
 * waits behind it, so that none is overtaken for ever.
 */
#include "rootpart/block/sector.h"

#include "base/errno.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/block/sector_part.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"

u64 sector_count(const struct sector_disk *s)
{
	return s->device->limits.sectors * (sector_medium(s) / SECTOR_512);
}

static int slot_init(struct sector_disk *s, struct sector_slot *slot)
{
	list_push_back(&s->slots, &slot->link);
	slot->head.buf = page_alloc(0);
	slot->tail.buf = page_alloc(0);
	return slot->head.buf != NULL && slot->tail.buf != NULL ? 0 : -ENOMEM;
}

int sector_init(struct sector_disk *s, struct block_device *d)
{
	int r = 0;

	*s = (struct sector_disk){ .device = d };
	list_init(&s->writes);
	list_init(&s->waiting);
	list_init(&s->slots);
	if (sector_medium(s) == SECTOR_512)
		return 0;
	s->memory = kzalloc(SECTOR_SLOTS * sizeof(*s->memory));
	if (s->memory == NULL)
		return -ENOMEM;
	for (u32 i = 0; r == 0 && i < SECTOR_SLOTS; i++)
		r = slot_init(s, &s->memory[i]);
	if (r != 0)
		sector_free(s);
	return r;
}

static void buf_free(void *buf)
{
	if (buf != NULL)
		(void)page_free(buf, 0);
}

void sector_free(struct sector_disk *s)
{
	for (u32 i = 0; s->memory != NULL && i < SECTOR_SLOTS; i++) {
		buf_free(s->memory[i].head.buf);
		buf_free(s->memory[i].tail.buf);
	}
	kfree(s->memory);
	s->memory = NULL;
}

static bool overlap(const struct sector_request *a, const struct sector_request *b)
{
	return (a->partial || b->partial) && a->first <= b->last && b->first <= a->last;
}

/* True if @q overlaps a write on @list, in front of @end if that is on it. */
static bool overlaps_any(
	const struct sector_request *q, const struct list_node *list, const struct list_node *end)
{
	for (const struct list_node *n = list->next; n != list && n != end; n = n->next) {
		const struct sector_request *o = list_entry(n, struct sector_request, link);

		if (sector_is_write(o) && overlap(o, q))
			return true;
	}
	return false;
}

/* @q is on the line, or about to be. Lock held. */
static bool may_begin(const struct sector_disk *s, const struct sector_request *q)
{
	if (q->partial && list_empty(&s->slots))
		return false;
	if (!sector_is_write(q) || s->partial == 0)
		return true;
	return !overlaps_any(q, &s->writes, NULL) && !overlaps_any(q, &s->waiting, &q->link);
}

/* Off the line, and under way. Lock held. */
static void admit(struct sector_disk *s, struct sector_request *q)
{
	list_remove(&q->link);
	if (sector_is_write(q))
		list_push_back(&s->writes, &q->link);
	if (q->partial)
		q->slot = list_entry(list_pop_front(&s->slots), struct sector_slot, link);
}

static void unpin(const struct sector_request *q, u32 count)
{
	for (u32 i = 0; i < count; i++)
		page_unpin(q->r.segments[i].gpa, q->r.segments[i].len);
}

/* A partial one's memory is touched by us, when parts of it are not the device's. */
static int pin(const struct sector_request *q)
{
	for (u32 i = 0; i < q->r.segment_count; i++) {
		const struct block_segment *s = &q->r.segments[i];

		if (page_pin(s->gpa, s->len) != 0) {
			unpin(q, i);
			return -EINVAL;
		}
	}
	return 0;
}

static void run(struct sector_disk *s);

static void end(struct sector_request *q)
{
	struct sector_disk *s = q->disk;
	u64 flags = lock_irq(&s->lock);

	list_remove(&q->link);
	if (q->slot != NULL)
		list_push_back(&s->slots, &q->slot->link);
	s->partial -= q->partial && sector_is_write(q);
	unlock_irq(&s->lock, flags);
	q->r.error = q->error;
	/* done() comes last: with it @s may be gone. */
	run(s);
	q->r.done(&q->r);
}

void sector_part_ended(struct sector_request *q, int error)
{
	u64 flags = lock_irq(&q->disk->lock);
	bool last = --q->parts == 0;

	if (q->error == 0)
		q->error = error;
	unlock_irq(&q->disk->lock, flags);
	if (!last)
		return;
	if (q->slot != NULL)
		unpin(q, q->r.segment_count);
	end(q);
}

/* The first of those that wait which may begin, admitted; or NULL. */
static struct sector_request *next(struct sector_disk *s)
{
	u64 flags = lock_irq(&s->lock);
	struct sector_request *q = NULL;

	list_for_each(n, &s->waiting)
	{
		q = list_entry(n, struct sector_request, link);
		if (may_begin(s, q))
			break;
		q = NULL;
	}
	if (q != NULL)
		admit(s, q);
	unlock_irq(&s->lock, flags);
	return q;
}

static void run(struct sector_disk *s)
{
	struct sector_request *q;

	/* Mostly nobody waits; who comes later looks for himself. */
	if (list_empty(&s->waiting))
		return;
	while ((q = next(s)) != NULL)
		sector_begin(q);
}

/* What block_submit() would refuse, where we look at it ourselves. */
static bool is_partial(const struct sector_disk *s, const struct sector_request *q)
{
	u64 begin = q->r.sector * SECTOR_512;

	if (q->r.op != BLOCK_READ && q->r.op != BLOCK_WRITE)
		return false;
	return ((begin | (begin + q->r.bytes)) & (sector_medium(s) - 1)) != 0;
}

static void describe(struct sector_disk *s, struct sector_request *q)
{
	u32 size = sector_medium(s);

	q->disk = s;
	q->error = 0;
	q->slot = NULL;
	q->partial = is_partial(s, q);
	q->first = q->r.sector * SECTOR_512 / size;
	q->last = (q->r.sector * SECTOR_512 + q->r.bytes - 1) / size;
	list_init(&q->link);
}

/* In line, and out of it at once if nothing speaks against it. */
static bool enter(struct sector_disk *s, struct sector_request *q)
{
	u64 flags = lock_irq(&s->lock);
	bool now;

	s->partial += q->partial && sector_is_write(q);
	list_push_back(&s->waiting, &q->link);
	now = may_begin(s, q);
	if (now)
		admit(s, q);
	unlock_irq(&s->lock, flags);
	return now;
}

void sector_submit(struct sector_disk *s, struct sector_request *q)
{
	if (sector_medium(s) == SECTOR_512) {
		block_submit(s->device, &q->r);
		return;
	}
	if (q->r.op != BLOCK_FLUSH &&
		block_request_check(&q->r, SECTOR_512, sector_count(s)) != 0) {
		sector_refuse(s, q);
		return;
	}
	describe(s, q);
	if (q->partial && pin(q) != 0) {
		sector_refuse(s, q);
		return;
	}
	if (enter(s, q))
		sector_begin(q);
}
