/* SPDX-License-Identifier: MIT */
/*
 * A device's queue: requests that wait in the order in which they came, and the
 * pieces that are under way, oldest first. Shared by the files of the block layer.
 * Submission works on the queue of its VP, completions run on the queue's.
 *
 * Locks: a queue's is taken with interrupts off, inside it the driver's, the agents',
 * wait queues and the page allocator's.
 */
#pragma once

#include "rootpart/block/block.h"
#include "rootpart/block/block_cut.h"
#include "rootpart/waitq.h"

#define BLOCK_BOUNCE_COUNT 4u

enum block_state {
	BLOCK_RUNS,
	BLOCK_STOPPED, /* recover() works: requests wait */
	BLOCK_OFFLINE, /* for ever: requests fail */
};

/* One for each tag. */
struct block_slot {
	struct block_piece piece; /* request NULL: none, or one that nobody waits for */
	struct list_node link;    /* the queue's free, or busy */
	struct block_cursor at;   /* where its data begins in the request's list */
	u64 started;              /* time_ns() */
	void *bounce;             /* NULL: none */
	bool busy;                /* the device may touch its memory */
};

/* The queue's lock, but where it says. */
struct block_queue {
	struct spinlock lock;
	struct block_device *device; /* the disk; constant, as what follows up to slots */
	u32 index;
	u32 vp; /* where done() is called */
	struct block_slot *slots;
	struct block_segment *segments; /* of the piece that is being made */

	enum block_state state;
	u32 plug;
	bool unkicked;
	struct list_node waiting; /* requests; the first may be in part under way */
	struct list_node ended;   /* requests: done() is to be called */
	struct list_node free;
	struct list_node busy;
	u32 bounce_count;
	void *bounce[BLOCK_BOUNCE_COUNT]; /* that are free */
	u64 good;                         /* pieces that ended well */
	struct block_stats stats;

	struct work work;              /* the queue's VP */
	struct list_node agent;        /* block_agent.c's lock */
	struct wait_queue synchronous; /* tasks; own lock */
};

/*
 * Whether the sectors of @r, not a flush, are among @sectors of that size, and its data's
 * segments make them up: 0 or -EINVAL.
 */
[[nodiscard]] int block_request_check(const struct block_request *r, u32 sector_size, u64 sectors);

/* Fills a queue of @d. -ENOMEM: nothing is left behind. */
[[nodiscard]] int block_queue_init(struct block_queue *q, struct block_device *d, u32 index);
void block_queue_free(struct block_queue *q);

/* Starts what can be started, and tells the device. Lock held. */
void block_queue_run(struct block_queue *q);
/* @r ends as its error says: on the list, and soon done(). Lock held. */
void block_queue_end(struct block_queue *q, struct block_request *r);
/* Calls done() of what has ended, and starts what waits. On the queue's VP, in tasks or work. */
void block_queue_attend(struct block_queue *q);

/* Has block_queue_attend(q) called on its VP, from any. Queue's lock held or not. */
void block_agent_ask(struct block_queue *q);
/* Makes the agent of VP @vp, if there is none. Tasks, one at a time. -ENOMEM. */
[[nodiscard]] int block_agent_start(u32 vp);
