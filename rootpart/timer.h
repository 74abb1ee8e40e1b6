/* SPDX-License-Identifier: MIT */
/*
 * Software timers of a VP: a list sorted by deadline, the local APIC's
 * one-shot timer standing at the earliest. There is no periodic tick. A timer
 * belongs to the VP that started it; only that VP may stop or move it.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"

struct timer {
	struct list_node link;
	u64 deadline;                  /* time_ns() */
	void (*fire)(struct timer *t); /* interrupts off, may start timers; marks and wakes only */
	bool armed;
};

struct timer_queue {
	struct list_node head;
	u64 programmed; /* deadline that the hardware stands at, TIME_NEVER if none */
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Starts, or moves, @t on this VP. A deadline that has passed fires at once. */
void timer_start(struct timer *t, u64 deadline_ns);
/* Harmless if it is not running. On the VP that started it. */
void timer_stop(struct timer *t);

/*
 * The queue by itself, without hardware; caller has interrupts off.
 * timer_queue_expire() calls what is due at @now, and returns the next
 * deadline or TIME_NEVER.
 */
void timer_queue_init(struct timer_queue *q);
void timer_queue_insert(struct timer_queue *q, struct timer *t, u64 deadline);
void timer_queue_remove(struct timer *t);
u64 timer_queue_next(const struct timer_queue *q);
u64 timer_queue_expire(struct timer_queue *q, u64 now);

/* Body of the timer interrupt of this VP. */
void timer_interrupt(void);
