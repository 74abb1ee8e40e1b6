/* SPDX-License-Identifier: MIT */
/*
 * A flag and a wait queue. A lock that is let go may be taken by a newcomer
 * before the task that was woken for it: that one waits again.
 */
#include "rootpart/mutex.h"

#include "base/assert.h"
#include "x86/atomic.h"

void mutex_init(struct mutex *m)
{
	wait_queue_init(&m->waiters);
	m->held = false;
}

/* Pairs with the release in mutex_unlock(). */
static bool take(struct mutex *m)
{
	return !atomic_exchange(&m->held, true);
}

void mutex_lock(struct mutex *m)
{
	if (!take(m))
		wait_event(&m->waiters, take(m));
}

void mutex_unlock(struct mutex *m)
{
	assert(load_relaxed(&m->held));
	/* Before the queue is looked at: who puts itself there later sees it. */
	store_release(&m->held, false);
	wait_wake_one(&m->waiters);
}
