/* SPDX-License-Identifier: MIT */
/*
 * On which processor a VP runs next: by affinity, by who is idle, and by how
 * many wait. Counts of other processors' queues are hints.
 */
#include "hypervisor/sched_impl.h"
#include "x86/atomic.h"

u64 sched_idle;

struct cpu *sched_shortest_queue(const struct vp *vp)
{
	struct cpu *best = sched_is_allowed(vp, vp->cpu) ? vp->cpu : NULL;

	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		if (!sched_is_allowed(vp, cpu))
			continue;
		if (!best || load_relaxed(&cpu->run_queue.policy.count) <
				     load_relaxed(&best->run_queue.policy.count))
			best = cpu;
	}
	return best;
}

struct cpu *sched_place_for(const struct vp *vp)
{
	u64 free = load_relaxed(&sched_idle) & vp->affinity;

	if (sched_is_allowed(vp, vp->cpu) && (free >> vp->cpu->index & 1 || !free))
		return vp->cpu;
	return free ? cpus[__builtin_ctzll(free)] : sched_shortest_queue(vp);
}

void sched_offer(struct run_queue *q)
{
	u64 free = load_relaxed(&sched_idle);

	if (!free || !load_relaxed(&q->policy.count))
		return;
	spin_lock(&q->lock);
	list_for_each(n, &q->policy.ready)
	{
		const struct vp *vp =
			container_of(list_entry(n, struct sched_share, link), struct vp, share);
		u64 takers = free & vp->affinity;

		if (!takers)
			continue;
		sched_poke(cpus[__builtin_ctzll(takers)], NULL);
		free &= ~(takers & -takers);
	}
	spin_unlock(&q->lock);
}
