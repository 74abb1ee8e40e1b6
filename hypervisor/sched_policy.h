/* SPDX-License-Identifier: MIT */
/*
 * Who is next on a processor, and for how long: accounts of time that others
 * pass in, in TSC ticks. It knows VPs as shares and the root as somebody who
 * wants to run or not; queues, processors and locks are its callers' matter.
 *
 * - Weight. A share's virtual time goes on while it has its turn, the slower
 *   the greater its weight; the least is next. Who comes starts no earlier
 *   than the one that was taken last: sleep earns nothing.
 * - Cap. A budget, filled up at each period's end; who has overdrawn it waits
 *   apart until it is filled again.
 * - Reserve. What a share is owed of each period. Others go first, the root
 *   too, as long as there is time to pay all before the period ends; what was
 *   missed is paid in the next one. A tenth of each period is the root's.
 * - The root. First while it has credit, which it spends by running while
 *   others wait, and gets back twice as fast while they run: but not by a
 *   reserve that is paid before others.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "x86/atomic.h"

#define SCHED_NEVER (~0ull)

/* A VP's; under the lock of the queue that it belongs to. */
struct sched_share {
	struct list_node link;
	bool parked;    /* it waits for its budget to be filled */
	u32 weight;     /* HV_CPU_WEIGHT_DEFAULT is usual */
	u64 cap;        /* ticks in a period; 0: no limit */
	u64 reserve;    /* likewise, at most the cap; 0: none */
	u64 start;      /* virtual time at which its turn begins or began */
	u64 had;        /* ticks of that turn */
	u64 rest;       /* ticks that are not in start yet, fewer than its weight */
	s64 budget;     /* of the cap; 0 and less: it may not run. 1: no limit */
	u64 owed;       /* of the reserve */
	u64 period_end; /* when both are filled; SCHED_NEVER: it has neither */
};

/* A processor's. */
struct sched_policy {
	/* Of its queue, under its lock; counts are read by others as hints. */
	struct list_node ready;  /* shares by virtual time */
	struct list_node parked; /* shares without budget */
	u32 count;               /* of ready */
	u32 parked_count;
	u32 reserves; /* ready ones that have a reserve */

	/* Its processor only; the clock is read by others as a hint. */
	u64 until;       /* when to ask sched_policy_next() again, if nothing happens before */
	u64 clock;       /* virtual time at which the last turn began */
	u64 parked_end;  /* when one that is parked may run again */
	u64 began;       /* when the stay of what runs began, */
	u64 waited;      /* and when others began to wait for its end; SCHED_NEVER: none does */
	s64 root_credit; /* ticks */
	bool alone;      /* the root runs alone, or nobody */
	bool refills;    /* the share that runs gives it back to the root */
	bool yields;     /* what runs gives the rest of its turn away */
};

/* Lengths of turns and periods, at start-up: ticks of a millisecond. */
void sched_policy_setup(u64 ms);
void sched_policy_init(struct sched_policy *p);

/* One that is in no queue. @cap and @reserve: in parts of HV_CPU_ALL. */
void sched_share_init(struct sched_share *s);
void sched_share_set(struct sched_share *s, u64 weight, u64 cap, u64 reserve, u64 now);
/* Takes its place in the order from one processor to another. */
void sched_share_move(
	struct sched_share *s, const struct sched_policy *from, const struct sched_policy *to);
/* Its budget is used up; of one that is not queued, or under the lock of its queue. */
bool sched_share_is_broke(struct sched_share *s, u64 now);

/* @goes_on: to go on with its turn before others of the same virtual time. */
void sched_policy_add(struct sched_policy *p, struct sched_share *s, bool goes_on);
void sched_policy_remove(struct sched_policy *p, struct sched_share *s);

/* Nobody waits; not locked. */
static inline bool sched_policy_is_empty(const struct sched_policy *p)
{
	return !(load_relaxed(&p->count) | load_relaxed(&p->parked_count));
}

/*
 * Whom to run from @now on, taken out of the queue; NULL: the root if it wants
 * (@root), or nobody. This and the next three set p->until.
 */
struct sched_share *sched_policy_next(struct sched_policy *p, u64 now, bool root);
/* The same where nobody waits, without a look at the queue. */
static inline void sched_policy_alone(struct sched_policy *p)
{
	p->until = SCHED_NEVER;
	p->waited = SCHED_NEVER;
	p->alone = true;
}
/* @s, of another queue and moved here, runs from @now on. */
void sched_policy_begin(struct sched_policy *p, const struct sched_share *s, u64 now);
/* Somebody was added while the root runs. */
void sched_policy_came(struct sched_policy *p, u64 now);

/* The stay of the root has ended. */
static inline void sched_policy_root_ran(struct sched_policy *p, u64 now)
{
	if (now > p->waited)
		p->root_credit -= (s64)(now - p->waited);
	if (unlikely(p->yields)) {
		p->root_credit = MIN(p->root_credit, 0);
		p->yields = false;
	}
}
/* That of @s: true if it has had its turn. @gave_up: what is left of it is void. */
bool sched_policy_ran(struct sched_policy *p, struct sched_share *s, u64 now, bool gave_up);
