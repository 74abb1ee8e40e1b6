/* SPDX-License-Identifier: MIT */
/*
 * Reference time and the guest's TSC: they run, stand while they are frozen, go
 * on from there, and are set exactly; the page tells the same, once all VPs
 * have that TSC; the processor's TSCs of times yet to come. That TSC is the
 * test's, at 10 ticks a unit or at an odd rate.
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

/* RDTSC of a VP that has the offset. */
static u64 guest_rdtsc(void)
{
	return fake_tsc + t.tsc_offset;
}

static void freeze(void)
{
	reference_time_freeze(&t);
}

static void thaw(void)
{
	reference_time_thaw(&t);
	reference_time_settled(&t);
}

/* What a guest reads there; false: it has to ask for the counter. */
static bool page_read(u64 *v)
{
	if (page.sequence == HV_TSC_INVALID || page.sequence == HV_TSC_INVALID_V2)
		return false;
	*v = (u64)((unsigned __int128)guest_rdtsc() * page.scale >> 64) + page.offset;
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
	freeze();
	fake_tsc += 1000;
	freeze();
	assert_int_equal(reference_time(&t), 5);
	thaw();
	assert_int_equal(reference_time(&t), 5);
	fake_tsc += 70;
	thaw();
	assert_int_equal(reference_time(&t), 12);
}

/* The guest's TSC is the processor's at first, and behind it by what it stood. */
static void tsc_stands(void **state)
{
	u64 before;

	(void)state;
	it_runs(state);
	assert_int_equal(t.tsc_offset, 0);
	assert_int_equal(reference_time_guest_tsc(&t), fake_tsc);
	before = fake_tsc;
	freeze();
	fake_tsc += 1000;
	assert_int_equal(reference_time_guest_tsc(&t), before);
	thaw();
	assert_int_equal(reference_time_guest_tsc(&t), before);
	assert_int_equal(guest_rdtsc(), before);
	fake_tsc += 70;
	assert_int_equal(reference_time_guest_tsc(&t), before + 70);
	freeze();
	fake_tsc += 500;
	freeze();
	fake_tsc += 500;
	thaw();
	thaw();
	assert_int_equal(t.tsc_offset, -2000ull);
	assert_int_equal(guest_rdtsc(), before + 70);
}

/* Both at once; neither of the two values is bound to the other or to what was. */
static void it_is_restored(void **state)
{
	static const struct {
		u64 time, tsc;
	} rows[] = { { 0, 0 }, { 12345, 1ull << 40 }, { 1ull << 50, 17 }, { 5, ~0ull - 100000 } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		it_runs(state);
		reference_time_page(&t, &page);
		freeze();
		reference_time_restore(&t, rows[i].time, rows[i].tsc, 7);
		fake_tsc += 999;
		assert_int_equal(reference_time(&t), rows[i].time);
		assert_int_equal(reference_time_guest_tsc(&t), rows[i].tsc);
		assert_int_equal(page.sequence, HV_TSC_INVALID);
		thaw();
		assert_int_equal(page.sequence, 8);
		fake_tsc += 20;
		assert_int_equal(guest_rdtsc(), rows[i].tsc + 20);
		assert_int_equal(reference_time_guest_tsc(&t), rows[i].tsc + 20);
		assert_in_range(reference_time(&t), rows[i].time + 1, rows[i].time + 3);
		assert_int_equal(
			((unsigned __int128)guest_rdtsc() * page.scale >> 64) + page.offset,
			reference_time(&t));
	}
}

static void it_is_set(void **state)
{
	static const u64 values[] = { 0, 1, 123456789, 1ull << 62 };

	(void)state;
	it_runs(state);
	freeze();
	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		reference_time_set(&t, values[i]);
		fake_tsc += 12345;
		assert_int_equal(reference_time(&t), values[i]);
	}
	thaw();
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
	freeze();
	assert_false(page_read(&v));
	frozen = reference_time(&t);
	fake_tsc += 1000000;
	assert_int_equal(reference_time(&t), frozen);
	reference_time_set(&t, 1ull << 40);
	assert_false(page_read(&v));
	thaw();
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
	freeze();
	reference_time_page(&t, &page);
	assert_false(page_read(&v));
	thaw();
	same();
	/* A time before the TSC's own start, and one that wraps. */
	freeze();
	reference_time_set(&t, ~0ull - 5);
	thaw();
	same();
}

/* A pause changes neither factor nor offset: who reads late reads no nonsense. */
static void page_over_a_pause(void **state)
{
	u64 scale, offset;

	(void)state;
	page_starts(2893202123, 55555);
	scale = page.scale;
	offset = page.offset;
	fake_tsc += 12345678;
	freeze();
	fake_tsc += 987654321;
	thaw();
	same();
	assert_int_equal(page.scale, scale);
	assert_int_equal(page.offset, offset);
}

/* Not before all VPs have the new TSC, whoever asks for it meanwhile. */
static void page_settles(void **state)
{
	u64 v, stood;

	(void)state;
	page_starts(2893202123, 55555);
	freeze();
	stood = reference_time(&t);
	fake_tsc += 1000000;
	reference_time_thaw(&t);
	assert_false(page_read(&v));
	assert_int_equal(reference_time(&t), stood);
	fake_tsc += 2893202123;
	assert_in_range(reference_time(&t), stood + 9999999, stood + 10000000);
	reference_time_page(&t, &page);
	assert_false(page_read(&v));
	reference_time_settled(&t);
	same();
}

/* Both values that mean "not valid" are passed over. */
static void page_sequence_wraps(void **state)
{
	static const u32 lasts[] = { 0xfffffffd, 0xfffffffe, 0xffffffff, 0, 1 };
	static const u32 nexts[] = { 0xfffffffe, 1, 1, 1, 2 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lasts); i++) {
		page_starts(2893202123, 55555);
		freeze();
		reference_time_restore(&t, 5, 5, lasts[i]);
		thaw();
		assert_int_equal(page.sequence, nexts[i]);
	}
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
	freeze();
	reference_time_set(&t, 1ull << 63);
	assert_false(reference_time_tsc(&t, (1ull << 63) + 1, &tsc));
	assert_true(reference_time_tsc(&t, 1ull << 63, &tsc));
	thaw();
	exact((1ull << 63) + 12345);
	assert_false(reference_time_tsc(&t, ~0ull, &tsc));
}

/* With a TSC that is far ahead of the processor's, or far behind it. */
static void tsc_of_a_tsc(void **state)
{
	static const u64 tscs[] = { 0, 1ull << 32, 1ull << 62, ~0ull - (1ull << 32) };
	u64 tsc;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(tscs); i++) {
		page_starts(2893202123, 987654321987);
		freeze();
		reference_time_restore(&t, 1ull << 40, tscs[i], 0);
		assert_false(reference_time_host_tsc(&t, tscs[i] + 1, &tsc));
		assert_true(reference_time_host_tsc(&t, tscs[i], &tsc));
		assert_int_equal(tsc, fake_tsc);
		thaw();
		fake_tsc += 1000;
		assert_true(reference_time_host_tsc(&t, tscs[i] + 1000, &tsc));
		assert_int_equal(tsc, fake_tsc);
		assert_true(reference_time_host_tsc(&t, tscs[i] + 1001, &tsc));
		assert_int_equal(tsc, fake_tsc + 1);
		assert_true(reference_time_host_tsc(&t, tscs[i] + 1000000, &tsc));
		assert_int_equal(tsc, fake_tsc + 999000);
		/* What is over, and what never comes. */
		assert_true(reference_time_host_tsc(&t, 0, &tsc));
		assert_int_equal(tsc, fake_tsc);
		if (tscs[i] < 1000)
			assert_false(reference_time_host_tsc(&t, ~0ull, &tsc));
		exact(reference_time(&t) + 12345);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs),
		cmocka_unit_test(it_stands),
		cmocka_unit_test(tsc_stands),
		cmocka_unit_test(it_is_set),
		cmocka_unit_test(it_is_restored),
		cmocka_unit_test(page_is_the_counter),
		cmocka_unit_test(page_while_frozen),
		cmocka_unit_test(page_over_a_pause),
		cmocka_unit_test(page_settles),
		cmocka_unit_test(page_sequence_wraps),
		cmocka_unit_test(tsc_of_a_time),
		cmocka_unit_test(tsc_of_a_tsc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
