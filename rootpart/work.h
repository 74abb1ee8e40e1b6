/* SPDX-License-Identifier: MIT */
/*
 * What an interrupt handler leaves to be done: functions that run soon, one
 * after the other, in a task of the VP where they were asked for, interrupts on.
 * They must not wait. Completions of devices come this way.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"

struct work {
	struct list_node link; /* the VP's queue, interrupts off */
	void (*run)(struct work *w);
	bool asked; /* of work_ask_on() atomic */
};

void work_init(struct work *w, void (*run)(struct work *w));
/*
 * Has it run on the calling VP, once however often this is called before it
 * begins; asked for while it runs, it runs again. Any context of the one VP that
 * asks for @w.
 */
void work_ask(struct work *w);
/* The same on VP @vp, for @w of that VP that is only asked for by this call. Any context of any VP. */
void work_ask_on(struct work *w, u32 vp);
/* Returns when @w does not run and is not asked for; nobody asks any more. Tasks of its VP. */
void work_cancel(struct work *w);

/* The same from any VP, for @w of any; waits, so not in work. */
void work_drain(const struct work *w);

/* Makes each VP's task. Boot, once all VPs are up, before the first work_ask(). */
void work_start(void);
