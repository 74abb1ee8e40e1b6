/* SPDX-License-Identifier: MIT */
/*
 * Sorted list of timers, without hardware. New deadlines are mostly late ones,
 * so the place is looked for from the end. Called by timer.c on the VP that
 * owns the queue, interrupts off.
 */
#include "rootpart/time.h"
#include "rootpart/timer.h"

static struct timer *timer_of(struct list_node *n)
{
	return list_entry(n, struct timer, link);
}

void timer_queue_init(struct timer_queue *q)
{
	list_init(&q->head);
	q->programmed = TIME_NEVER;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	list_init(&t->link);
	t->fire = fire;
	t->armed = false;
}

void timer_queue_insert(struct timer_queue *q, struct timer *t, u64 deadline)
{
	struct list_node *pos = q->head.prev;

	if (t->armed) {
		if (pos == &t->link)
			pos = pos->prev;
		list_remove(&t->link);
	}
	while (pos != &q->head && timer_of(pos)->deadline > deadline)
		pos = pos->prev;
	t->deadline = deadline;
	t->armed = true;
	list_insert_before(pos->next, &t->link);
}

void timer_queue_remove(struct timer *t)
{
	list_remove(&t->link);
	t->armed = false;
}

u64 timer_queue_next(const struct timer_queue *q)
{
	return list_empty(&q->head) ? TIME_NEVER : timer_of(q->head.next)->deadline;
}

u64 timer_queue_expire(struct timer_queue *q, u64 now)
{
	while (timer_queue_next(q) <= now) {
		struct timer *t = timer_of(q->head.next);

		timer_queue_remove(t);
		t->fire(t);
	}
	return timer_queue_next(q);
}
