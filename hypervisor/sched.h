/* SPDX-License-Identifier: MIT */
/*
 * Which VP a processor runs: by sched_policy.h its root VP or one of the
 * children's; else none, in HLT. A child's VP may run on any processor of its
 * affinity, on one at a time.
 */
#pragma once

#include "base/types.h"

struct cpu;
struct vp;

/* Bits of cpu->resched. */
#define SCHED_LOOK BIT(0) /* somebody else may be wanted */

/* vp->sched, under the lock of its processor's run queue. */
enum sched_state {
	SCHED_IDLE,   /* may not run, or waits for an interrupt */
	SCHED_QUEUED, /* or parked for its cap */
	SCHED_RUNNING,
};

/* At start-up: once when the clock is known, and for each processor. */
void sched_setup(void);
void sched_init(struct cpu *cpu);
/* A new VP's: anywhere, by its partition's weight, cap and reserve. */
void sched_vp_init(struct vp *vp);
/* The calling processor's life from start-up on. Interrupts off, on its own stack. */
_Noreturn void sched_loop(void);

/*
 * @vp may be able to run now, or has work to look at: runs it, or lets the
 * processor that runs it look. Any processor, no lock held that exits take.
 */
void sched_wake(struct vp *vp);
/*
 * The same for a child's VP whose intercept the root VP that runs here has
 * settled: it goes on here, where its next one is heard by that root VP, if
 * nobody waits longer for that.
 */
void sched_go_on(struct vp *vp);
/*
 * If @vp runs, makes it leave guest mode once. Whoever has made work visible
 * before, by a full barrier, can rely on its being looked at before the VP is
 * in the guest again. Any processor, no lock.
 */
void sched_kick(const struct vp *vp);
/*
 * Returns when no processor has the state of @vp, a child's, which must be
 * suspended: @self is the caller's VP, another one.
 */
void sched_wait_stopped(struct vp *vp, struct vp *self);
/* The same without waiting: whether that is so. */
[[nodiscard]] bool sched_is_stopped(struct vp *vp);
/* Binds @vp, a child's, to these processors; one of them at least exists. */
void sched_affinity_set(struct vp *vp, u64 affinity);
/* Its partition's weight, cap or reserve have changed; @vp is a child's. */
void sched_share_changed(struct vp *vp);
/* @vp, which runs here, gives the rest of its turn away. */
void sched_give_way(struct vp *vp);
/* If @vp, a child's, runs, its state leaves the processor once and comes again. Any processor. */
void sched_reload(struct vp *vp);
