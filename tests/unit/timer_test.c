/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/timer.c above a local APIC that only remembers its deadline.
 * sources: hypervisor/timer.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "hypervisor/timer.h"

#define NEVER (~0ull)

static struct cpu cpu;
static u64 hardware;
static u32 programmed; /* writes of the hardware */

struct cpu *this_cpu(void)
{
	return &cpu;
}

void apic_timer_set(u64 deadline)
{
	hardware = deadline;
	programmed++;
}

struct probe {
	struct timer timer;
	u32 fired;
	u32 order;
	u64 again; /* sets itself this much later, if not 0 */
	struct timer *cancels;
};

static u32 fired_total;

static void probe_fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	p->fired++;
	p->order = ++fired_total;
	assert_false(t->armed);
	if (p->cancels)
		timer_cancel(p->cancels);
	if (p->again)
		timer_set(t, t->deadline + p->again);
}

static struct probe probes[8];

static int set_up(void **state)
{
	(void)state;
	fake_tsc = 1000;
	fake_tsc_step = 0;
	hardware = NEVER;
	programmed = 0;
	fired_total = 0;
	timer_queue_init(&cpu.timers);
	for (u32 i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i] = (struct probe){ 0 };
		timer_init(&probes[i].timer, probe_fire);
	}
	return 0;
}

static void interrupt_at(u64 tsc)
{
	fake_tsc = tsc;
	hardware = NEVER;
	timer_interrupt();
}

static void test_fires_in_order(void **state)
{
	static const u64 at[] = { 5000, 2000, 9000, 3000, 2000 };
	static const u32 order[] = { 4, 1, 5, 3, 2 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(at); i++)
		timer_set(&probes[i].timer, at[i]);
	assert_int_equal(hardware, 2000);
	interrupt_at(2000);
	assert_int_equal(fired_total, 2);
	assert_int_equal(hardware, 3000);
	interrupt_at(9000);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		assert_int_equal(probes[i].fired, 1);
		assert_int_equal(probes[i].order, order[i]);
		assert_false(probes[i].timer.armed);
	}
	assert_int_equal(hardware, NEVER);
}

static void test_not_before_deadline(void **state)
{
	(void)state;
	timer_set(&probes[0].timer, 2000);
	interrupt_at(1999);
	assert_int_equal(probes[0].fired, 0);
	assert_true(probes[0].timer.armed);
	assert_int_equal(hardware, 2000);
}

static void test_past_deadline_by_interrupt(void **state)
{
	(void)state;
	timer_set(&probes[0].timer, 10);
	assert_int_equal(probes[0].fired, 0);
	assert_int_equal(hardware, 10);
	interrupt_at(1001);
	assert_int_equal(probes[0].fired, 1);
}

static void test_move(void **state)
{
	(void)state;
	timer_set(&probes[0].timer, 5000);
	timer_set(&probes[0].timer, 3000);
	assert_int_equal(hardware, 3000);
	timer_set(&probes[1].timer, 4000);
	timer_set(&probes[0].timer, 6000);
	interrupt_at(4000);
	assert_int_equal(probes[0].fired, 0);
	assert_int_equal(probes[1].fired, 1);
	assert_int_equal(hardware, 6000);
	interrupt_at(6000);
	assert_int_equal(probes[0].fired, 1);
}

/* A deadline that is only ever pushed on leaves the hardware alone. */
static void test_later_costs_no_write(void **state)
{
	(void)state;
	timer_set(&probes[0].timer, 2000);
	assert_int_equal(programmed, 1);
	for (u64 at = 3000; at < 10000; at += 1000)
		timer_set(&probes[0].timer, at);
	assert_int_equal(programmed, 1);
	interrupt_at(2000);
	assert_int_equal(probes[0].fired, 0);
	assert_int_equal(hardware, 9000);
}

static void test_cancel(void **state)
{
	(void)state;
	timer_cancel(&probes[0].timer);
	timer_set(&probes[0].timer, 2000);
	timer_set(&probes[1].timer, 3000);
	timer_cancel(&probes[0].timer);
	timer_cancel(&probes[0].timer);
	assert_false(probes[0].timer.armed);
	interrupt_at(2000);
	assert_int_equal(fired_total, 0);
	assert_int_equal(hardware, 3000);
	interrupt_at(3000);
	assert_int_equal(fired_total, 1);
}

static void test_cancel_of_one_that_is_due_too(void **state)
{
	(void)state;
	probes[0].cancels = &probes[1].timer;
	timer_set(&probes[0].timer, 2000);
	timer_set(&probes[1].timer, 2500);
	interrupt_at(3000);
	assert_int_equal(probes[0].fired, 1);
	assert_int_equal(probes[1].fired, 0);
	assert_int_equal(hardware, NEVER);
}

/* Else a timer with a tiny period would never let anybody else run. */
static void test_again_in_the_past_waits(void **state)
{
	(void)state;
	probes[0].again = 1;
	timer_set(&probes[0].timer, 2000);
	timer_set(&probes[1].timer, 2100);
	interrupt_at(5000);
	assert_int_equal(probes[0].fired, 1);
	assert_int_equal(probes[1].fired, 1);
	assert_int_equal(hardware, 2001);
	interrupt_at(5001);
	assert_int_equal(probes[0].fired, 2);
}

/* Callbacks that set timers: one write of the hardware at the end. */
static void test_one_write_per_interrupt(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].again = 10000 - i;
		timer_set(&probes[i].timer, 2000 + i);
	}
	programmed = 0;
	interrupt_at(3000);
	assert_int_equal(fired_total, ARRAY_SIZE(probes));
	assert_int_equal(programmed, 1);
	assert_int_equal(hardware, 12000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fires_in_order, set_up),
		cmocka_unit_test_setup(test_not_before_deadline, set_up),
		cmocka_unit_test_setup(test_past_deadline_by_interrupt, set_up),
		cmocka_unit_test_setup(test_move, set_up),
		cmocka_unit_test_setup(test_later_costs_no_write, set_up),
		cmocka_unit_test_setup(test_cancel, set_up),
		cmocka_unit_test_setup(test_cancel_of_one_that_is_due_too, set_up),
		cmocka_unit_test_setup(test_again_in_the_past_waits, set_up),
		cmocka_unit_test_setup(test_one_write_per_interrupt, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
