/* SPDX-License-Identifier: MIT */
/*
 * The wall clock from a made-up chipset: its formats, an update in the middle, and that it
 * is read once only.
 * sources: rootpart/rtc.c rootpart/time.c lib/string.c tests/unit/fake_root.c tests/unit/fake/fake.c
 * cflags: -iquote tests/unit/fake/root -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "rootpart/rtc.h"
#include "rootpart/time.h"
#include "tests/unit/fake_root.h"

/* 2026-01-01 00:00:00 */
#define NEW_YEAR 1767225600ull

static u8 registers[128];
static u8 chosen;
static u32 reads;
static u32 busy; /* looks at status A that still find an update */
static void (*on_read)(void);

static void out(u16 port, u32 size, u32 v)
{
	assert_int_equal(size, 1);
	assert_int_equal(port, 0x70);
	chosen = (u8)v;
}

static u32 in(u16 port, u32 size)
{
	assert_int_equal(size, 1);
	assert_int_equal(port, 0x71);
	reads++;
	if (chosen == 0x0a && busy > 0) {
		busy--;
		fake_tsc += 20 * NS_PER_US;
		return 0x80;
	}
	if (on_read != NULL)
		on_read();
	return registers[chosen & 127];
}

/* Year, month, day, hour, minute, second, as the registers have them. */
static void set(u8 year, u8 month, u8 day, u8 hour, u8 minute, u8 second)
{
	registers[9] = year;
	registers[8] = month;
	registers[7] = day;
	registers[4] = hour;
	registers[2] = minute;
	registers[0] = second;
}

static int begin(void **state)
{
	(void)state;
	fake_on_in = in;
	fake_on_out = out;
	fake_tsc = 0;
	time_init(NS_PER_S, 0); /* a tick is a nanosecond */
	memset(registers, 0, sizeof(registers));
	registers[0x0b] = 0x02; /* BCD, 24 hours */
	set(0x26, 0x01, 0x01, 0, 0, 0);
	reads = busy = 0;
	on_read = NULL;
	return 0;
}

static u64 at_boot(void)
{
	rtc_init();
	return rtc_seconds();
}

static void formats(void **state)
{
	(void)state;
	assert_int_equal(at_boot(), NEW_YEAR);
	set(0x28, 0x03, 0x01, 0x23, 0x59, 0x58);
	assert_int_equal(at_boot(), 1835567998);
	registers[0x0b] = 0x06;
	set(28, 2, 29, 13, 1, 2);
	assert_int_equal(at_boot(), 1835442062);
	registers[0x0b] = 0x04;
	set(28, 2, 29, 0x81, 1, 2);
	assert_int_equal(at_boot(), 1835442062);
	registers[0x0b] = 0;
	set(0x26, 0x01, 0x01, 0x12, 0, 0);
	assert_int_equal(at_boot(), NEW_YEAR);
	set(0x26, 0x01, 0x01, 0x92, 0, 0);
	assert_int_equal(at_boot(), NEW_YEAR + 12 * 3600);
}

static void it_is_read_once(void **state)
{
	u32 before;

	(void)state;
	fake_tsc = 5 * NS_PER_S + 7;
	assert_int_equal(at_boot(), NEW_YEAR);
	before = reads;
	assert_true(before > 0);
	set(0x30, 1, 1, 1, 1, 1);
	fake_tsc += NS_PER_S - 1;
	assert_int_equal(rtc_seconds(), NEW_YEAR);
	fake_tsc++;
	assert_int_equal(rtc_seconds(), NEW_YEAR + 1);
	fake_tsc += 86400 * NS_PER_S;
	assert_int_equal(rtc_seconds(), NEW_YEAR + 86401);
	assert_int_equal(reads, before);
}

/* The minute goes over between two registers of the first reading. */
static void tick(void)
{
	static u32 at;

	if (++at == 4) {
		registers[0] = 0;
		registers[2] = 0x01;
	}
}

static void an_update_is_not_read_in_the_middle(void **state)
{
	(void)state;
	busy = 20;
	registers[0] = 0x59;
	on_read = tick;
	assert_int_equal(at_boot(), NEW_YEAR + 60);
	assert_int_equal(busy, 0);
}

/* Milliseconds, not for ever. */
static void an_update_that_never_ends(void **state)
{
	(void)state;
	busy = ~0u;
	assert_int_equal(at_boot(), NEW_YEAR);
	assert_true(fake_tsc < 30 * NS_PER_MS);
	assert_true(reads < 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(formats, begin),
		cmocka_unit_test_setup(it_is_read_once, begin),
		cmocka_unit_test_setup(an_update_is_not_read_in_the_middle, begin),
		cmocka_unit_test_setup(an_update_that_never_ends, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
