/* SPDX-License-Identifier: MIT */
/*
 * Queues of VPs, by the policy's order. The timer is set for when the policy
 * wants to be asked again; one that is early costs a look, so that the root's,
 * whose end moves on all the time, is left alone until it fires.
 */
#include "hypervisor/run_queue.h"

#include "hypervisor/cpu.h"
#include "hypervisor/sched_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

static u64 keep; /* ticks */

void run_queue_setup(u64 ticks)
{
	keep = ticks;
}

static struct vp *vp_of(struct sched_share *s)
{
	return container_of(s, struct vp, share);
}

/* In the timer's interrupt, on the processor itself. */
static void look(struct timer *t)
{
	(void)t;
	atomic_fetch_or(&this_cpu()->resched, (u32)SCHED_LOOK);
}

void run_queue_init(struct run_queue *q)
{
	sched_policy_init(&q->policy);
	timer_init(&q->look, look);
}

struct cpu *run_queue_lock_of(struct vp *vp)
{
	for (;;) {
		struct cpu *cpu = load_acquire(&vp->cpu);

		spin_lock(&cpu->run_queue.lock);
		if (cpu == vp->cpu)
			return cpu;
		spin_unlock(&cpu->run_queue.lock);
	}
}

void run_queue_add(struct cpu *cpu, struct vp *vp, bool goes_on)
{
	vp->sched = SCHED_QUEUED;
	sched_policy_add(&cpu->run_queue.policy, &vp->share, goes_on);
}

void run_queue_remove(struct cpu *cpu, struct vp *vp)
{
	if (vp->sched != SCHED_QUEUED)
		return;
	sched_policy_remove(&cpu->run_queue.policy, &vp->share);
	vp->sched = SCHED_IDLE;
}

void run_queue_move(struct vp *vp, struct cpu *from, struct cpu *to)
{
	sched_share_move(&vp->share, &from->run_queue.policy, &to->run_queue.policy);
	/* Whoever wants it looks for it there from now on. */
	store_release(&vp->cpu, to);
}

static void look_at(struct run_queue *q, bool root)
{
	u64 until = q->policy.until;

	if (likely(until == SCHED_NEVER))
		return;
	if (q->look.armed && (root ? q->look.deadline <= until : q->look.deadline == until))
		return;
	timer_set(&q->look, until);
}

struct vp *run_queue_next(struct cpu *cpu, u64 now, bool root)
{
	struct run_queue *q = &cpu->run_queue;
	struct sched_share *s;
	struct vp *vp = NULL;

	spin_lock(&q->lock);
	s = sched_policy_next(&q->policy, now, root);
	if (s) {
		vp = vp_of(s);
		vp->sched = SCHED_RUNNING;
	}
	spin_unlock(&q->lock);
	look_at(q, !vp);
	return vp;
}

/* It is the next one where it waits, behind a root that halts soon. */
static bool is_kept(const struct run_queue *q, const struct list_node *n, u64 now)
{
	return n == q->policy.ready.next && now < load_relaxed(&q->kept_until);
}

/* The first of @q that may run on @cpu, taken out, or NULL. */
static struct vp *take(struct run_queue *q, struct cpu *cpu, u64 now)
{
	struct vp *vp = NULL;

	if (!load_relaxed(&q->policy.count))
		return NULL;
	spin_lock(&q->lock);
	list_for_each(n, &q->policy.ready)
	{
		struct sched_share *s = list_entry(n, struct sched_share, link);

		if (is_kept(q, n, now) || !sched_is_allowed(vp_of(s), cpu) ||
			sched_share_is_broke(s, now))
			continue;
		vp = vp_of(s);
		break;
	}
	if (vp) {
		sched_policy_remove(&q->policy, &vp->share);
		vp->sched = SCHED_RUNNING;
		run_queue_move(vp, container_of(q, struct cpu, run_queue), cpu);
	}
	spin_unlock(&q->lock);
	return vp;
}

struct vp *run_queue_steal(struct cpu *cpu, u64 now)
{
	struct vp *vp = NULL;

	for (u32 i = 1; !vp && i < cpu_count; i++)
		vp = take(&cpus[(cpu->index + i) % cpu_count]->run_queue, cpu, now);
	if (!vp)
		return NULL;
	sched_policy_begin(&cpu->run_queue.policy, &vp->share, now);
	look_at(&cpu->run_queue, false);
	return vp;
}

void run_queue_came(struct cpu *cpu, bool idle)
{
	struct run_queue *q = &cpu->run_queue;
	u64 now = rdtsc();

	sched_policy_came(&q->policy, now);
	/* The only one: whoever was kept before has gone meanwhile. */
	if (q->policy.count == 1)
		store_relaxed(&q->kept_until, 0);
	if (!idle || !run_queue_keep(cpu, now))
		look_at(q, true);
}

bool run_queue_keep(struct cpu *cpu, u64 now)
{
	struct run_queue *q = &cpu->run_queue;

	if (!q->kept_until)
		store_relaxed(&q->kept_until, now + keep);
	if (now >= q->kept_until)
		return false;
	q->policy.until = MIN(q->policy.until, q->kept_until);
	look_at(q, true);
	return true;
}
