/* SPDX-License-Identifier: MIT */
/*
 * Weights, caps, reserves and the root's credit, on a processor that is
 * simulated.
 * sources: hypervisor/sched_policy.c
 */
#include "tests/unit/sched_policy_machine.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
