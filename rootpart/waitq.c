/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: a list of waiting tasks under a lock that handlers share.
 * Waking takes a waiter off the list; it puts itself back before it looks at
 * its condition again, so that a wake-up is never lost and never doubled.
 */
#include "rootpart/waitq.h"

#include "rootpart/lock.h"
#include "rootpart/task.h"

void wait_queue_init(struct wait_queue *q)
{
	*q = (struct wait_queue){ .lock = { 0 } };
	list_init(&q->waiters);
}

void wait_wake_one(struct wait_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	struct list_node *n = list_pop_front(&q->waiters);

	/* Under the lock: the waiter's task cannot leave wait_end() before. */
	if (n != NULL)
		task_wake(list_entry(n, struct waiter, link)->task);
	unlock_irq(&q->lock, flags);
}

void wait_wake_all(struct wait_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	struct list_node *n;

	while ((n = list_pop_front(&q->waiters)) != NULL)
		task_wake(list_entry(n, struct waiter, link)->task);
	unlock_irq(&q->lock, flags);
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	u64 flags = lock_irq(&q->lock);

	w->task = task_current();
	list_push_back(&q->waiters, &w->link);
	unlock_irq(&q->lock, flags);
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	int r = task_wait(deadline_ns);
	u64 flags = lock_irq(&q->lock);

	if (list_empty(&w->link))
		list_push_back(&q->waiters, &w->link);
	unlock_irq(&q->lock, flags);
	return r;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	u64 flags = lock_irq(&q->lock);

	list_remove(&w->link);
	unlock_irq(&q->lock, flags);
}
