/* SPDX-License-Identifier: MIT */
/*
 * The children's VPs that a processor shall run: those that wait, in the order
 * of sched_policy.h, and the timer by which the processor looks again. A VP's
 * place (vp->cpu, vp->sched, vp->share) is under the lock of the run queue of
 * the processor that vp->cpu names; a VP that runs is on no queue.
 */
#pragma once

#include "base/types.h"
#include "hypervisor/sched_policy.h"
#include "hypervisor/timer.h"
#include "x86/spinlock.h"

struct cpu;
struct vp;

struct run_queue {
	struct spinlock lock;
	struct sched_policy policy;
	struct timer look; /* its processor only */
	/* By its processor; others read it as a hint. See run_queue_keep(); 0: not yet. */
	u64 kept_until;
};

/* At start-up: for how long one is kept, in ticks. */
void run_queue_setup(u64 keep);
void run_queue_init(struct run_queue *q);

/* Locks the run queue that @vp belongs to now, and gives its processor. */
struct cpu *run_queue_lock_of(struct vp *vp);

/* Locked, as all these: @vp, which is idle, waits there; @goes_on: with its turn. */
void run_queue_add(struct cpu *cpu, struct vp *vp, bool goes_on);
/* It is idle from now on, if it waited. */
void run_queue_remove(struct cpu *cpu, struct vp *vp);
/* @vp, which is idle at @from, belongs to @to from now on; in the end @from does not know it. */
void run_queue_move(struct vp *vp, struct cpu *from, struct cpu *to);

/*
 * Not locked; @cpu is the calling processor: whom it runs now, SCHED_RUNNING.
 * Of its own queue; NULL: the root, if that wants (@root), or nobody.
 */
struct vp *run_queue_next(struct cpu *cpu, u64 now, bool root);
/* One who waits elsewhere and may run here, or NULL. */
struct vp *run_queue_steal(struct cpu *cpu, u64 now);
/* Locked: somebody has come while the root runs; @idle: another processor could take him at once. */
void run_queue_came(struct cpu *cpu, bool idle);
/*
 * The first who waits for the root's end is not taken by others for a while, as
 * the root mostly halts soon; then the processor looks again. False if the
 * while is over. A new one begins when the root comes before those who ran.
 */
bool run_queue_keep(struct cpu *cpu, u64 now);
/* Whom the processor runs instead of the root is chosen. */
static inline void run_queue_keep_end(struct run_queue *q)
{
	store_relaxed(&q->kept_until, 0);
}
