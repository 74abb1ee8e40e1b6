/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a VP, as pure queue logic: states and who is next. It
 * switches no stacks and sends no interrupts; task.c does. Every field below
 * is under the queue's lock, taken with interrupts off.
 *
 * Who was woken runs before those who gave the VP up while they could still
 * run. Entries of ring 3 are made to give it up: at once when somebody is
 * woken, and for the others in line when their slice is spent. A spent entry
 * stands in line after it slept, too, so that none can push its way in for ever.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "x86/spinlock.h"

enum run_state { RUN_READY, RUN_RUNNING, RUN_WAITING, RUN_DEAD };

struct run_entry {
	struct list_node link;
	enum run_state state;
	bool wake_pending; /* a wake-up came while it was not waiting */
	bool alert;        /* run_queue_alert() was called for it */
	/* Only the entry's own VP, while the entry runs, writes these two. */
	bool ring3; /* a process: it can be made to give way */
	bool spent; /* has had its slice; whoever takes it from the queue gives a new one */
};

struct run_queue {
	struct spinlock lock;
	bool attention; /* run_queue_claim() is wanted before ring 3 goes on; read without the lock */
	bool kick;      /* its VP is halted, or may be in ring 3: wakers interrupt it */
	struct list_node ready; /* new or woken */
	struct list_node later; /* stand in line */
};

void run_queue_init(struct run_queue *q);
void run_entry_init(struct run_entry *e);

/* Puts a new, ready entry at the end. True: the VP needs an interrupt, kick it. */
[[nodiscard]] bool run_queue_add(struct run_queue *q, struct run_entry *e);
/* Wakes @e. True: kick the VP. */
[[nodiscard]] bool run_queue_wake(struct run_queue *q, struct run_entry *e);
/*
 * Wakes @e, and from now on run_queue_claim() is called each time before it is
 * in ring 3. True: kick the VP.
 */
[[nodiscard]] bool run_queue_alert(struct run_queue *q, struct run_entry *e);
/* The running entry wants to wait. False: a wake-up came before, go on. */
[[nodiscard]] bool run_queue_wait(struct run_queue *q, struct run_entry *e);
/* The running entry goes to the end of the line. */
void run_queue_yield(struct run_queue *q, struct run_entry *e);

enum run_claim {
	RUN_CLAIM_NONE,  /* nobody else is ready */
	RUN_CLAIM_LATER, /* somebody is, when the slice is spent */
	RUN_CLAIM_NOW,   /* the entry has given way: run_queue_next() */
};
/* What others want while the running entry would go on in ring 3. Attention is paid. */
[[nodiscard]] enum run_claim run_queue_claim(struct run_queue *q, struct run_entry *e);
/* The slice timer came: asks for run_queue_claim(). On the queue's own VP. */
void run_queue_tick(struct run_queue *q);

/* Takes the next ready entry and marks it running; NULL if there is none. */
struct run_entry *run_queue_next(struct run_queue *q);
/* True: nothing is ready, and wakers will kick from now on. */
[[nodiscard]] bool run_queue_halt(struct run_queue *q);
