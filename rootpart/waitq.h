/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: tasks that wait for a condition which others make true. The
 * condition is looked at after the task is on the queue, so no wake-up is
 * lost; waking looks at nothing. Any VP; waking also in interrupt handlers.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "rootpart/time.h"
#include "x86/spinlock.h"

struct task;

struct wait_queue {
	struct spinlock lock;
	struct list_node waiters;
};

#define WAIT_QUEUE_INIT(name)                      \
	{                                          \
		.waiters = LIST_INIT(name.waiters) \
	}

/* One waiting task; lives on its stack. */
struct waiter {
	struct list_node link; /* the queue's lock */
	struct task *task;
};

void wait_queue_init(struct wait_queue *q);
/* Wakes every waiter, or the one that waits longest. */
void wait_wake_all(struct wait_queue *q);
void wait_wake_one(struct wait_queue *q);

/* Waits until @cond is true. @cond is evaluated several times. */
#define wait_event(q, cond) ((void)wait_event_until(q, cond, TIME_NEVER))

/*
 * Waits until @cond is true or time_ns() >= @deadline_ns. Gives 0 if @cond is
 * true, else -ETIMEDOUT.
 */
#define wait_event_until(q, cond, deadline_ns)                         \
	({                                                             \
		struct waiter waiter_;                                 \
		const u64 deadline_ = (deadline_ns);                   \
		int result_ = 0;                                       \
                                                                       \
		wait_begin((q), &waiter_);                             \
		for (;;) {                                             \
			if (cond) {                                    \
				result_ = 0;                           \
				break;                                 \
			}                                              \
			if (result_ != 0)                              \
				break;                                 \
			result_ = wait_step((q), &waiter_, deadline_); \
		}                                                      \
		wait_end((q), &waiter_);                               \
		result_;                                               \
	})

/* @ns from now instead of a point in time. */
#define wait_event_timeout(q, cond, ns) wait_event_until(q, cond, time_ns() + (ns))

/* The pieces of the macro. */
void wait_begin(struct wait_queue *q, struct waiter *w);
int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns);
void wait_end(struct wait_queue *q, struct waiter *w);
