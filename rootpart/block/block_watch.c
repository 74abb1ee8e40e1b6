/* SPDX-License-Identifier: MIT */
/*
 * Watching for silence. One task for each device, so that one which takes its time
 * to recover keeps no other waiting. A piece that is started while the task sleeps
 * costs one look at a flag: its deadline is later than those of all before it.
 */
#include "rootpart/block/block_watch.h"

#include "base/errno.h"
#include "rootpart/block/block_piece.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

void block_watch_started(struct block_device *d)
{
	struct block_watch *w = d->watch;

	if (load_relaxed(&w->watching))
		return;
	/* Pairs with the acquire in the task's wait. */
	store_release(&w->watching, true);
	wait_wake_all(&w->wake);
}

void block_ask_recover(struct block_device *d)
{
	/* Pairs with the task's exchange. */
	store_release(&d->watch->asked, true);
	wait_wake_all(&d->watch->wake);
}

static u64 queue_oldest(struct block_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	u64 started = TIME_NEVER;

	if (!list_empty(&q->busy))
		started = list_entry(q->busy.next, struct block_slot, link)->started;
	unlock_irq(&q->lock, flags);
	return started;
}

static u64 oldest(struct block_device *d)
{
	u64 started = TIME_NEVER;

	for (u32 i = 0; i < d->queue_count; i++)
		started = MIN(started, queue_oldest(&d->queues[i]));
	return started;
}

/*
 * When the oldest piece will have been under way for too long; TIME_NEVER: none is,
 * and whoever starts one wakes the task. Its looks at the flag are under the lock that
 * the second look here takes: one of both sees the other.
 */
static u64 watch_deadline(struct block_device *d)
{
	u64 started = oldest(d);

	if (started == TIME_NEVER) {
		store_release(&d->watch->watching, false);
		started = oldest(d);
	}
	if (started == TIME_NEVER)
		return TIME_NEVER;
	store_release(&d->watch->watching, true);
	return started + BLOCK_TIMEOUT_NS;
}

static void set_state(struct block_device *d, enum block_state state)
{
	for (u32 i = 0; i < d->queue_count; i++) {
		struct block_queue *q = &d->queues[i];
		u64 flags = lock_irq(&q->lock);

		q->state = state;
		/* What was started and not told of is taken back with all else. */
		q->unkicked = false;
		block_queue_run(q);
		unlock_irq(&q->lock, flags);
	}
}

/* Ends what the driver did not take back. True: there was some. */
static bool abandon(struct block_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	bool some = !list_empty(&q->busy);

	while (!list_empty(&q->busy))
		block_piece_abandon(q, list_entry(q->busy.next, struct block_slot, link));
	unlock_irq(&q->lock, flags);
	return some;
}

static bool abandon_all(struct block_device *d)
{
	bool some = false;

	for (u32 i = 0; i < d->queue_count; i++)
		some |= abandon(&d->queues[i]);
	return some;
}

static void fail_waiting(struct block_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	q->state = BLOCK_OFFLINE;
	while (!list_empty(&q->waiting))
		block_request_stop(
			q, list_entry(q->waiting.next, struct block_request, link), -ENODEV);
	unlock_irq(&q->lock, flags);
}

static void go_offline(struct block_device *d, const char *why)
{
	store_release(&d->offline, true);
	for (u32 i = 0; i < d->queue_count; i++)
		fail_waiting(&d->queues[i]);
	log_printf("block: %s: off line: %s", d->name, why);
}

/* True if nothing has ended well since a few silences ago. */
static bool hopeless(struct block_device *d)
{
	struct block_watch *w = d->watch;
	u64 good = 0;

	for (u32 i = 0; i < d->queue_count; i++)
		good += load_relaxed(&d->queues[i].good);
	w->silences = good == w->good ? w->silences + 1 : 1;
	w->good = good;
	return w->silences >= BLOCK_SILENCE_MAX;
}

static void recover(struct block_device *d, bool asked)
{
	bool last = hopeless(d);
	int r;

	set_state(d, BLOCK_STOPPED);
	d->watch->resets++;
	r = d->ops->recover(d);
	if (abandon_all(d))
		go_offline(d, "it does not give its memory back");
	else if (r != 0)
		go_offline(d, "it cannot be reset");
	else if (last)
		go_offline(d, "it was reset, and nothing became better");
	else {
		log_printf("block: %s: %s: reset", d->name,
			asked ? "its driver asked for it" : "silent");
		set_state(d, BLOCK_RUNS);
	}
}

static void watch_task(void *arg)
{
	struct block_device *d = arg;
	struct block_watch *w = d->watch;

	while (!d->offline) {
		u64 deadline = watch_deadline(d);
		bool asked;

		if (deadline == TIME_NEVER)
			wait_event(&w->wake, load_acquire(&w->watching) || load_acquire(&w->asked));
		else
			(void)wait_event_until(&w->wake, load_acquire(&w->asked), deadline);
		asked = atomic_exchange(&w->asked, false);
		if (asked || watch_deadline(d) <= time_ns())
			recover(d, asked);
	}
}

int block_watch_start(struct block_device *d)
{
	d->watch = kzalloc(sizeof(*d->watch));
	if (d->watch == NULL)
		return -ENOMEM;
	wait_queue_init(&d->watch->wake);
	if (task_create(d->name, watch_task, d) != NULL)
		return 0;
	kfree(d->watch);
	return -ENOMEM;
}
