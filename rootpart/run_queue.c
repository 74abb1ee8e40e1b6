/* SPDX-License-Identifier: MIT */
/*
 * States of a VP's tasks and the order in which they run: who was woken, first
 * come, first served; then those in line. An entry is taken off only by its own
 * VP, and made ready by any.
 */
#include "rootpart/run_queue.h"

#include "rootpart/lock.h"

void run_queue_init(struct run_queue *q)
{
	*q = (struct run_queue){ .kick = false };
	list_init(&q->ready);
	list_init(&q->later);
}

void run_entry_init(struct run_entry *e)
{
	*e = (struct run_entry){ .state = RUN_READY };
	list_init(&e->link);
}

static bool nobody_ready(const struct run_queue *q)
{
	return list_empty(&q->ready) && list_empty(&q->later);
}

/* Whoever is told to kick is the only one: the VP is as good as awake. */
static bool take_kick(struct run_queue *q)
{
	bool kick = q->kick;

	q->kick = false;
	return kick;
}

static bool make_ready(struct run_queue *q, struct run_entry *e)
{
	e->state = RUN_READY;
	list_push_back(e->spent ? &q->later : &q->ready, &e->link);
	q->attention = true;
	return take_kick(q);
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

bool run_queue_alert(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);
	bool kick = false;

	e->alert = true;
	if (e->state == RUN_WAITING)
		kick = make_ready(q, e);
	else
		e->wake_pending = true;
	if (e->state == RUN_RUNNING) {
		q->attention = true;
		kick = take_kick(q);
	}
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

	e->state = RUN_READY;
	list_push_back(&q->later, &e->link);
	unlock_irq(&q->lock, flags);
}

/* Who gave way before its slice was spent goes on with it, before the others in line. */
static void give_way(struct run_queue *q, struct run_entry *e)
{
	e->state = RUN_READY;
	if (e->spent)
		list_push_back(&q->later, &e->link);
	else
		list_push_front(&q->later, &e->link);
}

enum run_claim run_queue_claim(struct run_queue *q, struct run_entry *e)
{
	u64 flags = lock_irq(&q->lock);
	enum run_claim claim = nobody_ready(q) ? RUN_CLAIM_NONE : RUN_CLAIM_LATER;

	if (!list_empty(&q->ready) || (e->spent && claim == RUN_CLAIM_LATER)) {
		claim = RUN_CLAIM_NOW;
		give_way(q, e);
	}
	q->attention = false;
	q->kick = true;
	unlock_irq(&q->lock, flags);
	return claim;
}

void run_queue_tick(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	q->attention = true;
	unlock_irq(&q->lock, flags);
}

struct run_entry *run_queue_next(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	struct list_node *n = list_pop_front(list_empty(&q->ready) ? &q->later : &q->ready);
	struct run_entry *e = NULL;

	q->kick = false;
	if (n != NULL) {
		e = list_entry(n, struct run_entry, link);
		e->state = RUN_RUNNING;
		q->kick = e->ring3;
		q->attention = e->alert || !nobody_ready(q);
	}
	unlock_irq(&q->lock, flags);
	return e;
}

bool run_queue_halt(struct run_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	bool halt = nobody_ready(q);

	q->kick = halt;
	unlock_irq(&q->lock, flags);
	return halt;
}
