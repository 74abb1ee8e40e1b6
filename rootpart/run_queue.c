/* SPDX-License-Identifier: MIT */
/*
 * States of a VP's tasks and the order in which they run: first come, first
 * served. An entry is taken off only by its own VP, and made ready by any.
 */
#include "rootpart/run_queue.h"

#include "rootpart/lock.h"

void run_queue_init(struct run_queue *q)
{
	*q = (struct run_queue){ .halted = false };
	list_init(&q->ready);
}

void run_entry_init(struct run_entry *e)
{
	list_init(&e->link);
	e->state = RUN_READY;
	e->wake_pending = false;
}

/* Whoever is told to kick is the only one: the VP is as good as awake. */
static bool make_ready(struct run_queue *q, struct run_entry *e)
{
	bool kick = q->halted;

	e->state = RUN_READY;
	list_push_back(&q->ready, &e->link);
	q->halted = false;
	return kick;
}

bool run_queue_add(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);
	bool kick = make_ready(q, e);

	unlock_irq(&q->lock, flags);
	return kick;
}

bool run_queue_wake(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);
	bool kick = false;

	if (e->state == RUN_WAITING)
		kick = make_ready(q, e);
	else
		e->wake_pending = true;
	unlock_irq(&q->lock, flags);
	return kick;
}

bool run_queue_wait(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);
	bool wait = !e->wake_pending;

	e->wake_pending = false;
	if (wait)
		e->state = RUN_WAITING;
	unlock_irq(&q->lock, flags);
	return wait;
}

void run_queue_yield(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);

	(void)make_ready(q, e);
	unlock_irq(&q->lock, flags);
}

struct run_entry *run_queue_next(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	struct list_node *n = list_pop_front(&q->ready);
	struct run_entry *e = NULL;

	if (n != NULL) {
		e = list_entry(n, struct run_entry, link);
		e->state = RUN_RUNNING;
	}
	unlock_irq(&q->lock, flags);
	return e;
}

bool run_queue_halt(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	q->halted = list_empty(&q->ready);
	unlock_irq(&q->lock, flags);
	return load_relaxed(&q->halted);
}

void run_queue_resume(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	q->halted = false;
	unlock_irq(&q->lock, flags);
}
