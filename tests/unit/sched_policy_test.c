/* SPDX-License-Identifier: MIT */
/*
 * Weights, caps, reserves and the root's credit, on a processor that is
 * simulated: VPs and a root that want to run always, or for a while and then
 * sleep. Time is made up, so each run is the same.
 * sources: hypervisor/sched_policy.c
 */
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

static void sleeps(struct actor *a, u64 burst, u64 sleep)
{
	a->burst = a->left = burst;
	a->sleep = sleep;
}

static void busy_root(void)
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

static void simulate(u64 ticks)
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
static u32 part(const struct actor *a, u64 ticks)
{
	return (u32)(a->got * 1000 / ticks);
}

static void forget(void)
{
	root.got = root.longest = 0;
	for (u32 i = 0; i < VPS; i++)
		actors[i].got = actors[i].longest = 0;
}

/* --- Weight --- */

static void test_weights(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		vp(i, 100ull << i, ALL, 0);
	simulate(SECOND);
	for (u32 i = 0; i < 3; i++)
		assert_in_range(
			part(&actors[i], SECOND), 143 * 95 / 100 << i, 143 * 105 / 100 << i);
}

/* The extremes: none is starved. */
static void test_extreme_weights(void **state)
{
	(void)state;
	vp(0, 1, ALL, 0);
	vp(1, HV_CPU_WEIGHT_MAX, ALL, 0);
	vp(2, HV_CPU_WEIGHT_MAX, ALL, 0);
	simulate(200 * SECOND);
	assert_true(actors[0].got >= 5 * MS && actors[0].got <= 40 * MS);
	assert_in_range(part(&actors[1], 200 * SECOND), 450, 550);
}

static void test_equal_turns(void **state)
{
	(void)state;
	plain(0);
	plain(1);
	simulate(100 * MS);
	assert_int_equal(actors[0].got, 50 * MS);
	assert_int_equal(stays, 20);
}

/* Alone it is left in peace, and what it had then is no debt. */
static void test_alone(void **state)
{
	(void)state;
	plain(0);
	simulate(SECOND);
	assert_int_equal(stays, 1);
	plain(1);
	forget();
	simulate(100 * MS);
	assert_in_range(part(&actors[0], 100 * MS), 450, 550);
	assert_in_range(part(&actors[1], 100 * MS), 450, 550);
}

static void test_sleep_earns_nothing(void **state)
{
	(void)state;
	plain(0);
	plain(1);
	plain(2);
	actors[1].wakes = now + SECOND;
	simulate(SECOND);
	forget();
	simulate(60 * MS);
	for (u32 i = 0; i < 3; i++)
		assert_in_range(actors[i].got, 15 * MS, 25 * MS);
}

/* Who sleeps again and again gets no more than who does not, and less than it asks for. */
static void test_short_sleeps(void **state)
{
	static const u64 bursts[] = { 100000, MS, 3 * MS, 20 * MS };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bursts); i++) {
		setup(NULL);
		plain(0);
		plain(1);
		sleeps(&actors[1], bursts[i], 50000);
		simulate(SECOND);
		assert_true(part(&actors[1], SECOND) <= 510);
		assert_int_equal(actors[0].got + actors[1].got, SECOND);
	}
}

/* --- Cap --- */

static void test_cap_alone(void **state)
{
	(void)state;
	vp(0, 100, PERCENT(30), 0);
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 280, 320);
	/* No other period than another. */
	forget();
	simulate(100 * MS);
	assert_in_range(part(&actors[0], 100 * MS), 290, 310);
}

static void test_cap_beside_others(void **state)
{
	(void)state;
	vp(0, 100, PERCENT(30), 0);
	plain(1);
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 280, 320);
	assert_int_equal(actors[0].got + actors[1].got, SECOND);
}

static void test_caps_together(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		vp(i, 100, PERCENT(30), 0);
	simulate(SECOND);
	for (u32 i = 0; i < 3; i++)
		assert_in_range(part(&actors[i], SECOND), 280, 320);
}

/* Less than the shortest stay of a period: paid in many. */
static void test_tiny_cap(void **state)
{
	(void)state;
	vp(0, 100, 1, 0);
	simulate(100 * SECOND);
	assert_in_range(actors[0].got, 1000000, 2000000);
	sched_policy_remove(&policy, &shares[0]);
	vp(0, 100, ALL, 0);
	forget();
	simulate(SECOND);
	assert_int_equal(actors[0].got, SECOND);
}

/* Sleeping does not save up more than a period's budget. */
static void test_cap_after_sleep(void **state)
{
	(void)state;
	vp(0, 100, PERCENT(30), 0);
	sleeps(&actors[0], 50 * MS, 500 * MS);
	simulate(10 * SECOND);
	assert_true(actors[0].got < 800 * MS);
	for (u32 i = 0; i < 20; i++) {
		forget();
		simulate(100 * MS);
		assert_true(actors[0].got <= 33 * MS + MS);
	}
}

/* --- Reserve, and the root --- */

static void test_root_alone(void **state)
{
	(void)state;
	busy_root();
	simulate(SECOND);
	assert_int_equal(stays, 1);
}

static void test_busy_root(void **state)
{
	(void)state;
	busy_root();
	plain(0);
	plain(1);
	simulate(900 * MS);
	assert_in_range(part(&root, 900 * MS), 650, 680);
	assert_in_range(part(&actors[0], 900 * MS), 155, 175);
	assert_in_range(part(&actors[1], 900 * MS), 155, 175);
	assert_true(actors[0].longest <= 40 * MS);
}

/* What works less than two thirds of the time never waits; it comes while others run. */
static void test_root_is_first(void **state)
{
	(void)state;
	plain(0);
	plain(1);
	root.wakes = now;
	sleeps(&root, 3 * MS, 2 * MS);
	simulate(SECOND);
	assert_int_equal(part(&root, SECOND), 600);
	assert_in_range(part(&actors[0], SECOND), 190, 210);
}

static void test_reserve_against_root(void **state)
{
	(void)state;
	busy_root();
	vp(0, 100, ALL, PERCENT(40));
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 390, 420);
	assert_int_equal(actors[0].got + root.got, SECOND);
	/* In each tenth of it. */
	for (u32 i = 0; i < 10; i++) {
		forget();
		simulate(100 * MS);
		assert_in_range(part(&actors[0], 100 * MS), 350, 450);
	}
}

static void test_reserve_against_many(void **state)
{
	(void)state;
	vp(0, 100, ALL, PERCENT(40));
	for (u32 i = 1; i < 10; i++)
		plain(i);
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 390, 440);
	for (u32 i = 1; i < 10; i++)
		assert_in_range(part(&actors[i], SECOND), 55, 75);
	/* And what it had is no debt when it goes without. */
	sched_policy_remove(&policy, &shares[0]);
	sched_share_set(&shares[0], 100, ALL, 0, now);
	sched_policy_add(&policy, &shares[0], false);
	forget();
	simulate(2 * SECOND);
	assert_in_range(part(&actors[0], 2 * SECOND), 85, 105);
}

/* A reserve below what its weight gives changes nothing. */
static void test_small_reserve(void **state)
{
	(void)state;
	vp(0, 100, ALL, PERCENT(20));
	plain(1);
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 480, 520);
}

/* More than there is: all get of it, and the root keeps a tenth. */
static void test_reserves_beyond_all(void **state)
{
	(void)state;
	busy_root();
	for (u32 i = 0; i < 3; i++)
		vp(i, 100, ALL, PERCENT(60));
	simulate(SECOND);
	assert_in_range(part(&root, SECOND), 80, 120);
	for (u32 i = 0; i < 3; i++)
		assert_in_range(part(&actors[i], SECOND), 270, 330);
}

/* Who waits without a reserve has his turn beside a busy root and those who have one. */
static void test_no_starvation(void **state)
{
	(void)state;
	busy_root();
	vp(0, 100, ALL, PERCENT(40));
	for (u32 i = 1; i < VPS; i++)
		plain(i);
	simulate(5 * SECOND);
	assert_in_range(part(&actors[0], 5 * SECOND), 380, 420);
	for (u32 i = 1; i < VPS; i++)
		assert_true(actors[i].got > 0 && actors[i].longest <= 2 * SECOND);
}

/* All of it: a busy root, a reserve, a cap, weights. */
static void test_mixture(void **state)
{
	(void)state;
	busy_root();
	vp(0, 100, ALL, PERCENT(30));
	vp(1, 100, PERCENT(5), 0);
	vp(2, 400, ALL, 0);
	vp(3, 100, ALL, 0);
	simulate(5 * SECOND);
	assert_in_range(part(&actors[0], 5 * SECOND), 290, 330);
	assert_true(part(&actors[1], 5 * SECOND) <= 52);
	assert_in_range(actors[2].got, actors[3].got * 35 / 10, actors[3].got * 45 / 10);
	assert_in_range(part(&root, 5 * SECOND), 430, 500);
}

/* Reserve and cap at once: as much as that, and no more. */
static void test_reserve_is_cap(void **state)
{
	(void)state;
	busy_root();
	vp(0, 100, PERCENT(25), PERCENT(50));
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 235, 255);
}

/* Interrupts that come late are made up for. */
static void test_late(void **state)
{
	(void)state;
	late = MS / 2;
	busy_root();
	vp(0, 100, ALL, PERCENT(40));
	vp(1, 100, PERCENT(10), 0);
	simulate(5 * SECOND);
	assert_in_range(part(&actors[0], 5 * SECOND), 380, 460);
	assert_true(part(&actors[1], 5 * SECOND) <= 120);
	setup(NULL);
	late = MS / 2;
	vp(0, 100, PERCENT(30), 0);
	plain(1);
	simulate(SECOND);
	assert_in_range(part(&actors[0], SECOND), 260, 320);
}

/* --- Steps --- */

static struct sched_share *next(bool root_wants)
{
	return sched_policy_next(&policy, now, root_wants);
}

/* What is left of a turn is had before others' turns, and only that. */
static void test_turn_goes_on(void **state)
{
	(void)state;
	plain(0);
	plain(1);
	wake();
	assert_ptr_equal(next(false), &shares[0]);
	assert_int_equal(policy.until, now + 5 * MS);
	now += 2 * MS;
	assert_false(sched_policy_ran(&policy, &shares[0], now, false));
	sched_policy_add(&policy, &shares[0], true);
	assert_ptr_equal(next(false), &shares[0]);
	assert_int_equal(policy.until, now + 3 * MS);
	now = policy.until;
	assert_true(sched_policy_ran(&policy, &shares[0], now, false));
	sched_policy_add(&policy, &shares[0], false);
	assert_ptr_equal(next(false), &shares[1]);
}

/* What a period did not pay is paid in the next one, and nothing of those before. */
static void test_owed(void **state)
{
	u64 first = (now / (10 * MS) + 1) * 10 * MS;

	(void)state;
	vp(0, 100, ALL, PERCENT(50));
	wake();
	assert_null(next(true));
	assert_int_equal(policy.until, first - 5 * MS);
	/* The root leaves a period and a half too late. */
	now = first + 10 * MS + 100000;
	sched_policy_root_ran(&policy, now);
	policy.root_credit = 10 * MS;
	assert_null(next(true));
	assert_int_equal(shares[0].owed, 10 * MS);
	assert_int_equal(policy.until, first + 11 * MS);
	now = policy.until;
	sched_policy_root_ran(&policy, now);
	assert_ptr_equal(next(true), &shares[0]);
	/* To the end of the period: of the next one the root has its tenth. */
	assert_int_equal(policy.until, now + 5 * MS);
}

/* What the root ran alone is no debt, and a stay that ends late is paid in two turns. */
static void test_root_credit(void **state)
{
	(void)state;
	plain(0);
	wake();
	policy.root_credit = -7;
	sched_policy_alone(&policy);
	assert_null(next(true));
	assert_int_equal(policy.until, now + 10 * MS);
	now += SECOND;
	sched_policy_root_ran(&policy, now);
	for (u32 i = 0; i < 2; i++) {
		assert_ptr_equal(next(true), &shares[0]);
		assert_int_equal(policy.until, now + 5 * MS);
		now = policy.until;
		assert_true(sched_policy_ran(&policy, &shares[0], now, false));
		sched_policy_add(&policy, &shares[0], false);
	}
	/* After the first its debt was paid; the second was on top. */
	assert_null(next(true));
}

/* Who waited has gone while the root ran: the next one does not find its debt. */
static void test_root_credit_when_they_go(void **state)
{
	(void)state;
	sched_policy_alone(&policy);
	plain(0);
	wake();
	sched_policy_came(&policy, now);
	assert_int_equal(policy.until, now + 10 * MS);
	now += 6 * MS;
	plain(1);
	wake();
	sched_policy_came(&policy, now);
	assert_int_equal(policy.until, now + 4 * MS);
	sched_policy_remove(&policy, &shares[0]);
	sched_policy_remove(&policy, &shares[1]);
	now += 2 * MS;
	sched_policy_add(&policy, &shares[0], false);
	sched_policy_came(&policy, now);
	assert_int_equal(policy.until, now + 10 * MS);
	now += 9 * MS;
	sched_policy_root_ran(&policy, now);
	assert_null(next(true));
	assert_int_equal(policy.until, now + MS);
}

/* However short its stays are, a heavy one does not run for nothing. */
static void test_short_stays_count(void **state)
{
	(void)state;
	vp(0, HV_CPU_WEIGHT_MAX, ALL, 0);
	wake();
	for (u32 i = 0; i < 20; i++) {
		assert_ptr_equal(next(false), &shares[0]);
		now += HV_CPU_WEIGHT_MAX / 10;
		assert_false(sched_policy_ran(&policy, &shares[0], now, true));
		sched_policy_add(&policy, &shares[0], false);
	}
	assert_int_equal(shares[0].start, 2);
}

/* Who yields is behind the others, whatever is left of its turn or its reserve. */
static void test_yield(void **state)
{
	(void)state;
	vp(0, 100, ALL, PERCENT(50));
	plain(1);
	wake();
	assert_ptr_equal(next(false), &shares[0]);
	now += 1000;
	policy.yields = true;
	assert_true(sched_policy_ran(&policy, &shares[0], now, false));
	assert_int_equal(shares[0].owed, 0);
	sched_policy_add(&policy, &shares[0], false);
	assert_ptr_equal(next(false), &shares[1]);
	now += 5 * MS;
	assert_true(sched_policy_ran(&policy, &shares[1], now, false));
	sched_policy_add(&policy, &shares[1], false);
	/* The root, too: until then it would have gone on. */
	assert_null(next(true));
	policy.yields = true;
	sched_policy_root_ran(&policy, now);
	assert_ptr_equal(next(true), &shares[0]);
}

/* To a processor whose time is another: with the same distance. */
static void test_move(void **state)
{
	struct sched_policy other;

	(void)state;
	sched_policy_init(&other);
	policy.clock = 1000;
	other.clock = 5000;
	shares[0].start = 1200;
	sched_share_move(&shares[0], &policy, &other);
	assert_int_equal(shares[0].start, 5200);
	shares[0].start = 10;
	sched_share_move(&shares[0], &policy, &other);
	assert_int_equal(shares[0].start, 5000);
	shares[0].start = 10;
	sched_share_move(&shares[0], &policy, &policy);
	assert_int_equal(shares[0].start, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_weights, setup),
		cmocka_unit_test_setup(test_extreme_weights, setup),
		cmocka_unit_test_setup(test_equal_turns, setup),
		cmocka_unit_test_setup(test_alone, setup),
		cmocka_unit_test_setup(test_sleep_earns_nothing, setup),
		cmocka_unit_test_setup(test_short_sleeps, setup),
		cmocka_unit_test_setup(test_cap_alone, setup),
		cmocka_unit_test_setup(test_cap_beside_others, setup),
		cmocka_unit_test_setup(test_caps_together, setup),
		cmocka_unit_test_setup(test_tiny_cap, setup),
		cmocka_unit_test_setup(test_cap_after_sleep, setup),
		cmocka_unit_test_setup(test_root_alone, setup),
		cmocka_unit_test_setup(test_busy_root, setup),
		cmocka_unit_test_setup(test_root_is_first, setup),
		cmocka_unit_test_setup(test_reserve_against_root, setup),
		cmocka_unit_test_setup(test_reserve_against_many, setup),
		cmocka_unit_test_setup(test_small_reserve, setup),
		cmocka_unit_test_setup(test_reserves_beyond_all, setup),
		cmocka_unit_test_setup(test_no_starvation, setup),
		cmocka_unit_test_setup(test_mixture, setup),
		cmocka_unit_test_setup(test_reserve_is_cap, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_turn_goes_on, setup),
		cmocka_unit_test_setup(test_owed, setup),
		cmocka_unit_test_setup(test_root_credit, setup),
		cmocka_unit_test_setup(test_root_credit_when_they_go, setup),
		cmocka_unit_test_setup(test_short_stays_count, setup),
		cmocka_unit_test_setup(test_yield, setup),
		cmocka_unit_test_setup(test_move, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
