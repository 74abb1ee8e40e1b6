/* SPDX-License-Identifier: MIT */
/*
 * The worker's clock, and its calendar against the host's.
 * sources: rootpart/worker/rtc.c lib/date.c rootpart/worker/sys.c
 * sources: tests/unit/fake_worker.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "lib/date.h"
#include "rootpart/worker/rtc.h"

#define SECOND 1000000000ull
/* Thursday, 2026-11-26 23:59:58 UTC. */
#define START 1795737598ull

static struct rtc r;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake.start.wall_seconds = START;
	fake.start.wall_ns = 5 * SECOND;
	fake.time = 5 * SECOND;
	rtc_init(&r);
	return 0;
}

static u8 rd(u8 reg)
{
	rtc_write(&r, 0, reg);
	return rtc_read(&r, 1);
}

static void wr(u8 reg, u8 v)
{
	rtc_write(&r, 0, reg);
	rtc_write(&r, 1, v);
}

static void check_time(u8 hour, u8 minute, u8 second)
{
	assert_int_equal(rd(4), hour);
	assert_int_equal(rd(2), minute);
	assert_int_equal(rd(0), second);
}

static void check_date(u8 century, u8 year, u8 month, u8 day, u8 weekday)
{
	assert_int_equal(rd(0x32), century);
	assert_int_equal(rd(9), year);
	assert_int_equal(rd(8), month);
	assert_int_equal(rd(7), day);
	assert_int_equal(rd(6), weekday);
}

static void shows_the_roots_time(void **state)
{
	(void)state;
	assert_int_equal(rtc_read(&r, 0), 0xff);
	assert_int_equal(rd(0x0a), 0x26);
	assert_int_equal(rd(0x0b), 0x02);
	assert_int_equal(rd(0x0d), 0x80);
	check_time(0x23, 0x59, 0x58);
	check_date(0x20, 0x26, 0x11, 0x26, 5);
	fake.time += 2 * SECOND;
	check_time(0, 0, 0);
	check_date(0x20, 0x26, 0x11, 0x27, 6);
}

static void binary_and_12_hours(void **state)
{
	(void)state;
	wr(0x0b, 0x06);
	check_time(23, 59, 58);
	check_date(20, 26, 11, 26, 5);
	wr(0x0b, 0x04);
	check_time(11 | 0x80, 59, 58);
	wr(0x0b, 0x00);
	check_time(0x91, 0x59, 0x58);
	fake.time += 2 * SECOND;
	check_time(0x12, 0, 0); /* midnight is 12 AM */
	fake.time += 12 * 3600 * SECOND;
	check_time(0x92, 0, 0);
	fake.time += 3600 * SECOND;
	check_time(0x81, 0, 0);
}

static void can_be_set(void **state)
{
	(void)state;
	wr(0x0b, 0x82);
	fake.time += 100 * SECOND;
	check_time(0x23, 0x59, 0x58); /* it stands still */
	wr(0x32, 0x19);
	wr(9, 0x99);
	wr(8, 0x12);
	wr(7, 0x31);
	wr(4, 0x12);
	wr(2, 0x34);
	wr(0, 0x56);
	check_time(0x12, 0x34, 0x56);
	wr(0x0b, 0x02);
	check_time(0x12, 0x34, 0x56);
	check_date(0x19, 0x99, 0x12, 0x31, 6);
	fake.time += (11 * 3600 + 25 * 60 + 4) * SECOND;
	check_time(0, 0, 0);
	check_date(0x20, 0x00, 0x01, 0x01, 7);
	/* One register of the running clock. */
	wr(9, 0x26);
	check_date(0x20, 0x26, 0x01, 0x01, 5);
	check_time(0, 0, 0);
	wr(0x0b, 0x00);
	wr(4, 0x83);
	wr(0x0b, 0x02);
	check_time(0x15, 0, 0);
}

static void impossible_dates_are_dropped(void **state)
{
	static const u8 bad[][2] = { { 8, 0x13 }, { 8, 0 }, { 7, 0x32 }, { 7, 0 }, { 7, 0x31 },
		{ 4, 0x24 }, { 2, 0x60 }, { 0, 0x60 }, { 0, 0x0a }, { 0, 0xa0 }, { 9, 0xff },
		{ 0x32, 0xaa } };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		wr(0x0b, 0x82);
		wr(bad[i][0], bad[i][1]);
		assert_int_equal(rd(bad[i][0]), bad[i][1]);
		wr(0x0b, 0x02);
		check_time(0x23, 0x59, 0x58);
		check_date(0x20, 0x26, 0x11, 0x26, 5);
	}
	wr(0x0b, 0x00);
	wr(4, 0x13);
	wr(4, 0x80);
	wr(0x0b, 0x06);
	wr(9, 100);
	check_time(23, 59, 58);
	check_date(20, 26, 11, 26, 5);
	wr(7, 30); /* November has one */
	check_date(20, 26, 11, 30, 2);
}

static void update_in_progress(void **state)
{
	(void)state;
	assert_int_equal(rd(0x0a), 0x26);
	fake.time += SECOND - 244001;
	assert_int_equal(rd(0x0a), 0x26);
	fake.time += 1;
	assert_int_equal(rd(0x0a), 0xa6);
	wr(0x0b, 0x82);
	assert_int_equal(rd(0x0a), 0x26);
	wr(0x0b, 0x02);
	fake.time += 244000;
	assert_int_equal(rd(0x0a), 0x26);
	wr(0x0a, 0xff);
	assert_int_equal(rd(0x0a), 0x7f);
}

static void update_ended(void **state)
{
	(void)state;
	rd(0x0c);
	assert_int_equal(rd(0x0c), 0);
	fake.time += SECOND;
	assert_int_equal(rd(0x0c), 0x10);
	assert_int_equal(rd(0x0c), 0);
	wr(0x0b, 0x12);
	fake.time += SECOND;
	assert_int_equal(rd(0x0c), 0x90);
	wr(0x0b, 0x92);
	fake.time += SECOND;
	assert_int_equal(rd(0x0c), 0);
	wr(0x0c, 0xff);
	wr(0x0d, 0);
	assert_int_equal(rd(0x0d), 0x80);
}

static void memory_bytes(void **state)
{
	(void)state;
	for (u8 reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			wr(reg, (u8)(reg ^ 0xff));
	for (u8 reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			assert_int_equal(rd(reg), (u8)(reg ^ 0xff));
	wr(1, 0xc0); /* an alarm is remembered */
	assert_int_equal(rd(1), 0xc0);
	/* The index has seven bits; the eighth masks NMIs. */
	wr(0x8e, 0x11);
	assert_int_equal(rd(0x0e), 0x11);
}

static void calendar(void **state)
{
	(void)state;
	/* From 1583 on, in steps that meet all months and the ends of centuries. */
	for (s64 t = -12212553600; t < 253402300800; t += 86400 * 13 + 12345) {
		struct date d = date_of(t);
		time_t host = (time_t)t;
		struct tm tm;

		assert_non_null(gmtime_r(&host, &tm));
		assert_int_equal(d.second, tm.tm_sec);
		assert_int_equal(d.minute, tm.tm_min);
		assert_int_equal(d.hour, tm.tm_hour);
		assert_int_equal(d.weekday, tm.tm_wday + 1);
		assert_int_equal(d.day, tm.tm_mday);
		assert_int_equal(d.month, tm.tm_mon + 1);
		assert_int_equal(d.year, tm.tm_year + 1900);
		assert_true(date_valid(&d));
		assert_int_equal(date_seconds(&d), t);
	}
}

static void ends_of_the_calendar(void **state)
{
	struct date first = date_of(INT64_MIN), last = date_of(INT64_MAX);
	struct date leap = { .day = 29, .month = 2, .year = 2000 };

	(void)state;
	assert_int_equal(first.year, 0);
	assert_int_equal(first.month * 100 + first.day, 101);
	assert_int_equal(last.year, 9999);
	assert_int_equal(last.month * 100 + last.day, 1231);
	assert_int_equal(last.hour * 10000 + last.minute * 100 + last.second, 235959);
	assert_true(date_valid(&leap));
	leap.year = 1900;
	assert_false(date_valid(&leap));
	leap.year = 10000;
	assert_false(date_valid(&leap));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(shows_the_roots_time, setup),
		cmocka_unit_test_setup(binary_and_12_hours, setup),
		cmocka_unit_test_setup(can_be_set, setup),
		cmocka_unit_test_setup(impossible_dates_are_dropped, setup),
		cmocka_unit_test_setup(update_in_progress, setup),
		cmocka_unit_test_setup(update_ended, setup),
		cmocka_unit_test_setup(memory_bytes, setup),
		cmocka_unit_test(calendar),
		cmocka_unit_test(ends_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
