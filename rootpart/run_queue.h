/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a VP, as pure queue logic: states and who is next. It
 * switches no stacks and sends no interrupts; task.c does. Every field below
 * is under the queue's lock, taken with interrupts off.
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
};

struct run_queue {
	struct spinlock lock;
	struct list_node ready;
	bool halted; /* its VP is idle, or is about to halt: needs an interrupt */
};

void run_queue_init(struct run_queue *q);
void run_entry_init(struct run_entry *e);

/* Puts a new, ready entry at the end. True: the VP is halted, kick it. */
[[nodiscard]] bool run_queue_add(struct run_queue *q, struct run_entry *e);
/* Wakes @e. True: the VP is halted, kick it. */
[[nodiscard]] bool run_queue_wake(struct run_queue *q, struct run_entry *e);
/* The running entry wants to wait. False: a wake-up came before, go on. */
[[nodiscard]] bool run_queue_wait(struct run_queue *q, struct run_entry *e);
/* The running entry goes to the end of the queue. */
void run_queue_yield(struct run_queue *q, struct run_entry *e);
/* Takes the next ready entry and marks it running; NULL if there is none. */
struct run_entry *run_queue_next(struct run_queue *q);
/* True: nothing is ready, and wakers will kick from now on. */
[[nodiscard]] bool run_queue_halt(struct run_queue *q);
/* The VP runs again: wakers need not kick. */
void run_queue_resume(struct run_queue *q);
