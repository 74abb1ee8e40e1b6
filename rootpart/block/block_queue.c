/* SPDX-License-Identifier: MIT */
/*
 * Queues: who waits goes on in the order in which it came, nobody overtakes, so
 * that a large request or one that needs bounce memory is never left behind.
 * What has ended is collected, and done() called by work when the driver is out
 * of its own: so neither finds itself called from within, and what done()
 * submits reaches the device by one kick.
 */
#include "rootpart/block/block_queue.h"

#include "base/errno.h"
#include "rootpart/block/block_piece.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"

/* Pieces that are started with interrupts off all the time. */
#define BATCH 32u

static void queue_work(struct work *w)
{
	block_queue_attend(container_of(w, struct block_queue, work));
}

static int bounce_init(struct block_queue *q)
{
	bool any = q->device->limits.address_mask == ~0ull;

	while (q->bounce_count < BLOCK_BOUNCE_COUNT) {
		void *p = any ? page_alloc(BLOCK_BOUNCE_ORDER) : page_alloc_low(BLOCK_BOUNCE_ORDER);

		if (p == NULL)
			return -ENOMEM;
		q->bounce[q->bounce_count++] = p;
	}
	return 0;
}

static int slots_init(struct block_queue *q)
{
	const struct block_device *d = q->device;
	/* The caller's, and each may be cut where a segment of the device's is full. */
	u32 segments =
		(u32)MIN(d->limits.max_segments, BLOCK_SEGMENTS_MAX + BLOCK_REQUEST_MAX / 512);

	q->slots = kzalloc(d->depth * sizeof(*q->slots));
	q->segments = kzalloc(segments * sizeof(*q->segments));
	if (q->slots == NULL || q->segments == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < d->depth; i++) {
		q->slots[i].piece.tag = i;
		list_push_back(&q->free, &q->slots[i].link);
	}
	return 0;
}

int block_queue_init(struct block_queue *q, struct block_device *d, u32 index)
{
	int r;

	*q = (struct block_queue){ .device = d, .index = index, .vp = index % cpu_count };
	list_init(&q->waiting);
	list_init(&q->ended);
	list_init(&q->free);
	list_init(&q->busy);
	list_init(&q->agent);
	wait_queue_init(&q->synchronous);
	work_init(&q->work, queue_work);
	r = slots_init(q);
	if (r == 0)
		r = bounce_init(q);
	if (r == 0)
		r = block_agent_start(q->vp);
	if (r != 0)
		block_queue_free(q);
	return r;
}

void block_queue_free(struct block_queue *q)
{
	while (q->bounce_count > 0)
		(void)page_free(q->bounce[--q->bounce_count], BLOCK_BOUNCE_ORDER);
	kfree(q->segments);
	kfree(q->slots);
}

static bool can_start(const struct block_queue *q)
{
	return !list_empty(&q->waiting) && !list_empty(&q->free) && q->state == BLOCK_RUNS;
}

/* Some pieces. True: there is nothing more to start, or it has to wait. */
static bool start_some(struct block_queue *q)
{
	u32 n = 0;

	while (n++ < BATCH && can_start(q)) {
		if (!block_piece_start(q, list_entry(q->waiting.next, struct block_request, link)))
			return true;
	}
	return !can_start(q);
}

void block_queue_run(struct block_queue *q)
{
	if (!start_some(q))
		block_agent_ask(q);
	if (q->unkicked && q->plug == 0 && q->state == BLOCK_RUNS) {
		q->unkicked = false;
		if (q->device->ops->kick != NULL)
			q->device->ops->kick(q->device, q->index);
	}
}

static void count(struct block_stats *stats, const struct block_request *r)
{
	u64 bytes = r->error == 0 ? r->bytes : 0;

	stats->errors += r->error != 0;
	switch (r->op) {
	case BLOCK_READ:
		stats->reads++;
		stats->read_bytes += bytes;
		break;
	case BLOCK_WRITE:
		stats->writes++;
		stats->written_bytes += bytes;
		break;
	case BLOCK_FLUSH:
		stats->flushes++;
		break;
	case BLOCK_DISCARD:
		stats->discards++;
		break;
	}
}

void block_queue_end(struct block_queue *q, struct block_request *r)
{
	count(&q->stats, r);
	r->ended = true;
	list_push_back(&q->ended, &r->link);
	block_agent_ask(q);
}

/* All that is on the list now; what comes meanwhile waits for the next round. */
static void list_take(struct list_node *from, struct list_node *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

void block_queue_attend(struct block_queue *q)
{
	struct list_node ended, *n;
	u64 flags = lock_irq(&q->lock);

	list_take(&q->ended, &ended);
	q->plug++;
	unlock_irq(&q->lock, flags);
	while ((n = list_pop_front(&ended)) != NULL) {
		struct block_request *r = list_entry(n, struct block_request, link);

		r->done(r);
	}
	flags = lock_irq(&q->lock);
	q->plug--;
	block_queue_run(q);
	unlock_irq(&q->lock, flags);
}
