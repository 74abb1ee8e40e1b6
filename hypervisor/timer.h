/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers of a processor, kept in a list sorted by deadline; the
 * physical local APIC timer stands at the earliest. Calls are for the
 * processor that they run on, with interrupts off, but for one that takes a
 * timer away from another.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "x86/spinlock.h"

struct timer {
	struct list_node link;
	u64 deadline;                  /* TSC */
	void (*fire)(struct timer *t); /* interrupts off; may set timers */
	bool armed;
	struct timer_queue *queue; /* where it was set last */
};

/* Lock: the lists and links, and the changes of firing. */
struct timer_queue {
	struct spinlock lock;
	struct list_node head;
	struct list_node due; /* taken out by timer_interrupt(), not fired yet */
	struct timer *firing; /* the one whose callback runs */
	u64 programmed;       /* TSC deadline that the hardware has, ~0 if none */
};

void timer_queue_init(struct timer_queue *q);
void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Sets, or moves, @t on this processor. A past deadline fires at once, by interrupt. */
void timer_set(struct timer *t, u64 deadline);
/* Harmless if it is not armed. On the processor that set it. */
void timer_cancel(struct timer *t);
/*
 * The same on any processor: on return it is not armed, and fires nowhere. True
 * if it would have fired, at t->deadline. No lock held.
 */
bool timer_cancel_anywhere(struct timer *t);
/* Body of the timer interrupt: fires all that is due, programs the next. */
void timer_interrupt(void);
