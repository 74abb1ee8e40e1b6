/* SPDX-License-Identifier: MIT */
/*
 * A piece is a slot, and with it a tag, for its time under way. The caller's
 * memory is pinned for as long, also where a bounce block stands in for it: it is
 * written to when a read ends.
 */
#include "rootpart/block/block_piece.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block_watch.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

/* What of the @bytes from @at on lies in one segment; moves on. */
static struct block_segment next_run(
	const struct block_segment *segments, struct block_cursor *at, u64 bytes)
{
	const struct block_segment *s = &segments[at->segment];
	struct block_segment run = { GPA(s->gpa.a + at->offset), s->len - at->offset };

	run.len = (u32)MIN(run.len, bytes);
	at->offset += run.len;
	if (at->offset == s->len)
		*at = (struct block_cursor){ at->segment + 1, 0 };
	return run;
}

static void unpin(const struct block_segment *segments, struct block_cursor at, u64 bytes)
{
	while (bytes > 0) {
		struct block_segment run = next_run(segments, &at, bytes);

		page_unpin(run.gpa, run.len);
		bytes -= run.len;
	}
}

/* All or nothing. */
static int pin(const struct block_segment *segments, struct block_cursor at, u64 bytes)
{
	struct block_cursor begin = at;
	u64 done = 0;

	while (done < bytes) {
		struct block_segment run = next_run(segments, &at, bytes - done);

		if (page_pin(run.gpa, run.len) != 0) {
			unpin(segments, begin, done);
			return -EINVAL;
		}
		done += run.len;
	}
	return 0;
}

static void copy(const struct block_slot *slot, bool to_bounce)
{
	const struct block_segment *segments = slot->piece.request->segments;
	struct block_cursor at = slot->at;
	u8 *bounce = slot->bounce;

	for (u64 done = 0; done < slot->piece.bytes;) {
		struct block_segment run = next_run(segments, &at, slot->piece.bytes - done);

		if (to_bounce)
			memcpy(bounce + done, gpa_ptr(run.gpa), run.len);
		else
			memcpy(gpa_ptr(run.gpa), bounce + done, run.len);
		done += run.len;
	}
}

/* Takes a bounce block for the next sectors of @r; 0 if there is none. */
static u64 cut_bounce(struct block_queue *q, struct block_request *r, struct block_slot *slot,
	struct block_cut *cut)
{
	if (q->bounce_count == 0)
		return 0;
	slot->bounce = q->bounce[--q->bounce_count];
	return block_cut_bounce(&q->device->limits, r->segments, slot->at, block_request_left(r),
		gpa_of(slot->bounce), cut);
}

static u64 cut_data(struct block_queue *q, struct block_request *r, struct block_slot *slot,
	struct block_cut *cut)
{
	const struct block_limits *l = &q->device->limits;
	u64 bytes;

	slot->at = (struct block_cursor){ r->segment, r->segment_offset };
	bytes = block_cut_direct(l, r->segments, slot->at, block_request_left(r), cut);
	return bytes != 0 ? bytes : cut_bounce(q, r, slot, cut);
}

static bool has_data(const struct block_piece *p)
{
	return p->op == BLOCK_READ || p->op == BLOCK_WRITE;
}

static void bounce_give_back(struct block_queue *q, struct block_slot *slot)
{
	if (slot->bounce != NULL)
		q->bounce[q->bounce_count++] = slot->bounce;
	slot->bounce = NULL;
}

/* Memory for the piece: 1, 0 if it has to wait, or an error. */
static int take_memory(struct block_queue *q, struct block_request *r, struct block_slot *slot)
{
	struct block_piece *p = &slot->piece;
	struct block_cut cut = { .out = q->segments };

	p->bytes = cut_data(q, r, slot, &cut);
	if (p->bytes == 0)
		return 0;
	if (pin(r->segments, slot->at, p->bytes) != 0) {
		bounce_give_back(q, slot);
		return -EINVAL;
	}
	p->segments = cut.out;
	p->segment_count = cut.count;
	if (slot->bounce != NULL && p->op == BLOCK_WRITE)
		copy(slot, true);
	return 1;
}

static void describe(struct block_queue *q, struct block_request *r, struct block_piece *p)
{
	const struct block_limits *l = &q->device->limits;
	u64 left = block_request_left(r);

	p->request = r;
	p->op = left > 0 ? r->op : BLOCK_FLUSH;
	p->fua = l->fua && (r->flags & BLOCK_FUA) != 0 && p->op == BLOCK_WRITE;
	p->sector = r->sector + r->device->first + (r->next >> __builtin_ctz(l->sector_size));
	p->bytes = p->op == BLOCK_DISCARD ? MIN(left, l->max_discard) : 0;
	p->segments = NULL;
	p->segment_count = 0;
}

static void move_on(struct block_request *r, const struct block_piece *p)
{
	struct block_cursor at = { r->segment, r->segment_offset };

	if (has_data(p)) {
		block_cursor_move(r->segments, &at, p->bytes);
		r->segment = at.segment;
		r->segment_offset = at.offset;
	}
	if (p->op == BLOCK_FLUSH)
		r->flush = false;
	r->next += p->bytes;
	r->pieces++;
	if (block_request_left(r) == 0)
		list_remove(&r->link);
}

static void start(struct block_queue *q, struct block_slot *slot)
{
	list_remove(&slot->link);
	list_push_back(&q->busy, &slot->link);
	slot->busy = true;
	slot->started = time_ns();
	q->stats.pieces++;
	q->stats.bounced += slot->bounce != NULL;
	q->unkicked = true;
	q->device->ops->start(q->device, q->index, &slot->piece);
	block_watch_started(q->device);
}

bool block_piece_start(struct block_queue *q, struct block_request *r)
{
	struct block_slot *slot = list_entry(q->free.next, struct block_slot, link);

	describe(q, r, &slot->piece);
	if (has_data(&slot->piece)) {
		int ready = take_memory(q, r, slot);

		if (ready < 0)
			block_request_stop(q, r, ready);
		if (ready <= 0)
			return ready < 0;
	}
	move_on(r, &slot->piece);
	start(q, slot);
	return true;
}

/* Nothing is under way: what comes next of @r, or its end. */
static void pieces_ended(struct block_queue *q, struct block_request *r)
{
	if (r->flush)
		list_push_back(&q->waiting, &r->link);
	else
		block_queue_end(q, r);
}

void block_request_stop(struct block_queue *q, struct block_request *r, int error)
{
	if (r->error == 0)
		r->error = error;
	r->next = r->bytes;
	r->flush = false;
	list_remove(&r->link);
	if (r->pieces == 0)
		block_queue_end(q, r);
}

static void piece_ended(struct block_queue *q, struct block_request *r, int error)
{
	r->pieces--;
	q->good += error == 0;
	q->stats.timeouts += error == -ETIMEDOUT;
	if (error != 0)
		block_request_stop(q, r, error);
	else if (r->pieces == 0 && block_request_left(r) == 0)
		pieces_ended(q, r);
}

static void give_memory_back(struct block_queue *q, struct block_slot *slot, int error)
{
	const struct block_piece *p = &slot->piece;

	if (slot->bounce != NULL && p->op == BLOCK_READ && error == 0)
		copy(slot, false);
	bounce_give_back(q, slot);
	unpin(p->request->segments, slot->at, p->bytes);
}

static void slot_ended(struct block_queue *q, struct block_slot *slot, int error)
{
	struct block_request *r = slot->piece.request;

	if (has_data(&slot->piece))
		give_memory_back(q, slot, error);
	slot->busy = false;
	slot->piece.request = NULL;
	list_remove(&slot->link);
	list_push_front(&q->free, &slot->link);
	piece_ended(q, r, error);
}

void block_piece_abandon(struct block_queue *q, struct block_slot *slot)
{
	struct block_request *r = slot->piece.request;

	list_remove(&slot->link);
	slot->piece.request = NULL;
	piece_ended(q, r, -ETIMEDOUT);
}

/* A bug of the driver's, or a device whose answers it does not check. */
static void stray(struct block_device *d, u32 queue, u32 tag)
{
	if (!atomic_exchange(&d->watch->stray, true))
		log_printf(
			"block: %s: piece %u.%u ended that was not under way", d->name, queue, tag);
}

/* The piece that @tag names, if it is under way. */
static struct block_slot *slot_of(struct block_queue *q, u32 tag)
{
	struct block_slot *slot = &q->slots[tag];

	return slot->busy && slot->piece.request != NULL ? slot : NULL;
}

/* False: it names none that is under way. */
static bool piece_done(struct block_queue *q, u32 tag, int error)
{
	u64 flags = lock_irq(&q->lock);
	struct block_slot *slot = slot_of(q, tag);

	if (slot != NULL)
		slot_ended(q, slot, error);
	if (!list_empty(&q->waiting))
		block_agent_ask(q);
	unlock_irq(&q->lock, flags);
	return slot != NULL;
}

void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error)
{
	if (queue >= d->queue_count || tag >= d->depth ||
		!piece_done(&d->queues[queue], tag, error))
		stray(d, queue, tag);
}
