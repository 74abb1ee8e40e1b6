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

	list_remove(&t->link);
	pos = q->head.next;
	while (pos != &q->head && timer_of(pos)->deadline <= deadline)
		pos = pos->next;
	t->deadline = deadline;
	t->armed = true;
	list_insert_before(pos, &t->link);
	program(q);
}

void timer_cancel(struct timer *t)
{
	list_remove(&t->link);
	t->armed = false;
}

/*
 * What is due leaves the queue first: a timer that sets itself again, even to
 * the past, waits for the next interrupt and holds nobody up. A firing timer
 * may cancel or move one that is due with it.
 */
static void take_due(struct timer_queue *q, struct list_node *due)
{
	u64 now = rdtsc();

	while (!list_empty(&q->head) && timer_of(q->head.next)->deadline <= now) {
		struct list_node *n = list_pop_front(&q->head);

		list_push_back(due, n);
	}
}

void timer_interrupt(void)
{
	struct timer_queue *q = &this_cpu()->timers;
	struct list_node due, *n;

	list_init(&due);
	take_due(q, &due);
	/*
	 * The deadline that is over keeps timer_set() in the callbacks from
	 * programming each later one: once is enough.
	 */
	while ((n = list_pop_front(&due))) {
		struct timer *t = timer_of(n);

		t->armed = false;
		t->fire(t);
	}
	q->programmed = NEVER;
	program(q);
}
