/* SPDX-License-Identifier: MIT */
/*
 * Single steps of the policy: turns that go on, yields, what is owed and paid
 * when, and what becomes of virtual time elsewhere.
 * sources: hypervisor/sched_policy.c
 */
#include "tests/unit/sched_policy_machine.h"

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
