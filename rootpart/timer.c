/* SPDX-License-Identifier: MIT */
/*
 * Ties a VP's timer queue to its local APIC's one-shot timer. The hardware is
 * moved only to an earlier deadline; stopping a timer leaves it, and the
 * interrupt that then comes for nothing sets it anew. On the VP concerned.
 */
#include "rootpart/timer.h"

#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/lock.h"
#include "rootpart/time.h"

static void program(struct timer_queue *q, u64 deadline)
{
	q->programmed = deadline;
	apic_timer_set(time_deadline_tsc(deadline));
}

void timer_start(struct timer *t, u64 deadline_ns)
{
	u64 flags = irq_save();
	struct timer_queue *q = &this_cpu()->timers;

	timer_queue_insert(q, t, deadline_ns);
	if (deadline_ns < q->programmed)
		program(q, deadline_ns);
	irq_restore(flags);
}

void timer_stop(struct timer *t)
{
	u64 flags = irq_save();

	if (t->armed)
		timer_queue_remove(t);
	irq_restore(flags);
}

void timer_interrupt(void)
{
	struct timer_queue *q = &this_cpu()->timers;
	u64 next;

	/* Nothing is earlier than 0: timers started meanwhile do not program. */
	q->programmed = 0;
	next = timer_queue_expire(q, time_ns());
	q->programmed = TIME_NEVER;
	if (next != TIME_NEVER)
		program(q, next);
}
