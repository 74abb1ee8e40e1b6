/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers of a processor: a list sorted by deadline above the local
 * APIC timer. The hardware stands at or before the first deadline: a timer
 * that moves to a later time leaves it alone and costs at most one interrupt
 * that finds nothing due, so that a guest that only ever pushes its deadline
 * on costs no register write. Called on the processor that the timers belong
 * to, with interrupts off.
 */
#include "hypervisor/timer.h"

#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "x86/cpu.h"

#define NEVER (~0ull)

static struct timer *timer_of(struct list_node *n)
{
	return list_entry(n, struct timer, link);
}

/* The lock is held. */
static void program(struct timer_queue *q)
{
	u64 next = list_empty(&q->head) ? NEVER : timer_of(q->head.next)->deadline;

	if (next < q->programmed) {
		q->programmed = next;
		apic_timer_set(next);
	}
}

void timer_queue_init(struct timer_queue *q)
{
	list_init(&q->head);
	list_init(&q->due);
	q->programmed = NEVER;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	list_init(&t->link);
	t->deadline = NEVER;
	t->fire = fire;
	t->armed = false;
}

void timer_set(struct timer *t, u64 deadline)
{
	struct timer_queue *q = &this_cpu()->timers;
	struct list_node *pos;

	spin_lock(&q->lock);
	list_remove(&t->link);
	pos = q->head.next;
	while (pos != &q->head && timer_of(pos)->deadline <= deadline)
		pos = pos->next;
	t->deadline = deadline;
	t->armed = true;
	t->queue = q;
	list_insert_before(pos, &t->link);
	program(q);
	spin_unlock(&q->lock);
}

/* True if its callback runs just now, and may set it again; *armed is only ever set. */
static bool take_out(struct timer_queue *q, struct timer *t, bool *armed)
{
	bool firing;

	spin_lock(&q->lock);
	list_remove(&t->link);
	*armed |= t->armed;
	t->armed = false;
	firing = q->firing == t;
	spin_unlock(&q->lock);
	return firing;
}

void timer_cancel(struct timer *t)
{
	bool armed = t->armed;

	if (armed)
		(void)take_out(t->queue, t, &armed);
}

/*
 * Taken out while it did not fire, it does so no more. That is seen under the
 * lock: between two looks it could have set itself, and fire again.
 */
bool timer_cancel_anywhere(struct timer *t)
{
	struct timer_queue *q = t->queue;
	bool armed = false;

	while (q && take_out(q, t, &armed))
		cpu_pause();
	return armed;
}

/*
 * What is due leaves the queue first: a timer that sets itself again, even to
 * the past, waits for the next interrupt and holds nobody up. A firing timer
 * may cancel or move one that is due with it.
 */
static void take_due(struct timer_queue *q)
{
	u64 now = rdtsc();

	spin_lock(&q->lock);
	while (!list_empty(&q->head) && timer_of(q->head.next)->deadline <= now)
		list_push_back(&q->due, list_pop_front(&q->head));
	spin_unlock(&q->lock);
}

static struct timer *next_due(struct timer_queue *q)
{
	struct list_node *n;
	struct timer *t = NULL;

	spin_lock(&q->lock);
	n = list_pop_front(&q->due);
	if (n) {
		t = timer_of(n);
		t->armed = false;
	}
	q->firing = t;
	spin_unlock(&q->lock);
	return t;
}

void timer_interrupt(void)
{
	struct timer_queue *q = &this_cpu()->timers;
	struct timer *t;

	take_due(q);
	/*
	 * The deadline that is over keeps timer_set() in the callbacks from
	 * programming each later one: once is enough.
	 */
	while ((t = next_due(q)))
		t->fire(t);
	spin_lock(&q->lock);
	q->programmed = NEVER;
	program(q);
	spin_unlock(&q->lock);
}
