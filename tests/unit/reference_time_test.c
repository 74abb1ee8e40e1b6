/* SPDX-License-Identifier: MIT */
/*
 * Reference time: it runs, stands while it is frozen, goes on from there, and
 * is set exactly; the page tells the same; TSCs of times yet to come. The TSC is
 * the test's, at 10 ticks a unit or at an odd rate.
 * sources: hypervisor/reference_time.c tests/unit/fake/fake.c
 * cflags: -I tests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hypervisor/reference_time.h"

static struct reference_time t;

static struct hv_reference_tsc_page page;
u64 clock_tsc_hz = 100000000; /* 10 ticks a unit */

/* What a guest reads there; false: it has to ask for the counter. */
static bool page_read(u64 *v)
{
	if (page.sequence == HV_TSC_INVALID || page.sequence == HV_TSC_INVALID_V2)
		return false;
	*v = (u64)((unsigned __int128)fake_tsc * page.scale >> 64) + page.offset;
	return true;
}

static void it_runs(void **state)
{
	(void)state;
	clock_tsc_hz = 100000000;
	fake_tsc = 1000;
	fake_tsc_step = 0;
	reference_time_start(&t);
	assert_int_equal(reference_time(&t), 0);
	fake_tsc += 50;
	assert_int_equal(reference_time(&t), 5);
}

static void it_stands(void **state)
{
	(void)state;
	it_runs(state);
	reference_time_freeze(&t, true);
	fake_tsc += 1000;
	reference_time_freeze(&t, true);
	assert_int_equal(reference_time(&t), 5);
	reference_time_freeze(&t, false);
	assert_int_equal(reference_time(&t), 5);
	fake_tsc += 70;
	reference_time_freeze(&t, false);
	assert_int_equal(reference_time(&t), 12);
}

static void it_is_set(void **state)
{
	static const u64 values[] = { 0, 1, 123456789, 1ull << 62 };

	(void)state;
	it_runs(state);
	reference_time_freeze(&t, true);
	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		reference_time_set(&t, values[i]);
		fake_tsc += 12345;
		assert_int_equal(reference_time(&t), values[i]);
	}
	reference_time_freeze(&t, false);
	fake_tsc += 20;
	assert_int_equal(reference_time(&t), values[3] + 2);
	assert_int_equal(t.sequence & 1, 0);
}

static void page_starts(u64 hz, u64 tsc)
{
	clock_tsc_hz = hz;
	fake_tsc = tsc;
	fake_tsc_step = 0;
	page = (struct hv_reference_tsc_page){ .sequence = 0 };
	reference_time_start(&t);
	reference_time_page(&t, &page);
}

static void same(void)
{
	u64 v;

	assert_true(page_read(&v));
	assert_int_equal(v, reference_time(&t));
}

static void page_is_the_counter(void **state)
{
	static const u64 rates[] = { 10000001, 100000000, 2893202123, 5000000000 };

	(void)state;
	for (u32 r = 0; r < ARRAY_SIZE(rates); r++) {
		page_starts(rates[r], 987654321987);
		assert_int_equal(reference_time(&t), 0);
		for (u32 i = 0; i < 100000; i++) {
			fake_tsc += 1 + i * 7919ull;
			same();
		}
		/* An hour is an hour. */
		page_starts(rates[r], 123456789);
		fake_tsc += 3600 * rates[r];
		assert_in_range(reference_time(&t), 36000000000 - 1, 36000000000);
	}
}

static void page_while_frozen(void **state)
{
	u32 sequence;
	u64 v, frozen;

	(void)state;
	page_starts(2893202123, 55555);
	sequence = page.sequence;
	fake_tsc += 12345678;
	reference_time_freeze(&t, true);
	assert_false(page_read(&v));
	frozen = reference_time(&t);
	fake_tsc += 1000000;
	assert_int_equal(reference_time(&t), frozen);
	reference_time_set(&t, 1ull << 40);
	assert_false(page_read(&v));
	reference_time_freeze(&t, false);
	assert_int_not_equal(page.sequence, sequence);
	same();
	assert_int_equal(reference_time(&t), 1ull << 40);
	fake_tsc += 2893202123;
	same();
	assert_in_range(reference_time(&t), (1ull << 40) + 9999999, (1ull << 40) + 10000000);
	/* A page that comes while the time stands is not valid before it goes on. */
	page_starts(2893202123, 55555);
	reference_time_page(&t, NULL);
	page.sequence = 0;
	reference_time_freeze(&t, true);
	reference_time_page(&t, &page);
	assert_false(page_read(&v));
	reference_time_freeze(&t, false);
	same();
	/* A time before the TSC's own start, and one that wraps. */
	reference_time_freeze(&t, true);
	reference_time_set(&t, ~0ull - 5);
	reference_time_freeze(&t, false);
	same();
}

/* Both values that mean "not valid" are passed over. */
static void page_sequence_wraps(void **state)
{
	(void)state;
	page_starts(2893202123, 55555);
	t.page_sequence = 0xfffffffe;
	reference_time_freeze(&t, true);
	reference_time_freeze(&t, false);
	assert_int_equal(page.sequence, 1);
}

/* The first tick at which it is that late, and not the one before. */
static void exact(u64 when)
{
	u64 tsc, now = fake_tsc;

	assert_true(reference_time_tsc(&t, when, &tsc));
	assert_true(tsc >= now);
	fake_tsc = tsc;
	assert_true(reference_time(&t) >= when);
	if (tsc > now) {
		fake_tsc = tsc - 1;
		assert_true(reference_time(&t) < when);
	}
	fake_tsc = now;
}

static void tsc_of_a_time(void **state)
{
	static const u64 rates[] = { 10000001, 100000000, 2893202123, 5000000000 };
	u64 tsc;

	(void)state;
	for (u32 r = 0; r < ARRAY_SIZE(rates); r++) {
		page_starts(rates[r], 987654321987);
		fake_tsc += rates[r];
		for (u64 i = 1; i < 1ull << 44; i += i / 3 + 1)
			exact(reference_time(&t) + i);
		/* Over: now. */
		assert_true(reference_time_tsc(&t, 5, &tsc));
		assert_int_equal(tsc, fake_tsc);
		assert_true(reference_time_tsc(&t, reference_time(&t), &tsc));
		assert_int_equal(tsc, fake_tsc);
		/* Never. */
		assert_false(reference_time_tsc(&t, ~0ull, &tsc));
		assert_false(reference_time_tsc(&t, ~0ull / 2, &tsc) && tsc < 1ull << 62);
	}
	/* From far away. */
	reference_time_freeze(&t, true);
	reference_time_set(&t, 1ull << 63);
	assert_false(reference_time_tsc(&t, (1ull << 63) + 1, &tsc));
	assert_true(reference_time_tsc(&t, 1ull << 63, &tsc));
	reference_time_freeze(&t, false);
	exact((1ull << 63) + 12345);
	assert_false(reference_time_tsc(&t, ~0ull, &tsc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs),
		cmocka_unit_test(it_stands),
		cmocka_unit_test(it_is_set),
		cmocka_unit_test(page_is_the_counter),
		cmocka_unit_test(page_while_frozen),
		cmocka_unit_test(page_sequence_wraps),
		cmocka_unit_test(tsc_of_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
