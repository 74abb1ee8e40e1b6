/* SPDX-License-Identifier: MIT */
/*
 * A processor that is simulated, for tests of sched_policy.c: VPs and a root that
 * want to run always, or for a while and then sleep. Time is made up, so each run
 * is the same.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/types.h"
#include "hv/partition.h"
#include "hypervisor/sched_policy.h"

#define VPS        16u
#define MS         1000000ull /* a tick is a nanosecond */
#define SECOND     (1000 * MS)
#define ALL        HV_CPU_ALL
#define PERCENT(n) (HV_CPU_ALL * (n) / 100)

/* Somebody who wants to run: @burst at a time, then sleeps for @sleep; burst 0: always. */
struct actor {
	u64 burst, sleep;
	u64 left;    /* of the burst */
	u64 wakes;   /* when it wants again; 0: it wants now, SCHED_NEVER: it is not there */
	u64 got;     /* ticks */
	u64 ready;   /* since when it waits */
	u64 longest; /* wait */
};

static struct sched_policy policy;
static struct sched_share shares[VPS];
static struct actor actors[VPS], root;
static u64 now, late;
static u32 stays;

static int setup(void **state)
{
	(void)state;
	sched_policy_setup(MS);
	sched_policy_init(&policy);
	memset(actors, 0, sizeof(actors));
	memset(&root, 0, sizeof(root));
	now = 12345678;
	late = 0;
	stays = 0;
	root.wakes = SCHED_NEVER;
	for (u32 i = 0; i < VPS; i++) {
		actors[i].wakes = SCHED_NEVER;
		sched_share_init(&shares[i]);
	}
	return 0;
}

static void vp(u32 i, u64 weight, u64 cap, u64 reserve)
{
	sched_share_set(&shares[i], weight, cap, reserve, now);
	actors[i].wakes = now;
}

static void plain(u32 i)
{
	vp(i, HV_CPU_WEIGHT_DEFAULT, ALL, 0);
}

__attribute__((unused)) static void sleeps(struct actor *a, u64 burst, u64 sleep)
{
	a->burst = a->left = burst;
	a->sleep = sleep;
}

__attribute__((unused)) static void busy_root(void)
{
	root.wakes = 0;
	root.ready = now;
}

/* Those whose time has come are there. */
static void wake(void)
{
	if (root.wakes && now >= root.wakes)
		root.wakes = 0;
	for (u32 i = 0; i < VPS; i++) {
		struct actor *a = &actors[i];

		if (!a->wakes || now < a->wakes)
			continue;
		a->wakes = 0;
		a->ready = now;
		sched_policy_add(&policy, &shares[i], false);
	}
}

static u64 next_wake(u64 end)
{
	if (root.wakes)
		end = MIN(end, root.wakes);
	for (u32 i = 0; i < VPS; i++)
		if (actors[i].wakes)
			end = MIN(end, actors[i].wakes);
	return end;
}

/* It ran; true: it goes to sleep. */
static bool ran(struct actor *a, u64 ticks)
{
	a->got += ticks;
	if (!a->burst)
		return false;
	a->left -= MIN(a->left, ticks);
	if (a->left)
		return false;
	a->left = a->burst;
	a->wakes = now + a->sleep;
	return true;
}

static u64 stay_end(const struct actor *a, u64 until, u64 end)
{
	u64 stop = MIN(until + (until == SCHED_NEVER ? 0 : late), end);

	if (a->burst)
		stop = MIN(stop, now + a->left);
	return stop;
}

static void run_root(u64 end)
{
	u64 began = now, stop = stay_end(&root, policy.until, end);

	/* Who comes meanwhile ends nothing but the root's time alone. */
	while (now < stop) {
		now = next_wake(stop);
		if (now < stop) {
			wake();
			sched_policy_came(&policy, now);
			assert_true(policy.until > now);
			stop = MIN(stop, policy.until);
		}
	}
	sched_policy_root_ran(&policy, now);
	(void)ran(&root, now - began);
}

static void run_share(struct sched_share *s, u64 end)
{
	u32 i = (u32)(s - shares);
	struct actor *a = &actors[i];
	u64 began = now;
	bool slept, over;

	a->longest = MAX(a->longest, now - a->ready);
	/* A wake makes the processor look again. */
	now = next_wake(stay_end(a, policy.until, end));
	slept = ran(a, now - began);
	over = sched_policy_ran(&policy, s, now, slept);
	a->ready = now;
	if (!slept)
		sched_policy_add(&policy, s, !over);
}

/* Counts are what the lists hold. */
static void check_counts(void)
{
	u32 ready = 0, parked = 0, reserves = 0;

	list_for_each(n, &policy.ready)
	{
		ready++;
		reserves += list_entry(n, struct sched_share, link)->reserve != 0;
	}
	list_for_each(n, &policy.parked) parked++;
	assert_int_equal(policy.count, ready);
	assert_int_equal(policy.parked_count, parked);
	assert_int_equal(policy.reserves, reserves);
}

__attribute__((unused)) static void simulate(u64 ticks)
{
	u64 end = now + ticks;

	while (now < end) {
		struct sched_share *s;

		wake();
		s = sched_policy_next(&policy, now, !root.wakes);
		assert_true(policy.until > now);
		stays++;
		if (s)
			run_share(s, end);
		else if (!root.wakes)
			run_root(end);
		else
			now = next_wake(MIN(policy.until, end));
		check_counts();
	}
}

/* In thousandths of @ticks. */
__attribute__((unused)) static u32 part(const struct actor *a, u64 ticks)
{
	return (u32)(a->got * 1000 / ticks);
}

__attribute__((unused)) static void forget(void)
{
	root.got = root.longest = 0;
	for (u32 i = 0; i < VPS; i++)
		actors[i].got = actors[i].longest = 0;
}
