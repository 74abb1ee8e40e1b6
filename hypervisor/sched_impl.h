/* SPDX-License-Identifier: MIT */
/*
 * What sched.c, the run loop, and sched_place.c, where a VP goes, share with
 * each other and with run_queue.c.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/cpu.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

/* Processors that are halted, or about to be; bit per index. Any processor, atomic. */
extern u64 sched_idle;

static inline bool sched_is_allowed(const struct vp *vp, const struct cpu *cpu)
{
	return vp->affinity >> cpu->index & 1;
}

/* Processors that have nothing to do and may run it. */
static inline u64 sched_takers(const struct vp *vp)
{
	return load_relaxed(&sched_idle) & vp->affinity;
}
/* The allowed one where the fewest wait; where it ran, if none has fewer. */
struct cpu *sched_shortest_queue(const struct vp *vp);
/*
 * Here, if the root runs here and nobody waits for its end yet, for one that ran here or
 * (@settled) whose intercept the root has just settled. Else where it ran, if that
 * is idle or nowhere else is; else an idle one.
 */
struct cpu *sched_place_for(const struct vp *vp, bool settled);
/* What waits at @cpu can be run by those who have nothing to do, each by another; @root: behind its root. */
void sched_offer_now(struct cpu *cpu, u64 idle, u64 now, bool root);
static inline void sched_offer(struct cpu *cpu, const struct vp *next, u64 now)
{
	u64 idle = load_relaxed(&sched_idle);
	bool root = next == cpu->root_vp;

	if (!root || !idle)
		run_queue_keep_end(&cpu->run_queue);
	if (unlikely(idle) && load_relaxed(&cpu->run_queue.policy.count))
		sched_offer_now(cpu, idle, now, root);
}
/* Makes @cpu look whom to run, unless it runs @vp already; NULL: in any case. */
void sched_poke(struct cpu *cpu, const struct vp *vp);
