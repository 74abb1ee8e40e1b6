/* SPDX-License-Identifier: MIT */
/*
 * Timers of a VP: the order of the queue against a plain search, moving,
 * stopping, timers started while others fire, and when the hardware is set.
 * sources: rootpart/timer_queue.c rootpart/timer.c rootpart/time.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/apic.h"
#include "rootpart/cpu.h"
#include "rootpart/time.h"
#include "rootpart/timer.h"
#include "tests/unit/fake_root.h"

#define TIMERS 200

static struct cpu cpu;
static u64 hardware; /* TSC that the fake APIC timer stands at */
static u32 programmed;
static struct timer *fired[TIMERS];
static u32 fired_count;

struct cpu *this_cpu(void)
{
	return &cpu;
}

void apic_timer_set(u64 tsc)
{
	hardware = tsc;
	programmed++;
}

static void note(struct timer *t)
{
	assert_false(t->armed);
	fired[fired_count++] = t;
}

static int setup(void **state)
{
	(void)state;
	timer_queue_init(&cpu.timers);
	fake_tsc = 0;
	time_init(NS_PER_S, 0); /* a tick is a nanosecond */
	hardware = TIME_NEVER;
	programmed = 0;
	fired_count = 0;
	return 0;
}

static void random_order(void **state)
{
	static struct timer timers[TIMERS];
	u64 last = 0;
	u32 armed = 0;

	(void)state;
	srand(3);
	for (u32 i = 0; i < TIMERS; i++)
		timer_init(&timers[i], note);
	for (u32 step = 0; step < 2000; step++) {
		struct timer *t = &timers[rand() % TIMERS];

		if (rand() % 4 == 0 && t->armed)
			timer_queue_remove(t);
		else
			timer_queue_insert(&cpu.timers, t, (u64)rand() % 1000);
	}
	for (u32 i = 0; i < TIMERS; i++)
		armed += timers[i].armed;
	last = timer_queue_expire(&cpu.timers, 499);
	assert_int_equal(last, timer_queue_next(&cpu.timers));
	last = 0;
	assert_true(timer_queue_next(&cpu.timers) >= 500);
	assert_int_equal(timer_queue_expire(&cpu.timers, 1000), TIME_NEVER);
	assert_int_equal(fired_count, armed);
	for (u32 i = 0; i < fired_count; i++) {
		assert_true(fired[i]->deadline >= last);
		last = fired[i]->deadline;
	}
}

static void equal_deadlines_in_order(void **state)
{
	struct timer t[3];

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		timer_init(&t[i], note);
		timer_queue_insert(&cpu.timers, &t[i], 5);
	}
	timer_queue_expire(&cpu.timers, 5);
	for (u32 i = 0; i < 3; i++)
		assert_ptr_equal(fired[i], &t[i]);
}

static void hardware_only_moves_earlier(void **state)
{
	struct timer a, b, c;

	(void)state;
	timer_init(&a, note);
	timer_init(&b, note);
	timer_init(&c, note);
	timer_start(&a, 1000);
	assert_int_equal(hardware, 1001);
	timer_start(&b, 2000);
	assert_int_equal(programmed, 1);
	timer_start(&c, 500);
	assert_int_equal(hardware, 501);
	timer_stop(&c);
	assert_int_equal(programmed, 2);
	/* The interrupt for nothing sets the next. */
	fake_tsc = 501;
	timer_interrupt();
	assert_int_equal(fired_count, 0);
	assert_int_equal(hardware, 1001);
	fake_tsc = 2500;
	timer_interrupt();
	assert_int_equal(fired_count, 2);
	assert_int_equal(cpu.timers.programmed, TIME_NEVER);
	assert_int_equal(programmed, 3);
}

static struct timer again;
static u32 repeats;

static void start_again(struct timer *t)
{
	assert_ptr_equal(t, &again);
	if (++repeats < 5)
		timer_start(&again, time_ns() + 100);
}

static void start_while_firing(void **state)
{
	(void)state;
	repeats = 0;
	timer_init(&again, start_again);
	timer_start(&again, 100);
	for (u32 i = 1; i <= 5; i++) {
		assert_int_equal(programmed, i);
		assert_true(hardware > fake_tsc && hardware <= fake_tsc + 101);
		fake_tsc = hardware;
		timer_interrupt();
		assert_int_equal(repeats, i);
	}
	assert_int_equal(programmed, 5);
	assert_false(again.armed);
}

/* A deadline that passed meanwhile is fired in the same interrupt. */
static void start_in_the_past_while_firing(void **state)
{
	(void)state;
	repeats = 3;
	timer_init(&again, start_again);
	timer_start(&again, 0);
	fake_tsc = 10;
	timer_interrupt();
	assert_int_equal(repeats, 4);
	fake_tsc = 1000;
	timer_interrupt();
	assert_int_equal(repeats, 5);
}

static void conversions(void **state)
{
	static const u64 rates[] = { 1000000, 999999999, 2400000000, 3893123456, 8000000000 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rates); i++) {
		time_init(rates[i], 12345);
		for (u64 ns = 1; ns < 400 * 86400 * NS_PER_S; ns = ns * 3 + 1) {
			double exact = (double)ns * (double)rates[i] / 1e9;
			double got = (double)time_ns_to_tsc(ns);

			/* Never too short, and long by a few parts in 10^6 at most. */
			assert_true(got >= exact * 0.9999999 - 1);
			assert_true(got <= exact * 1.000002 + 1);
			fake_tsc = time_deadline_tsc(ns);
			assert_true(time_ns() >= ns - ns / 500000);
		}
	}
	assert_int_equal(time_deadline_tsc(TIME_NEVER), TIME_NEVER);
	assert_int_equal(time_deadline_tsc(TIME_NEVER - 1), TIME_NEVER - 1);
	assert_int_equal(
		time_tsc_to_ns(~0ull), (u64)(((unsigned __int128)~0ull * 134217728) >> 30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_order, setup),
		cmocka_unit_test_setup(equal_deadlines_in_order, setup),
		cmocka_unit_test_setup(hardware_only_moves_earlier, setup),
		cmocka_unit_test_setup(start_while_firing, setup),
		cmocka_unit_test_setup(start_in_the_past_while_firing, setup),
		cmocka_unit_test_setup(conversions, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
