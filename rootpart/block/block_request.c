/* SPDX-License-Identifier: MIT */
/*
 * Requests: checked, put in line, canceled. What is wrong with one it hears by
 * done(), as all else.
 */
#include "base/errno.h"
#include "rootpart/block/block_piece.h"
#include "rootpart/cpu.h"
#include "rootpart/lock.h"

static struct block_queue *queue_here(const struct block_device *d)
{
	return &d->queues[this_cpu()->vp % d->queue_count];
}

static int check(const struct block_limits *l, const struct block_request *r)
{
	if (r->op == BLOCK_FLUSH)
		return 0;
	if (r->op != BLOCK_READ && l->read_only)
		return -EROFS;
	if (r->op == BLOCK_DISCARD && l->max_discard == 0)
		return -ENOTSUP;
	return block_request_check(r, l->sector_size, l->sectors);
}

static void begin(struct block_device *d, struct block_queue *q, struct block_request *r)
{
	const struct block_limits *l = &d->limits;
	bool fua = r->op == BLOCK_WRITE && (r->flags & BLOCK_FUA) != 0;

	list_init(&r->link);
	r->device = d;
	r->queue = q;
	r->error = 0;
	r->next = 0;
	r->pieces = 0;
	r->segment = 0;
	r->segment_offset = 0;
	/* A device without FUA writes, then flushes. */
	r->flush = l->write_cache && (r->op == BLOCK_FLUSH || (fua && !l->fua));
	r->ended = false;
}

/* Where a request that was checked has its data. */
static void find_data(struct block_request *r)
{
	struct block_cursor at = { 0, 0 };

	block_cursor_move(r->segments, &at, r->skip);
	r->segment = at.segment;
	r->segment_offset = at.offset;
}

void block_submit(struct block_device *d, struct block_request *r)
{
	struct block_queue *q = queue_here(d);
	int error = check(&d->limits, r);
	u64 flags;

	begin(d, q, r);
	if (error == 0 && (r->flags & BLOCK_PART))
		find_data(r);
	flags = lock_irq(&q->lock);
	if (q->state == BLOCK_OFFLINE)
		error = -ENODEV;
	if (error != 0 || (r->op == BLOCK_FLUSH && !r->flush)) {
		r->error = error;
		block_queue_end(q, r);
	} else {
		list_push_back(&q->waiting, &r->link);
		block_queue_run(q);
	}
	unlock_irq(&q->lock, flags);
}

void block_end(struct block_device *d, struct block_request *r, int error)
{
	struct block_queue *q = queue_here(d);
	u64 flags;

	begin(d, q, r);
	flags = lock_irq(&q->lock);
	r->error = error;
	block_queue_end(q, r);
	unlock_irq(&q->lock, flags);
}

void block_cancel(struct block_request *r)
{
	struct block_queue *q = r->queue;
	u64 flags = lock_irq(&q->lock);

	if (!r->ended && (block_request_left(r) > 0 || r->flush)) {
		block_request_stop(q, r, -ECANCELED);
		block_queue_run(q);
	}
	unlock_irq(&q->lock, flags);
}

void block_plug(struct block_device *d)
{
	struct block_queue *q = queue_here(d);
	u64 flags = lock_irq(&q->lock);

	q->plug++;
	unlock_irq(&q->lock, flags);
}

void block_unplug(struct block_device *d)
{
	struct block_queue *q = queue_here(d);
	u64 flags = lock_irq(&q->lock);

	q->plug--;
	block_queue_run(q);
	unlock_irq(&q->lock, flags);
}
