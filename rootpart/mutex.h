/* SPDX-License-Identifier: MIT */
/*
 * Locks that tasks sleep on: held across waits, file operations included.
 * Tasks only, any VP. Free ones are taken without sleeping, so also at boot,
 * before there are tasks. Not recursive.
 */
#pragma once

#include "base/types.h"
#include "rootpart/waitq.h"

struct mutex {
	struct wait_queue waiters;
	bool held;
};

#define MUTEX_INIT(name)                                 \
	{                                                \
		.waiters = WAIT_QUEUE_INIT(name.waiters) \
	}

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
/* By whoever locked it. */
void mutex_unlock(struct mutex *m);
