/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers of a processor, kept in a list sorted by deadline; the
 * physical local APIC timer stands at the earliest. All calls are for the
 * processor that they run on, with interrupts off.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"

struct timer {
	struct list_node link;
	u64 deadline;                  /* TSC */
	void (*fire)(struct timer *t); /* interrupts off; may set timers */
	bool armed;
};

struct timer_queue {
	struct list_node head;
	u64 programmed; /* TSC deadline that the hardware has, ~0 if none */
};

void timer_queue_init(struct timer_queue *q);
void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Sets, or moves, @t on this processor. A past deadline fires at once, by interrupt. */
void timer_set(struct timer *t, u64 deadline);
/* Harmless if it is not armed. */
void timer_cancel(struct timer *t);
/* Body of the timer interrupt: fires all that is due, programs the next. */
void timer_interrupt(void);
