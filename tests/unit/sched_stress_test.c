/* SPDX-License-Identifier: MIT */
/*
 * sched.c on real threads, a processor each: VPs halt, spin, intercept and are
 * interrupted while a parent suspends, binds and releases them and root VPs
 * settle their intercepts. None runs on two processors at once, none runs
 * while it is suspended, and in the end all has been seen that any was told.
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "fake/fake.h"
#include "x86/cpu.h"
/* Time goes on, so that turns and periods end. */
#define rdtsc rdtsc_real
#include "hypervisor/run_queue.c"
#include "hypervisor/sched.c"
#include "hypervisor/sched_place.c"
#include "hypervisor/sched_policy.c"

#define CPUS     3u
#define VPS      6u
#define SPINNERS 2u /* the last ones never halt, and leave only when they are made to */
#define ROUNDS   4000u
#define PATIENCE 60u /* seconds, on a host that has other things to do */

u32 cpu_count = CPUS;
struct cpu *cpus[HV_MAX_CPUS];

static struct cpu machine[CPUS];
static struct partition root_partition_, child;
static struct vp roots[CPUS], vps[VPS];
static struct cpu elsewhere; /* the parent's that is no root VP of these processors */
static _Thread_local struct cpu *self = &elsewhere;
static bool quit;

static bool kicked[CPUS];
/* By VP, roots behind children: what it was told, and what it has seen. */
static u64 told[VPS + CPUS], seen[VPS + CPUS];
static bool inside[VPS];    /* a processor has it */
static bool must_rest[VPS]; /* its parent saw it at rest */
/* By processor whose root VP is told: VPs that have an intercept. */
static u32 intercepts[CPUS];
static u64 intercepted[VPS]; /* what it had seen then; stored by its processor */
static bool posting[VPS];    /* the root VP that is to settle it has not been told yet */
static u64 stays, settled;

static u32 number_of(const struct vp *vp)
{
	return vp >= roots && vp < roots + CPUS ? VPS + (u32)(vp - roots) : (u32)(vp - vps);
}

struct cpu *this_cpu(void)
{
	return self;
}

void cpu_kick(struct cpu *cpu)
{
	if (cpu != self)
		store_release(&kicked[cpu->index], true);
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns / 10;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	*t = (struct timer){ .fire = fire };
}

void timer_set(struct timer *t, u64 deadline)
{
	t->deadline = deadline;
	t->armed = true;
}

/* Interrupts that are pending are taken. True if there was one. */
static bool interrupted(void)
{
	struct timer *t = &self->run_queue.look;
	bool any = atomic_exchange(&kicked[self->index], false);

	if (t->armed && rdtsc_real() >= t->deadline) {
		t->armed = false;
		t->fire(t);
		any = true;
	}
	return any;
}

static void yield(void)
{
	usleep(0);
}

static void halt(void)
{
	while (!interrupted() && !load_acquire(&quit))
		yield();
}

static bool has_news(const struct vp *vp)
{
	u32 n = number_of(vp);

	return load_acquire(&told[n]) != load_acquire(&seen[n]);
}

bool vp_wakes(struct vp *vp)
{
	u32 stop = load_acquire(&vp->stop);

	if (stop != VP_STOP_HALT)
		return stop == 0;
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INTERRUPT);
	return has_news(vp);
}

/* Its intercepts are settled by the root VP that was told. */
static void settle_all(u32 root)
{
	u32 waiting = atomic_exchange(&intercepts[root], 0);

	for (; waiting; waiting &= waiting - 1) {
		struct vp *vp = &vps[__builtin_ctz(waiting)];

		atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_INTERCEPT);
		sched_go_on(vp);
		(void)atomic_fetch_add(&settled, 1);
	}
}

/* As do_work(): the bit first, then what it stands for. */
static void do_work(struct vp *vp)
{
	u32 n = number_of(vp);
	u64 news;

	if (!(load_acquire(&vp->work) & VP_WORK_INTERRUPT))
		return;
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INTERRUPT);
	/* Before the intercepts: of one that comes after them it has not been told. */
	news = load_acquire(&told[n]);
	if (n >= VPS)
		settle_all(n - VPS);
	store_release(&seen[n], news);
}

/* After each news it has something for its parent, once. */
static bool intercepts_now(struct vp *vp)
{
	u32 n = number_of(vp);

	if (n >= VPS || intercepted[n] == seen[n])
		return false;
	vp->intercept_waits = true;
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_INTERCEPT);
	/* Last, for is_settled(). */
	store_release(&intercepted[n], seen[n]);
	return true;
}

/* In the guest until an interrupt, or until it halts. */
static void guest(struct vp *vp)
{
	u32 n = number_of(vp);
	bool spins = n >= VPS - SPINNERS && n < VPS;

	while (!interrupted() && !load_acquire(&quit)) {
		if (intercepts_now(vp))
			return;
		if (!spins) {
			atomic_fetch_or(&vp->stop, (u32)VP_STOP_HALT);
			return;
		}
		yield();
	}
}

static void stay(struct vp *vp)
{
	const u32 *resched = &self->resched;

	if (!vp_wakes(vp))
		return;
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_HALT);
	atomic_fetch_or(&vp->work, (u32)VP_WORK_INTERRUPT);
	(void)atomic_fetch_add(&stays, 1);
	do {
		do_work(vp);
		guest(vp);
	} while (!(load_acquire(&vp->stop) | load_acquire(resched)) && !load_acquire(&quit));
}

void vp_run(struct vp *vp)
{
	u32 n = number_of(vp);

	assert(vp->cpu == self);
	yield();
	if (n < VPS) {
		assert(!atomic_exchange(&inside[n], true));
		assert(!load_acquire(&must_rest[n]));
	}
	self->current = vp;
	stay(vp);
}

void vp_unload(void)
{
	u32 n = number_of(self->current);

	assert(n < VPS && !load_acquire(&must_rest[n]));
	/* Between its last look and its sleep. */
	yield();
	assert(atomic_exchange(&inside[n], false));
	self->current = NULL;
}

void partition_serve_flush(struct vp *vp)
{
	(void)vp;
}

static void notify(struct vp *vp)
{
	(void)atomic_fetch_add(&told[number_of(vp)], 1);
	if (!(atomic_fetch_or(&vp->work, (u32)VP_WORK_INTERRUPT) & VP_WORK_INTERRUPT))
		sched_wake(vp);
}

/* To any root VP, here or on another processor. */
void intercept_post(struct vp *vp)
{
	u32 n = number_of(vp), root = (u32)(self->index + seen[n]) % CPUS;

	vp->intercept_waits = false;
	store_release(&posting[n], true);
	atomic_fetch_or(&intercepts[root], (u32)BIT(n));
	notify(&roots[root]);
	/* For is_settled(): a root VP that was on its way may have settled it before that. */
	store_release(&posting[n], false);
}

static void *processor(void *cpu)
{
	u64 now = rdtsc();

	self = cpu;
	while (!load_acquire(&quit))
		now = step(self, now);
	return NULL;
}

/* As a parent does before it reads registers, and after. */
static void suspend_and_release(struct vp *vp)
{
	u32 n = number_of(vp);

	atomic_fetch_or(&vp->stop, (u32)VP_STOP_EXPLICIT);
	sched_wake(vp);
	sched_wait_stopped(vp, &roots[0]);
	assert(!load_acquire(&inside[n]) && vp->sched == SCHED_IDLE);
	store_release(&must_rest[n], true);
	/* Interrupts for it go on meanwhile. */
	notify(vp);
	yield();
	assert(!load_acquire(&inside[n]) && vp->sched == SCHED_IDLE);
	store_release(&must_rest[n], false);
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_EXPLICIT);
	sched_wake(vp);
}

static u32 dice(u32 sides)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state % sides);
}

static void parent_acts(void)
{
	struct vp *vp = &vps[dice(VPS)];

	switch (dice(9)) {
	case 0:
		suspend_and_release(vp);
		break;
	case 1:
		sched_affinity_set(vp, 1 + dice((1u << CPUS) - 1));
		break;
	case 2:
		notify(&roots[dice(CPUS)]);
		break;
	case 3:
		sched_share_changed(vp);
		break;
	default:
		notify(vp);
	}
}

/* It has nothing more for its parent: else a root VP would be told after all had seemed seen. */
static bool is_settled(const struct vp *vp)
{
	u32 n = number_of(vp);

	return load_acquire(&intercepted[n]) == load_acquire(&seen[n]) &&
	       !(load_acquire(&vp->stop) & VP_STOP_INTERCEPT) && !load_acquire(&posting[n]);
}

static bool all_seen(void)
{
	for (u32 i = 0; i < VPS; i++)
		if (has_news(&vps[i]) || !is_settled(&vps[i]))
			return false;
	for (u32 i = 0; i < CPUS; i++)
		if (has_news(&roots[i]))
			return false;
	return true;
}

/* With nobody to wake anybody again, in bounded time. */
static void all_is_seen(void)
{
	time_t end = time(NULL) + PATIENCE;

	while (!all_seen() && time(NULL) < end)
		yield();
	assert_true(all_seen());
}

static void set_up(void)
{
	child.parent = &root_partition_;
	child.cpu_cap = HV_CPU_ALL / 4 * 3;
	child.cpu_weight = HV_CPU_WEIGHT_DEFAULT;
	child.cpu_reserve = HV_CPU_ALL / 8;
	sched_setup();
	fake_on_pause = yield;
	fake_on_irq_wait = halt;
	for (u32 i = 0; i < CPUS; i++) {
		cpus[i] = &machine[i];
		machine[i].index = i;
		machine[i].root_vp = &roots[i];
		sched_init(&machine[i]);
		roots[i].partition = &root_partition_;
		roots[i].cpu = &machine[i];
		roots[i].stop = VP_STOP_HALT;
	}
	for (u32 i = 0; i < VPS; i++) {
		vps[i].partition = &child;
		vps[i].cpu = &machine[i % CPUS];
		sched_vp_init(&vps[i]);
	}
}

static void test_all(void **state)
{
	pthread_t threads[CPUS];
	time_t end;

	(void)state;
	set_up();
	for (u32 i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, processor, &machine[i]), 0);
	for (u32 i = 0; i < VPS; i++)
		sched_wake(&vps[i]);
	end = time(NULL) + PATIENCE;
	for (u32 i = 0; i < ROUNDS && time(NULL) < end; i++) {
		parent_acts();
		if (dice(8) == 0)
			all_is_seen();
	}
	all_is_seen();
	store_release(&quit, true);
	for (u32 i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(stays > ROUNDS / 8);
	assert_true(settled > ROUNDS / 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
