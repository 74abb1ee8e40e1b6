/* SPDX-License-Identifier: MIT */
/*
 * Up to four processors and eight VPs of a child for tests of sched.c, which
 * is included here so that a test makes one step at a time. What happens
 * "meanwhile" is played by hooks at the places where the scheduler calls out:
 * in the VP's stay, while its state leaves, while its message is posted, in
 * the halt, and at each kick.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake.h"
#include "hypervisor/run_queue.c"
#include "hypervisor/sched.c"
#include "hypervisor/sched_place.c"
#include "hypervisor/sched_policy.c"

#define CPUS     4u
#define VPS      8u
#define TICKS_MS 1000000u /* of the TSC: a tick is a nanosecond */

u32 cpu_count = CPUS;
struct cpu *cpus[HV_MAX_CPUS];

static struct cpu machine[CPUS];
static struct cpu *self; /* whose step it is */
static struct partition root_partition_, child;
static struct vp roots[CPUS], vps[VPS];

/* What happened, and what shall happen meanwhile. */
static struct vp *ran[64]; /* stays, in order */
static u32 stays;
static u32 kicked[CPUS];
static u32 halts, unloads, posts, served;
static bool root_deliverable; /* a halted root VP has something to wake for */

static void (*in_stay)(struct vp *vp);
static void (*in_unload)(struct vp *vp);
static void (*in_post)(struct vp *vp);
static void (*in_halt)(void);
static void (*in_kick)(struct cpu *cpu);

/* Each hook is for one time. */
#define HOOK(hook, ...)                    \
	do {                               \
		typeof(hook) now_ = hook;  \
		hook = NULL;               \
		if (now_)                  \
			now_(__VA_ARGS__); \
	} while (0)

struct cpu *this_cpu(void)
{
	return self;
}

void cpu_kick(struct cpu *cpu)
{
	kicked[cpu->index]++;
	HOOK(in_kick, cpu);
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* The timer of each processor. */
void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	*t = (struct timer){ .fire = fire };
}

void timer_set(struct timer *t, u64 deadline)
{
	assert_ptr_equal(t, &self->run_queue.look);
	t->deadline = deadline;
	t->armed = true;
}

/* Lets time pass on @self, up to where its timer ends it, or for @ticks. */
__attribute__((unused)) static void pass(u64 ticks)
{
	struct timer *t = &self->run_queue.look;
	u64 end = fake_tsc + ticks;

	fake_tsc = end;
	if (t->armed && t->deadline <= end) {
		fake_tsc = t->deadline;
		t->armed = false;
		t->fire(t);
	}
}

bool vp_wakes(struct vp *vp)
{
	u32 stop = vp->stop;

	return stop == 0 || (stop == VP_STOP_HALT && root_deliverable);
}

/* On one processor at a time, which says so before the look at its work. */
void vp_run(struct vp *vp)
{
	assert_true(stays < ARRAY_SIZE(ran));
	assert_ptr_equal(vp->cpu, self);
	assert_ptr_equal(self->running, vp);
	assert_true(vp->running);
	for (u32 i = 0; i < CPUS; i++)
		assert_true(&machine[i] == self || machine[i].current != vp);
	self->current = vp;
	ran[stays++] = vp;
	HOOK(in_stay, vp);
}

void vp_unload(void)
{
	struct vp *vp = self->current;

	assert_non_null(vp);
	assert_int_equal(vp->sched, SCHED_RUNNING);
	unloads++;
	HOOK(in_unload, vp);
	self->current = NULL;
}

void intercept_post(struct vp *vp)
{
	assert_null(self->current);
	assert_int_equal(vp->sched, SCHED_RUNNING);
	vp->intercept_waits = false;
	posts++;
	HOOK(in_post, vp);
}

void partition_serve_flush(struct vp *vp)
{
	assert_ptr_equal(vp, &roots[0]);
	served++;
}

static void halt(void)
{
	assert_int_equal(self->resched, 0);
	halts++;
	HOOK(in_halt);
}

static int setup(void **state)
{
	(void)state;
	memset(machine, 0, sizeof(machine));
	memset(roots, 0, sizeof(roots));
	memset(vps, 0, sizeof(vps));
	memset(kicked, 0, sizeof(kicked));
	memset(ran, 0, sizeof(ran));
	memset(&child, 0, sizeof(child));
	child.parent = &root_partition_;
	child.cpu_cap = HV_CPU_ALL;
	child.cpu_weight = HV_CPU_WEIGHT_DEFAULT;
	cpu_count = CPUS;
	sched_idle = 0;
	stays = halts = unloads = posts = served = 0;
	root_deliverable = false;
	in_stay = in_unload = in_post = NULL;
	in_halt = NULL;
	in_kick = NULL;
	fake_on_pause = NULL;
	fake_on_irq_wait = halt;
	fake_tsc = 100 * TICKS_MS;
	fake_tsc_step = 0;
	sched_setup();
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
		vps[i].index = i;
		vps[i].cpu = &machine[0];
		sched_vp_init(&vps[i]);
	}
	self = &machine[0];
	return 0;
}

__attribute__((unused)) static void step_of(u32 cpu)
{
	self = &machine[cpu];
	(void)step(self, fake_tsc);
}

/* All but those of @busy are halted. */
__attribute__((unused)) static void others_idle(u64 busy)
{
	sched_idle = ~busy & (BIT(CPUS) - 1);
}

/* The VP's parent lets it run. */
__attribute__((unused)) static void start(u32 vp)
{
	vps[vp].stop = 0;
	sched_wake(&vps[vp]);
}

__attribute__((unused)) static void stop_halted(struct vp *vp)
{
	vp->stop |= VP_STOP_HALT;
}

/* Hooks of a stay: its timer ends it; or the root comes. */
__attribute__((unused)) static void whole_slice(struct vp *vp)
{
	(void)vp;
	pass(100 * TICKS_MS);
	assert_int_equal(self->resched, SCHED_LOOK);
}

__attribute__((unused)) static void wake_root(struct vp *vp)
{
	(void)vp;
	roots[0].stop = 0;
	sched_wake(&roots[0]);
}

/* The whole of the queue of @cpu, by index. */
__attribute__((unused)) static const char *queue_of(u32 cpu)
{
	static char text[VPS + 1];
	u32 len = 0;

	list_for_each(n, &machine[cpu].run_queue.policy.ready) text[len++] =
		(char)('0' + vp_of(share_of(n))->index);
	text[len] = 0;
	assert_int_equal(len, machine[cpu].run_queue.policy.count);
	return text;
}
