/* SPDX-License-Identifier: MIT */
/*
 * A device's watch: a task that sleeps until its oldest piece has been under way
 * for too long, and recovers it then. While nothing is under way it has no timer.
 */
#pragma once

#include "rootpart/block/block_queue.h"

/* Times that a device is silent, with nothing good between, until it is given up. */
#define BLOCK_SILENCE_MAX 3u

struct block_watch {
	struct wait_queue wake;
	bool watching; /* store with the queue's lock held, or by the task */
	bool asked;    /* block_ask_recover(), atomic */
	bool stray;    /* has been told of, atomic */
	/* The task's. */
	u32 silences;
	u64 good; /* pieces that had ended well at the last one */
	u64 resets;
};

/* Makes the watch of @d, and its task. -ENOMEM. */
[[nodiscard]] int block_watch_start(struct block_device *d);
/* A piece was started; a queue's lock is held. */
void block_watch_started(struct block_device *d);
