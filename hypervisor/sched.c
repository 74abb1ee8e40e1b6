/* SPDX-License-Identifier: MIT */
/*
 * The run loop of a processor, and waking and stopping of VPs. A VP that stays
 * no longer is taken off the processor whole, so that any other may run it
 * next, and its parent find its registers at rest.
 *
 * Nothing is lost between a VP's last look and its sleep: who wakes first makes
 * what there is to see visible, then takes the lock and looks at vp->sched; who
 * puts it to sleep takes the lock and then looks once more.
 */
#include "hypervisor/sched.h"

#include "base/assert.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/intercept.h"
#include "hypervisor/partition.h"
#include "hypervisor/sched_impl.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define NS_PER_MS 1000000u

/* The root halts sooner, mostly, and who waits longer for it is better off elsewhere. */
#define KEEP_NS 500000u

void sched_setup(void)
{
	sched_policy_setup(clock_ns_to_tsc(NS_PER_MS));
	run_queue_setup(clock_ns_to_tsc(KEEP_NS));
}

void sched_init(struct cpu *cpu)
{
	run_queue_init(&cpu->run_queue);
}

static void share_set(struct vp *vp)
{
	const struct partition *p = vp->partition;

	sched_share_set(&vp->share, p->cpu_weight, p->cpu_cap, p->cpu_reserve, rdtsc());
}

void sched_vp_init(struct vp *vp)
{
	vp->affinity = ~0ull;
	sched_share_init(&vp->share);
	if (!partition_is_root(vp->partition))
		share_set(vp);
}

void sched_poke(struct cpu *cpu, const struct vp *vp)
{
	/* Pairs with the exchange in run(): it sees what was made visible, or we see it. */
	if (!vp || load_acquire(&cpu->running) != vp)
		atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
	cpu_kick(cpu);
}

/*
 * Somebody has come into the queue of @cpu. The root goes on where it runs: it is
 * first, and its turn will end now that somebody waits.
 */
static void announce(struct cpu *cpu, const struct vp *vp)
{
	if (cpu != this_cpu() || !cpu->running || cpu->running != cpu->root_vp) {
		sched_poke(cpu, NULL);
		return;
	}
	/* Partner: the OR in wait(), before its look at the queues. */
	memory_fence();
	run_queue_came(cpu, sched_takers(vp));
}

/* One look, with the queue of @cpu locked: true if @vp has to look for another place. */
static bool wake_at(struct cpu *cpu, struct vp *vp, bool settled)
{
	struct cpu *place;

	if (vp->sched == SCHED_RUNNING) {
		sched_poke(cpu, vp);
		return false;
	}
	if (vp->sched == SCHED_QUEUED || load_acquire(&vp->stop) & VP_STOP_SUSPENDED)
		return false;
	place = sched_place_for(vp, settled);
	if (place != cpu) {
		run_queue_move(vp, cpu, place);
		return true;
	}
	run_queue_add(cpu, vp, false);
	announce(cpu, vp);
	return false;
}

static void wake_child(struct vp *vp, bool settled)
{
	bool again;

	do {
		struct cpu *cpu = run_queue_lock_of(vp);

		again = wake_at(cpu, vp, settled);
		spin_unlock(&cpu->run_queue.lock);
	} while (again);
}

void sched_wake(struct vp *vp)
{
	if (partition_is_root(vp->partition))
		sched_poke(vp->cpu, vp);
	else
		wake_child(vp, false);
}

void sched_go_on(struct vp *vp)
{
	wake_child(vp, true);
}

/* Pairs with take() and run(): they store the place, then who runs there, then look at work. */
void sched_kick(const struct vp *vp)
{
	struct cpu *cpu = load_acquire(&vp->cpu);

	if (load_acquire(&cpu->running) == vp)
		cpu_kick(cpu);
}

/* True if nobody runs or settles it, after it was taken off the queue if it was on one. */
static bool take_off(struct vp *vp)
{
	struct cpu *cpu = run_queue_lock_of(vp);
	bool off;

	run_queue_remove(cpu, vp);
	off = vp->sched == SCHED_IDLE;
	spin_unlock(&cpu->run_queue.lock);
	return off;
}

/* A processor that put it to sleep may be about to wake it elsewhere. */
static bool is_in_hand(const struct vp *vp)
{
	for (u32 i = 0; i < cpu_count; i++)
		/* Pairs with the release at the end of leave(). */
		if (load_acquire(&cpus[i]->running) == vp)
			return true;
	return false;
}

bool sched_is_stopped(struct vp *vp)
{
	return take_off(vp) && !is_in_hand(vp);
}

void sched_wait_stopped(struct vp *vp, struct vp *self)
{
	while (!sched_is_stopped(vp)) {
		partition_serve_flush(self);
		cpu_pause();
	}
}

/* If it runs, its processor looks again. */
static void look_again(struct cpu *cpu, const struct vp *vp)
{
	if (vp->sched != SCHED_RUNNING)
		return;
	atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
	cpu_kick(cpu);
}

void sched_reload(struct vp *vp)
{
	struct cpu *cpu = run_queue_lock_of(vp);

	look_again(cpu, vp);
	spin_unlock(&cpu->run_queue.lock);
}

void sched_affinity_set(struct vp *vp, u64 affinity)
{
	struct cpu *cpu = run_queue_lock_of(vp);

	vp->affinity = affinity;
	run_queue_remove(cpu, vp);
	/* A processor that may not run it any more finds out when it leaves. */
	if (vp->sched == SCHED_RUNNING)
		atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
	spin_unlock(&cpu->run_queue.lock);
	sched_wake(vp);
}

void sched_share_changed(struct vp *vp)
{
	struct cpu *cpu = run_queue_lock_of(vp);

	run_queue_remove(cpu, vp);
	share_set(vp);
	look_again(cpu, vp);
	spin_unlock(&cpu->run_queue.lock);
	sched_wake(vp);
}

void sched_give_way(struct vp *vp)
{
	struct cpu *cpu = vp->cpu;

	cpu->run_queue.policy.yields = true;
	atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
}

static bool root_wants(const struct cpu *cpu)
{
	struct vp *vp = cpu->root_vp;
	u32 stop = load_acquire(&vp->stop);

	return stop == 0 || (stop == VP_STOP_HALT && vp_wakes(vp));
}

/* Of those who wait here; NULL: the root, if that wants, or none. */
static struct vp *next(struct cpu *cpu, u64 now, bool root)
{
	if (!sched_policy_is_empty(&cpu->run_queue.policy))
		return run_queue_next(cpu, now, root);
	sched_policy_alone(&cpu->run_queue.policy);
	return NULL;
}

static struct vp *pick(struct cpu *cpu, u64 now)
{
	bool root = cpu->root_vp && root_wants(cpu);
	struct vp *vp = next(cpu, now, root);

	if (!vp)
		vp = root ? cpu->root_vp : run_queue_steal(cpu, now);
	if (vp)
		sched_offer(cpu, vp, now);
	return vp;
}

/*
 * Puts @vp, which has left the processor, where it belongs: behind the others
 * or before them, or to sleep until somebody wakes it, who may have come
 * already. True: it must be woken elsewhere.
 */
static bool settle(struct cpu *cpu, struct vp *vp, u64 now)
{
	u32 stop = load_acquire(&vp->stop);
	bool ready =
		stop == 0 || (stop == VP_STOP_HALT && load_acquire(&vp->work) & ~vp->work_blocked);
	bool over = sched_policy_ran(&cpu->run_queue.policy, &vp->share, now, stop != 0);
	/* After a whole turn it goes where it waits less long for the next. */
	struct cpu *place = ready && over ? sched_shortest_queue(vp) : cpu;

	if (ready && place == cpu && sched_is_allowed(vp, cpu)) {
		run_queue_add(cpu, vp, !over && !stop);
		return false;
	}
	vp->sched = SCHED_IDLE;
	if (unlikely(place != cpu))
		run_queue_move(vp, cpu, place);
	return ready;
}

/* Ends the stay of a child's VP; what it has to tell its parent is told at the end. Gives when. */
static u64 leave(struct cpu *cpu, struct vp *vp)
{
	bool elsewhere;
	u64 now;

	vp_unload();
	if (vp->intercept_waits)
		intercept_post(vp);
	spin_lock(&cpu->run_queue.lock);
	/* Pairs with the load in partition_flush(). */
	store_release(&vp->running, false);
	now = rdtsc();
	elsewhere = settle(cpu, vp, now);
	spin_unlock(&cpu->run_queue.lock);
	if (elsewhere)
		sched_wake(vp);
	/* Here nobody knows it any more; pairs with the load in is_in_hand(). */
	store_release(&cpu->running, NULL);
	return now;
}

/* Gives when the stay ended. */
static u64 run(struct cpu *cpu, struct vp *vp)
{
	u64 now;

	/* Both before the look at work and stop in vp_run(); full barriers. */
	(void)atomic_exchange(&cpu->running, vp);
	(void)atomic_exchange(&vp->running, true);
	vp_run(vp);
	if (vp != cpu->root_vp)
		return leave(cpu, vp);
	/* Another may start it. */
	if (unlikely(load_acquire(&vp->stop) & VP_STOP_STARTUP))
		vp_unload();
	store_release(&cpu->running, NULL);
	store_release(&vp->running, false);
	now = rdtsc();
	sched_policy_root_ran(&cpu->run_queue.policy, now);
	return now;
}

/*
 * Gives a VP that came meanwhile, or NULL after a halt. Interrupts are off: a
 * kick since the last look ends the HLT at once.
 */
static struct vp *wait(struct cpu *cpu, u64 now)
{
	struct vp *vp;

	/* Who queues a VP and then looks for somebody idle sees us, or we see the VP. */
	atomic_fetch_or(&sched_idle, BIT(cpu->index));
	vp = next(cpu, now, false);
	if (!vp)
		vp = run_queue_steal(cpu, now);
	if (!vp && !load_acquire(&cpu->resched))
		irq_wait();
	atomic_fetch_and(&sched_idle, ~BIT(cpu->index));
	return vp;
}

/* One look at what there is to run, and its stay or a halt. Gives when that ended. */
static u64 step(struct cpu *cpu, u64 now)
{
	struct vp *vp;

	/* Before the look. */
	(void)atomic_exchange(&cpu->resched, 0);
	vp = pick(cpu, now);
	if (!vp)
		vp = wait(cpu, now);
	return vp ? run(cpu, vp) : rdtsc();
}

_Noreturn void sched_loop(void)
{
	struct cpu *cpu = this_cpu();
	u64 now = rdtsc();

	for (;;)
		now = step(cpu, now);
}
