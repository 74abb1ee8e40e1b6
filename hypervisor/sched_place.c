/* SPDX-License-Identifier: MIT */
/*
 * On which processor a VP runs next: by affinity, by who is idle, and by how
 * many wait. Counts of other processors' queues are hints.
 */
#include "hypervisor/sched_impl.h"
#include "x86/atomic.h"

u64 sched_idle;

static u32 count(const struct cpu *cpu)
{
	return load_relaxed(&cpu->run_queue.policy.count);
}

struct cpu *sched_shortest_queue(const struct vp *vp)
{
	struct cpu *best = sched_is_allowed(vp, vp->cpu) ? vp->cpu : NULL;

	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		if (!sched_is_allowed(vp, cpu))
			continue;
		if (!best || count(cpu) < count(best))
			best = cpu;
	}
	return best;
}

/*
 * The root, which runs here, has something for it to do or has done something for
 * it, and halts soon most likely. Elsewhere it would cost an interrupt, cold
 * caches and, when it needs the root again, the way back.
 */
static bool comes_here(const struct vp *vp, const struct cpu *here, bool settled)
{
	if (!here->running || here->running != here->root_vp || !sched_is_allowed(vp, here))
		return false;
	if (!count(here))
		return vp->cpu == here || settled;
	return settled && !sched_takers(vp) && count(here) <= count(vp->cpu);
}

struct cpu *sched_place_for(const struct vp *vp, bool settled)
{
	struct cpu *here = this_cpu();
	u64 free = sched_takers(vp);

	if (comes_here(vp, here, settled))
		return here;
	if (sched_is_allowed(vp, vp->cpu) && (free >> vp->cpu->index & 1 || !free))
		return vp->cpu;
	return free ? cpus[__builtin_ctzll(free)] : sched_shortest_queue(vp);
}

void sched_offer_now(struct cpu *cpu, u64 free, u64 now, bool root)
{
	struct run_queue *q = &cpu->run_queue;
	bool keep = root && run_queue_keep(cpu, now);

	spin_lock(&q->lock);
	list_for_each(n, &q->policy.ready)
	{
		const struct vp *vp =
			container_of(list_entry(n, struct sched_share, link), struct vp, share);
		u64 may = free & vp->affinity;

		if (!may || (keep && n == q->policy.ready.next))
			continue;
		sched_poke(cpus[__builtin_ctzll(may)], NULL);
		free &= ~(may & -may);
	}
	spin_unlock(&q->lock);
}
