/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/clock.c on a made-up machine whose true frequencies are known:
 * HPET and PM timer count by the TSC, readings take time, and a host takes
 * the processor away now and then.
 * sources: hypervisor/clock.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hypervisor/clock.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "hypervisor/platform.h"

#define HPET_SPA 0xfed00000u
#define PM_PORT  0xb008u
#define PM_HZ    3579545u

static u8 hpet_page[4096];
static u64 true_hz;
static u32 hpet_period; /* fs */
static bool hpet_on;
static bool pm_on;
static u64 read_cost;    /* TSC ticks */
static u32 stall_chance; /* of 256, at each reading */
static u32 seed;
static u64 stall;
static u32 reads;
static u64 epoch; /* both counters stand near their wrap when it starts */

volatile void *paging_map_device(u64 spa, u64 size)
{
	assert_int_equal(spa, HPET_SPA);
	assert_true(size <= sizeof(hpet_page));
	return hpet_page;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static void device_access(void)
{
	fake_tsc += read_cost;
	seed = seed * 1664525 + 1013904223;
	reads++;
	if (seed >> 24 < stall_chance)
		fake_tsc += stall;
}

static u32 counter(u64 hz)
{
	return (u32)(0xfffff000u + (unsigned __int128)(fake_tsc - epoch) * hz / true_hz);
}

static u32 hpet_reg(const volatile void *p)
{
	u64 offset = (u64)((const volatile u8 *)p - hpet_page);
	u32 v = 0;

	if (offset == 4)
		return hpet_period;
	if (offset == 0xf0 && hpet_on)
		v = counter(1000000000000000ull / hpet_period);
	device_access();
	return v;
}

static void hpet_write(volatile void *p, u32 v)
{
	assert_int_equal((volatile u8 *)p - hpet_page, 0x10);
	assert_true(v & 1);
}

static u32 pm_read(u16 port, u32 size)
{
	u32 v = pm_on ? counter(PM_HZ) & 0xffffff : 0;

	assert_int_equal(port, PM_PORT);
	assert_int_equal(size, 4);
	device_access();
	return v;
}

static int set_up(void **state)
{
	(void)state;
	fake_tsc = 123456789;
	fake_tsc_step = 20;
	epoch = fake_tsc;
	true_hz = 2893202123ull;
	hpet_period = 69841279;
	hpet_on = pm_on = true;
	read_cost = 1500;
	stall_chance = 0;
	reads = 0;
	fake_on_mmio_read = hpet_reg;
	fake_on_mmio_write = hpet_write;
	fake_on_in = pm_read;
	clock_tsc_hz = 0;
	clock_boot_tsc = 0;
	return 0;
}

static struct platform machine(bool hpet, bool pm)
{
	return (struct platform){
		.hpet_address = hpet ? HPET_SPA : 0,
		.pm_timer_port = pm ? PM_PORT : 0,
		.pm_timer_bits = 24,
	};
}

static void assert_ppm(u64 a, u64 b, u64 ppm)
{
	u64 diff = a > b ? a - b : b - a;

	if (diff > b / 1000000 * ppm)
		fail_msg("%lu is not within %lu ppm of %lu", a, ppm, b);
}

static void calibrate(bool hpet, bool pm, u64 ppm)
{
	struct platform p = machine(hpet, pm);
	u64 before = fake_tsc;

	assert_true(clock_init(&p));
	assert_ppm(clock_tsc_hz, true_hz, ppm);
	/* No more than 10 ms of the boot, and half as long for an HPET that stands. */
	assert_true(
		(fake_tsc - before) * 1000 <= true_hz * (hpet_on ? 10 : 15) + stall * 1000 * reads);
}

static void test_hpet(void **state)
{
	static const u64 hz[] = { 200000000, 1000000000, 2500000001ull, 5800000000ull };
	static const u32 period[] = { 10000000, 41666667, 69841279, 100000000 };

	for (u32 i = 0; i < ARRAY_SIZE(hz); i++)
		for (u32 j = 0; j < ARRAY_SIZE(period); j++) {
			set_up(state);
			true_hz = hz[i];
			hpet_period = period[j];
			read_cost = hz[i] / 2000000; /* 0.5 us */
			calibrate(true, true, 60);
		}
}

static void test_pm_timer(void **state)
{
	static const u64 hz[] = { 200000000, 1000000000, 3600000000ull };

	for (u32 i = 0; i < ARRAY_SIZE(hz); i++) {
		set_up(state);
		true_hz = hz[i];
		read_cost = hz[i] / 1000000; /* 1 us */
		calibrate(false, true, 120);
	}
}

/* Readings that a stall of 300 us hit, every other one, are recognised and not used. */
static void test_stalls(void **state)
{
	for (u32 i = 0; i < 50; i++) {
		set_up(state);
		seed = i;
		stall_chance = 128;
		stall = true_hz * 3 / 10000;
		calibrate(true, false, 100);
	}
	stall = 0;
}

static void test_falls_back_to_pm_timer(void **state)
{
	(void)state;
	hpet_on = false;
	calibrate(true, true, 120);
}

static void test_bad_hpet_period(void **state)
{
	(void)state;
	hpet_period = 0;
	calibrate(true, true, 120);
	hpet_period = 100000001;
	calibrate(true, true, 120);
}

static void test_nothing_counts(void **state)
{
	struct platform none = machine(false, false);
	struct platform dead = machine(true, true);

	(void)state;
	assert_false(clock_init(&none));
	hpet_on = pm_on = false;
	assert_false(clock_init(&dead));
}

static void test_conversions(void **state)
{
	static const u64 ns[] = { 0, 1, 999, 1000000007, 86400ull * 1000000000,
		100ull * 365 * 86400 * 1000000000 };

	(void)state;
	calibrate(true, true, 60);
	for (u32 i = 0; i < ARRAY_SIZE(ns); i++) {
		u64 tsc = (u64)((unsigned __int128)ns[i] * clock_tsc_hz / 1000000000);
		u64 slack = (u64)((unsigned __int128)tsc >> 54) + 1;

		assert_in_range(clock_ns_to_tsc(ns[i]), tsc < slack ? 0 : tsc - slack, tsc);
		assert_in_range(
			clock_tsc_to_ns(tsc), ns[i] < slack + 1 ? 0 : ns[i] - slack - 1, ns[i]);
	}
}

static void test_delay(void **state)
{
	u64 before;

	(void)state;
	calibrate(true, true, 60);
	before = fake_tsc;
	clock_delay_us(250);
	assert_in_range(fake_tsc - before, clock_tsc_hz / 4000, clock_tsc_hz / 4000 + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hpet, set_up),
		cmocka_unit_test_setup(test_pm_timer, set_up),
		cmocka_unit_test_setup(test_stalls, set_up),
		cmocka_unit_test_setup(test_falls_back_to_pm_timer, set_up),
		cmocka_unit_test_setup(test_bad_hpet_period, set_up),
		cmocka_unit_test_setup(test_nothing_counts, set_up),
		cmocka_unit_test_setup(test_conversions, set_up),
		cmocka_unit_test_setup(test_delay, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
