/* SPDX-License-Identifier: MIT */
/*
 * The run loop of a processor and the queues of children's VPs. A VP's place
 * (vp->cpu, vp->sched) is under the lock of the run queue of the processor that
 * vp->cpu names; a VP that runs is on no queue. A VP whose turn ends is taken
 * off the processor whole, so that any other may run it next, and its parent
 * find its registers at rest.
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
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

/* A turn of a child's VP, and the most that the root has at a time while one waits. */
#define CHILD_SLICE_NS 5000000u
#define ROOT_SLICE_NS  10000000u

/* Processors that are halted, or about to be; bit per index. */
static u64 idle;

static struct vp *vp_of(struct list_node *n)
{
	return list_entry(n, struct vp, queue);
}

/* The slice is over: in the timer's interrupt, on the processor itself. */
static void slice_over(struct timer *t)
{
	(void)t;
	atomic_fetch_or(&this_cpu()->resched, (u32)(SCHED_LOOK | SCHED_SLICE));
}

void sched_init(struct cpu *cpu)
{
	list_init(&cpu->run_queue.ready);
	timer_init(&cpu->run_queue.slice, slice_over);
}

/* Makes @cpu look whom to run, unless it runs @vp already; NULL: in any case. */
static void poke(struct cpu *cpu, const struct vp *vp)
{
	/* Pairs with the exchange in run(): it sees what was made visible, or we see it. */
	if (!vp || load_acquire(&cpu->running) != vp)
		atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
	cpu_kick(cpu);
}

static bool is_allowed(const struct vp *vp, const struct cpu *cpu)
{
	return vp->affinity >> cpu->index & 1;
}

/* The allowed one where the fewest wait; where it ran, if none has fewer. */
static struct cpu *shortest_queue(const struct vp *vp)
{
	struct cpu *best = is_allowed(vp, vp->cpu) ? vp->cpu : NULL;

	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		if (!is_allowed(vp, cpu))
			continue;
		if (!best ||
			load_relaxed(&cpu->run_queue.count) < load_relaxed(&best->run_queue.count))
			best = cpu;
	}
	return best;
}

/* Where it ran, if that is idle or nowhere else is; else an idle one. */
static struct cpu *place_for(const struct vp *vp)
{
	u64 free = load_relaxed(&idle) & vp->affinity;

	if (is_allowed(vp, vp->cpu) && (free >> vp->cpu->index & 1 || !free))
		return vp->cpu;
	return free ? cpus[__builtin_ctzll(free)] : shortest_queue(vp);
}

/* Locks the run queue that @vp belongs to now. */
static struct cpu *lock_of(struct vp *vp)
{
	for (;;) {
		struct cpu *cpu = load_acquire(&vp->cpu);

		spin_lock(&cpu->run_queue.lock);
		if (cpu == vp->cpu)
			return cpu;
		spin_unlock(&cpu->run_queue.lock);
	}
}

static void enqueue(struct cpu *cpu, struct vp *vp, bool last)
{
	struct run_queue *q = &cpu->run_queue;

	vp->sched = SCHED_QUEUED;
	if (last)
		list_push_back(&q->ready, &vp->queue);
	else
		list_push_front(&q->ready, &vp->queue);
	q->count++;
}

static void dequeue(struct run_queue *q, struct vp *vp)
{
	list_remove(&vp->queue);
	q->count--;
}

/* A turn ends only if others wait; who comes later makes us look again. */
static void slice_begin(struct cpu *cpu, const struct vp *vp)
{
	struct run_queue *q = &cpu->run_queue;
	u64 ticks;

	if ((!load_relaxed(&q->count) && !q->root_waits) || (q->slice.armed && q->slice_of == vp))
		return;
	if (vp == cpu->root_vp)
		ticks = clock_ns_to_tsc(ROOT_SLICE_NS);
	else
		ticks = q->turn_of == vp ? q->turn_left : clock_ns_to_tsc(CHILD_SLICE_NS);
	q->slice_of = vp;
	timer_set(&q->slice, rdtsc() + ticks);
}

/*
 * Somebody has come into the queue of @cpu. The root goes on where it runs: it is
 * first, and its turn will end now that somebody waits.
 */
static void announce(struct cpu *cpu)
{
	if (cpu == this_cpu() && cpu->running && cpu->running == cpu->root_vp)
		slice_begin(cpu, cpu->root_vp);
	else
		poke(cpu, NULL);
}

/* One look, with the queue of @cpu locked: true if @vp has to look for another place. */
static bool wake_at(struct cpu *cpu, struct vp *vp)
{
	struct cpu *place;

	if (vp->sched == SCHED_RUNNING) {
		poke(cpu, vp);
		return false;
	}
	if (vp->sched == SCHED_QUEUED || load_acquire(&vp->stop) & VP_STOP_SUSPENDED)
		return false;
	place = place_for(vp);
	/* Whoever wants it looks for it there from now on; so do we. */
	store_release(&vp->cpu, place);
	if (place != cpu)
		return true;
	enqueue(cpu, vp, true);
	announce(cpu);
	return false;
}

static void wake_child(struct vp *vp)
{
	bool again;

	do {
		struct cpu *cpu = lock_of(vp);

		again = wake_at(cpu, vp);
		spin_unlock(&cpu->run_queue.lock);
	} while (again);
}

void sched_wake(struct vp *vp)
{
	if (partition_is_root(vp->partition))
		poke(vp->cpu, vp);
	else
		wake_child(vp);
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
	struct cpu *cpu = lock_of(vp);
	bool off;

	if (vp->sched == SCHED_QUEUED) {
		dequeue(&cpu->run_queue, vp);
		vp->sched = SCHED_IDLE;
	}
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

void sched_reload(struct vp *vp)
{
	struct cpu *cpu = lock_of(vp);

	if (vp->sched == SCHED_RUNNING) {
		atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
		cpu_kick(cpu);
	}
	spin_unlock(&cpu->run_queue.lock);
}

void sched_affinity_set(struct vp *vp, u64 affinity)
{
	struct cpu *cpu = lock_of(vp);

	vp->affinity = affinity;
	if (vp->sched == SCHED_QUEUED) {
		dequeue(&cpu->run_queue, vp);
		vp->sched = SCHED_IDLE;
	}
	/* A processor that may not run it any more finds out when it leaves. */
	if (vp->sched == SCHED_RUNNING)
		atomic_fetch_or(&cpu->resched, (u32)SCHED_LOOK);
	spin_unlock(&cpu->run_queue.lock);
	sched_wake(vp);
}

/* The first of @q that may run on @cpu, taken out, or NULL. */
static struct vp *take(struct run_queue *q, struct cpu *cpu)
{
	struct vp *vp = NULL;

	if (!load_relaxed(&q->count))
		return NULL;
	spin_lock(&q->lock);
	list_for_each(n, &q->ready)
	{
		if (!is_allowed(vp_of(n), cpu))
			continue;
		vp = vp_of(n);
		break;
	}
	if (vp) {
		dequeue(q, vp);
		vp->sched = SCHED_RUNNING;
		store_release(&vp->cpu, cpu);
	}
	spin_unlock(&q->lock);
	return vp;
}

/* Of this processor's own queue, else of somebody's who has more than it can run. */
static struct vp *take_any(struct cpu *cpu)
{
	struct vp *vp = take(&cpu->run_queue, cpu);

	for (u32 i = 1; !vp && i < cpu_count; i++)
		vp = take(&cpus[(cpu->index + i) % cpu_count]->run_queue, cpu);
	return vp;
}

/* What waits here can be run by those who have nothing to do, each by another. */
static void offer(struct run_queue *q)
{
	u64 free = load_relaxed(&idle);

	if (!free || !load_relaxed(&q->count))
		return;
	spin_lock(&q->lock);
	list_for_each(n, &q->ready)
	{
		u64 takers = free & vp_of(n)->affinity;

		if (!takers)
			continue;
		poke(cpus[__builtin_ctzll(takers)], NULL);
		free &= ~(takers & -takers);
	}
	spin_unlock(&q->lock);
}

static bool root_wants(const struct cpu *cpu)
{
	struct vp *vp = cpu->root_vp;
	u32 stop = load_acquire(&vp->stop);

	return stop == 0 || (stop == VP_STOP_HALT && vp_wakes(vp));
}

/* The root first, unless it has just had a whole slice and somebody waits. */
static struct vp *pick(struct cpu *cpu)
{
	struct run_queue *q = &cpu->run_queue;
	bool root = cpu->root_vp && root_wants(cpu);
	struct vp *vp = NULL;

	if (!root || (q->root_had_turn && load_relaxed(&q->count)))
		vp = take_any(cpu);
	q->root_waits = root && vp;
	if (root && !vp)
		vp = cpu->root_vp;
	if (vp)
		offer(q);
	return vp;
}

/* A child's turn that somebody interrupts goes on where it was, not anew. */
static void turn_keep(struct run_queue *q, const struct vp *vp)
{
	u64 now = rdtsc();

	if (!q->slice.armed || q->slice_of != vp)
		return;
	q->turn_of = vp;
	q->turn_left = q->slice.deadline > now ? q->slice.deadline - now : 0;
}

/*
 * Puts @vp, which has left the processor, where it belongs: behind the others
 * or before them, or to sleep until somebody wakes it, who may have come
 * already. True: it must be woken elsewhere.
 */
static bool settle(struct cpu *cpu, struct vp *vp, bool slice_used)
{
	u32 stop = load_acquire(&vp->stop);
	bool ready =
		stop == 0 || (stop == VP_STOP_HALT && load_acquire(&vp->work) & ~vp->work_blocked);
	bool last = slice_used || stop;
	/* After a whole turn it goes where it waits less long for the next. */
	struct cpu *place = ready && slice_used ? shortest_queue(vp) : cpu;

	cpu->run_queue.turn_of = NULL;
	if (ready && place == cpu && is_allowed(vp, cpu)) {
		if (!last)
			turn_keep(&cpu->run_queue, vp);
		enqueue(cpu, vp, last);
		return false;
	}
	vp->sched = SCHED_IDLE;
	store_release(&vp->cpu, place);
	return ready;
}

/* Ends the stay of a child's VP; what it has to tell its parent is told at the end. */
static void leave(struct cpu *cpu, struct vp *vp, bool slice_used)
{
	bool elsewhere;

	vp_unload();
	if (vp->intercept_waits)
		intercept_post(vp);
	spin_lock(&cpu->run_queue.lock);
	/* Pairs with the load in partition_flush(). */
	store_release(&vp->running, false);
	elsewhere = settle(cpu, vp, slice_used);
	spin_unlock(&cpu->run_queue.lock);
	if (elsewhere)
		sched_wake(vp);
	/* Here nobody knows it any more; pairs with the load in is_in_hand(). */
	store_release(&cpu->running, NULL);
}

static void run(struct cpu *cpu, struct vp *vp)
{
	bool root = vp == cpu->root_vp;
	bool slice_used;

	slice_begin(cpu, vp);
	/* Both before the look at work and stop in vp_run(); full barriers. */
	(void)atomic_exchange(&cpu->running, vp);
	(void)atomic_exchange(&vp->running, true);
	vp_run(vp);
	slice_used = load_relaxed(&cpu->resched) & SCHED_SLICE && cpu->run_queue.slice_of == vp;
	if (root) {
		/* Another may start it. */
		if (unlikely(load_acquire(&vp->stop) & VP_STOP_STARTUP))
			vp_unload();
		store_release(&cpu->running, NULL);
		store_release(&vp->running, false);
	} else {
		leave(cpu, vp, slice_used);
	}
	cpu->run_queue.root_had_turn = root && slice_used;
}

/*
 * Gives a VP that came meanwhile, or NULL after a halt. Interrupts are off: a
 * kick since the last look ends the HLT at once.
 */
static struct vp *wait(struct cpu *cpu)
{
	struct vp *vp;

	/* Who queues a VP and then looks for somebody idle sees us, or we see the VP. */
	atomic_fetch_or(&idle, BIT(cpu->index));
	vp = take_any(cpu);
	if (!vp && !load_acquire(&cpu->resched))
		irq_wait();
	atomic_fetch_and(&idle, ~BIT(cpu->index));
	return vp;
}

/* One look at what there is to run, and its stay or a halt. */
static void step(struct cpu *cpu)
{
	struct vp *vp;

	/* Before the look. */
	(void)atomic_exchange(&cpu->resched, 0);
	vp = pick(cpu);
	if (!vp)
		vp = wait(cpu);
	if (vp)
		run(cpu, vp);
}

_Noreturn void sched_loop(void)
{
	for (;;)
		step(this_cpu());
}
