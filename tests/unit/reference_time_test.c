/* SPDX-License-Identifier: MIT */
/*
 * Reference time: it runs, stands while it is frozen, goes on from there, and
 * is set exactly. The TSC is the test's, at 10 ticks a unit.
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

u64 clock_tsc_to_ns(u64 ticks)
{
	return ticks * 10;
}

static void it_runs(void **state)
{
	(void)state;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs),
		cmocka_unit_test(it_stands),
		cmocka_unit_test(it_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
