/* SPDX-License-Identifier: MIT */
/*
 * The virtual APIC's timer above the real queue of timers: expiries to the
 * nanosecond, counts, every change while it runs, and a clock that stands.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/msr.h"

#define VECTOR   0xecu
#define PERIODIC ((u32)APIC_TIMER_PERIODIC)
#define DEADLINE ((u32)APIC_TIMER_DEADLINE)
#define MASKED   ((u32)APIC_LVT_MASKED)
#define BY_1     0xbu
#define TICK_NS  (1000000000u / VLAPIC_HZ)
#define NEVER    (~0ull)

static struct vp *const vp = &vps[0];
static u64 start;

static int set_up(void **state)
{
	machine_set_up(state);
	page_write(0, APIC_TIMER_DIVIDE, BY_1);
	start = fake_tsc;
	return 0;
}

/* True once for each interrupt of the timer. */
static bool came(void)
{
	if (!is_pending(0, VECTOR))
		return false;
	take(0, VECTOR);
	return true;
}

static void at_ns(u64 ns)
{
	machine_run_to(start + machine_ns_to_tsc(ns));
}

static u32 current(void)
{
	return page_read(0, APIC_TIMER_CURRENT);
}

static void test_one_shot(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000); /* 100 us */
	assert_int_equal(current(), 20000);
	at_ns(25000);
	assert_in_range(current(), 15000, 15001);
	at_ns(99990);
	assert_false(came());
	assert_in_range(current(), 1, 3);
	at_ns(100001);
	assert_true(came());
	assert_int_equal(current(), 0);
	assert_int_equal(page_read(0, APIC_TIMER_INITIAL), 20000);
	at_ns(10000000);
	assert_false(came());
	assert_int_equal(machine_hardware, NEVER);
	/* Rewriting the vector does not start it again. */
	page_write(0, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(machine_hardware, NEVER);
}

static void test_dividers(void **state)
{
	static const struct {
		u32 config, by;
	} rows[] = { { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 },
		{ 11, 1 } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 ns = 1000ull * rows[i].by * TICK_NS;

		set_up(state);
		page_write(0, APIC_LVT_TIMER, VECTOR);
		page_write(0, APIC_TIMER_DIVIDE, rows[i].config);
		page_write(0, APIC_TIMER_INITIAL, 1000);
		at_ns(ns / 2);
		assert_in_range(current(), 500, 501);
		at_ns(ns - 1);
		assert_false(came());
		at_ns(ns + 1);
		assert_true(came());
	}
}

/* The largest count fits, and its expiry is exact. */
static void test_longest(void **state)
{
	u64 ns = 0xffffffffull * 128 * TICK_NS;

	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_DIVIDE, 10);
	page_write(0, APIC_TIMER_INITIAL, ~0u);
	at_ns(ns - 2);
	assert_false(came());
	at_ns(ns + 1);
	assert_true(came());
}

/* A million periods later it stands where it should, however late each was served. */
static void test_periodic_does_not_drift(void **state)
{
	const u64 period = 20003 * TICK_NS;
	const u32 count = 1000000;
	u64 last;

	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20003);
	for (u32 i = 0; i < count; i++) {
		/* The processor's timer interrupt is up to 3 us late. */
		fake_tsc = machine_hardware + i % 7 * machine_ns_to_tsc(500);
		machine_hardware = NEVER;
		timer_interrupt();
		assert_true(came());
	}
	last = machine_hardware - start;
	assert_in_range(last, machine_ns_to_tsc((count + 1ull) * period),
		machine_ns_to_tsc((count + 1ull) * period) + 2);
}

static void test_periodic_count(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(250000);
	assert_true(came());
	assert_in_range(current(), 10000, 10001);
	at_ns(299999);
	assert_false(came());
	at_ns(300001);
	assert_true(came());
	page_write(0, APIC_TIMER_INITIAL, 0);
	assert_int_equal(current(), 0);
	at_ns(10000000);
	assert_false(came());
}

/* After a stall one interrupt comes, not a hundred, and the phase is kept. */
static void test_periods_missed(void **state)
{
	u64 due = start + machine_ns_to_tsc(10100000);

	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	fake_tsc = start + machine_ns_to_tsc(10050000);
	timer_interrupt();
	assert_true(came());
	assert_in_range(machine_hardware, due, due + 2);
}

/* An expiry that is over when the VP comes to its next processor is heard of there. */
static void test_moved(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(150000);
	assert_true(came());
	vlapic_timer_move(vp);
	at_ns(199999);
	assert_false(came());
	/* No interrupt of the processor's timer comes between. */
	fake_tsc = start + machine_ns_to_tsc(200010);
	vlapic_timer_move(vp);
	machine_run_to(fake_tsc);
	assert_true(came());
	at_ns(299999);
	assert_false(came());
	at_ns(300001);
	assert_true(came());
	page_write(0, APIC_LVT_TIMER, MASKED | PERIODIC | VECTOR);
	vlapic_timer_move(vp);
	assert_false(vp->vlapic.timer.armed);
}

/* A period of 5 ns must leave the guest time to run. */
static void test_tiny_period(void **state)
{
	u32 interrupts = 0;

	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 1);
	while (fake_tsc < start + machine_ns_to_tsc(1000000)) {
		assert_true(machine_hardware > fake_tsc + machine_ns_to_tsc(15000));
		fake_tsc = machine_hardware;
		timer_interrupt();
		assert_true(came());
		interrupts++;
	}
	assert_in_range(interrupts, 40, 60);
}

static void test_masked(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, MASKED | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	/* It counts, and costs the processor nothing. */
	assert_int_equal(machine_hardware, NEVER);
	at_ns(50000);
	assert_in_range(current(), 10000, 10001);
	page_write(0, APIC_LVT_TIMER, VECTOR);
	at_ns(100001);
	assert_true(came());
	/* What ended while it was masked is over. */
	page_write(0, APIC_LVT_TIMER, MASKED | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(300000);
	assert_int_equal(current(), 0);
	page_write(0, APIC_LVT_TIMER, VECTOR);
	at_ns(500000);
	assert_false(came());
}

/* The count ends between a register's write and the look at what is left. */
static void test_over_before_it_is_heard_of(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 100);
	fake_tsc = start + machine_ns_to_tsc(101 * TICK_NS);
	page_write(0, APIC_LVT_TIMER, VECTOR);
	machine_run_to(fake_tsc + 1);
	assert_true(came());
	page_write(0, APIC_LVT_TIMER, VECTOR);
	machine_run_to(fake_tsc + machine_ns_to_tsc(1000));
	assert_false(came());
}

/* Who takes no interrupts costs none, and hears of the next in time again. */
static void test_periods_not_taken(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(1050000);
	assert_int_equal(machine_hardware, NEVER);
	assert_in_range(current(), 9999, 10001);
	assert_true(came());
	at_ns(1099999);
	assert_false(came());
	at_ns(1100001);
	assert_true(came());
	/* Nor do errors that nobody looks at. */
	page_write(0, APIC_LVT_TIMER, PERIODIC | 7);
	at_ns(2050000);
	assert_int_equal(machine_hardware, NEVER);
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	at_ns(2099999);
	assert_false(came());
	at_ns(2100001);
	assert_true(came());
}

static void test_masked_while_periodic(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(150000);
	assert_true(came());
	page_write(0, APIC_LVT_TIMER, PERIODIC | MASKED | VECTOR);
	at_ns(450000);
	assert_false(came());
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	at_ns(499999);
	assert_false(came());
	at_ns(500001);
	assert_true(came());
}

static void test_software_disable_masks(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	page_write(0, APIC_SVR, 0xff);
	assert_false(vp->vlapic.timer.armed);
	at_ns(1000000);
	assert_int_equal(pending_count(0), 0);
}

static void test_divider_changes(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(50000);
	page_write(0, APIC_TIMER_DIVIDE, 0); /* by 2: the other half takes 100 us */
	assert_in_range(current(), 10000, 10002);
	at_ns(149990);
	assert_false(came());
	at_ns(150020);
	assert_true(came());
	page_write(0, APIC_TIMER_DIVIDE, BY_1);
	at_ns(1000000);
	assert_false(came());
}

static void test_mode_changes(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(50000);
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	at_ns(99990);
	assert_false(came());
	at_ns(100010);
	assert_true(came());
	at_ns(200010);
	assert_true(came());
	at_ns(250000);
	page_write(0, APIC_LVT_TIMER, VECTOR);
	at_ns(300020);
	assert_true(came());
	at_ns(1000000);
	assert_false(came());
	/* An ended one-shot does not come to life. */
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	at_ns(2000000);
	assert_false(came());
}

static void test_deadline(void **state)
{
	(void)state;
	/* Written in another mode it is ignored. */
	msr_set(0, MSR_TSC_DEADLINE, start + 100);
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), 0);
	page_write(0, APIC_LVT_TIMER, DEADLINE | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	assert_int_equal(page_read(0, APIC_TIMER_INITIAL), 0);
	msr_set(0, MSR_TSC_DEADLINE, start + 1000);
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), start + 1000);
	assert_int_equal(current(), 0);
	machine_run_to(start + 999);
	assert_false(came());
	machine_run_to(start + 1000);
	assert_true(came());
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), 0);
	/* The past comes at once, 0 never. */
	msr_set(0, MSR_TSC_DEADLINE, 1);
	machine_run_to(fake_tsc);
	assert_true(came());
	msr_set(0, MSR_TSC_DEADLINE, fake_tsc + 500);
	msr_set(0, MSR_TSC_DEADLINE, 0);
	machine_run_to(fake_tsc + 1000);
	assert_false(came());
}

static void test_deadline_masked_and_left(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, DEADLINE | MASKED | VECTOR);
	msr_set(0, MSR_TSC_DEADLINE, start + 1000);
	machine_run_to(start + 2000);
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), 0);
	page_write(0, APIC_LVT_TIMER, DEADLINE | VECTOR);
	machine_run_to(start + 3000);
	assert_false(came());
	msr_set(0, MSR_TSC_DEADLINE, start + 5000);
	page_write(0, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), 0);
	machine_run_to(start + 10000);
	assert_false(came());
}

static void test_deadline_not_offered(void **state)
{
	u64 v;

	(void)state;
	machine_offers = 0;
	assert_false(vlapic_msr_read(vp, MSR_TSC_DEADLINE, &v));
	assert_false(vlapic_msr_write(vp, MSR_TSC_DEADLINE, 0));
}

/* The partition's clock stands for @ns; whatever interrupts come finds that. */
static void stand_for(u64 ns)
{
	reference_time_freeze(&partition.time);
	machine_run_to(fake_tsc + machine_ns_to_tsc(ns));
	assert_false(came());
	reference_time_thaw(&partition.time);
	vlapic_timer_serve(vp);
	start += machine_ns_to_tsc(ns);
}

static void test_one_shot_stands(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000); /* 100 us */
	at_ns(25000);
	stand_for(1000000);
	assert_in_range(current(), 15000, 15001);
	at_ns(99990);
	assert_false(came());
	at_ns(100001);
	assert_true(came());
	/* Not heard of before it stood, it is heard of while it stands. */
	page_write(0, APIC_TIMER_INITIAL, 20000);
	fake_tsc += machine_ns_to_tsc(100001);
	reference_time_freeze(&partition.time);
	machine_run_to(fake_tsc + 1000);
	assert_true(came());
	/* Begun while it stands, it begins when it goes on. */
	page_write(0, APIC_TIMER_INITIAL, 20000);
	assert_false(vp->vlapic.timer.armed);
	machine_run_to(fake_tsc + machine_ns_to_tsc(1000000));
	assert_int_equal(current(), 20000);
	reference_time_thaw(&partition.time);
	start = fake_tsc;
	vlapic_timer_serve(vp);
	at_ns(99990);
	assert_false(came());
	at_ns(100001);
	assert_true(came());
	assert_int_equal(machine_hardware, NEVER);
}

/* The beat is kept; nothing is made up for. */
static void test_periodic_stands(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, PERIODIC | VECTOR);
	page_write(0, APIC_TIMER_INITIAL, 20000);
	at_ns(230000);
	assert_true(came());
	stand_for(10050000);
	assert_in_range(current(), 13999, 14001);
	at_ns(299990);
	assert_false(came());
	for (u64 ns = 300005; ns < 1000000; ns += 100000) {
		at_ns(ns);
		assert_true(came());
		at_ns(ns + 99980);
		assert_false(came());
	}
	/* One that the guest has not taken is waited for. */
	at_ns(1250000);
	assert_true(vp->vlapic.timer_waits);
	vlapic_timer_serve(vp);
	assert_false(vp->vlapic.timer.armed);
	assert_true(came());
	assert_true(vp->vlapic.timer.armed);
}

/* A deadline is the guest's TSC, wherever that stands. */
static void test_deadline_stands(void **state)
{
	static const u64 tscs[] = { 0, 1ull << 40, 1ull << 63 };

	(void)state;
	page_write(0, APIC_LVT_TIMER, DEADLINE | VECTOR);
	msr_set(0, MSR_TSC_DEADLINE, start + 1000);
	stand_for(5000);
	machine_run_to(start + 999);
	assert_false(came());
	machine_run_to(start + 1000);
	assert_true(came());
	for (u32 i = 0; i < ARRAY_SIZE(tscs); i++) {
		reference_time_freeze(&partition.time);
		reference_time_restore(&partition.time, 5, tscs[i], 0);
		msr_set(0, MSR_TSC_DEADLINE, tscs[i] + 1000);
		assert_false(vp->vlapic.timer.armed);
		fake_tsc += 777;
		reference_time_thaw(&partition.time);
		vlapic_timer_serve(vp);
		machine_run_to(fake_tsc + 999);
		assert_false(came());
		assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), tscs[i] + 1000);
		machine_run_to(fake_tsc + 1);
		assert_true(came());
		assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), 0);
	}
}

static void test_illegal_vector(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, 7);
	page_write(0, APIC_TIMER_INITIAL, 100);
	at_ns(1000);
	assert_int_equal(pending_count(0), 0);
	assert_int_equal(vp->vlapic.esr_pending, APIC_ESR_RECV_ILLEGAL);
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_shot),
		TEST(test_dividers),
		TEST(test_longest),
		TEST(test_periodic_does_not_drift),
		TEST(test_periodic_count),
		TEST(test_periods_missed),
		TEST(test_periods_not_taken),
		TEST(test_moved),
		TEST(test_tiny_period),
		TEST(test_masked),
		TEST(test_over_before_it_is_heard_of),
		TEST(test_masked_while_periodic),
		TEST(test_software_disable_masks),
		TEST(test_divider_changes),
		TEST(test_mode_changes),
		TEST(test_deadline),
		TEST(test_deadline_masked_and_left),
		TEST(test_deadline_not_offered),
		TEST(test_one_shot_stands),
		TEST(test_periodic_stands),
		TEST(test_deadline_stands),
		TEST(test_illegal_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
