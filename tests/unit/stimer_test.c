/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers above the real queue of timers and the real reference time:
 * the rules of their two registers, expiries to the unit, frozen and changed
 * time, a VP that does not run, and the saved state.
 * sources: hypervisor/stimer.c hypervisor/partition_clock.c hypervisor/reference_time.c hypervisor/timer.c
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_timer.c
 * sources: hypervisor/vlapic_level.c
 * sources: tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/msr.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/sched.h"
#include "hypervisor/stimer.h"
#include "vlapic_machine.h"

#define VECTOR 0xedu
#define NEVER  (~0ull)
#define ENABLE HV_STIMER_ENABLE
#define AUTO   HV_STIMER_AUTO_ENABLE
#define DIRECT (HV_STIMER_DIRECT | HV_STIMER_VECTOR(VECTOR))
#define MS     10000ull /* in units of reference time */

static struct vp *const vp = &vps[0];
static struct vp parent;

static u32 woken;
static u32 posts; /* messages that went out */
static u32 posted_sint;
static struct hv_message posted;
static bool slot_full;
static struct synic_message *waiting;
static struct list_node list;
static struct stimer stimers[HV_STIMER_COUNT];

/* Whoever is in the guest is out of it then. */
void partition_flush(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &partition);
	assert_ptr_equal(self, &parent);
	assert_true(p->time.settling);
	assert_true(vp->work & VP_WORK_TIMERS);
}

void sched_wake(struct vp *v)
{
	assert_ptr_equal(v, vp);
	woken++;
}

void synic_post(struct vp *v, u32 sint, struct synic_message *m)
{
	assert_ptr_equal(v, vp);
	assert_true(list_empty(&m->link));
	posted = m->message;
	posted_sint = sint;
	posts++;
	if (!slot_full)
		return;
	assert_null(waiting);
	waiting = m;
	list_push_back(&list, &m->link);
}

void synic_cancel(struct synic_message *m)
{
	if (m == waiting)
		waiting = NULL;
	list_remove(&m->link);
}

static int set_up(void **state)
{
	machine_set_up(state);
	for (u32 i = 1; i < MACHINE_VPS; i++)
		partition.vps[i] = NULL;
	list_init(&list);
	vp->stimers = stimers;
	stimer_init(vp);
	vp->running = true;
	woken = posts = 0;
	slot_full = false;
	waiting = NULL;
	return 0;
}

static u64 now(void)
{
	return reference_time(&partition.time);
}

static void config(u32 i, u64 v)
{
	assert_true(stimer_msr_write(vp, HV_MSR_STIMER_CONFIG(i), v, vp));
}

static void count(u32 i, u64 v)
{
	assert_true(stimer_msr_write(vp, HV_MSR_STIMER_COUNT(i), v, vp));
}

static u64 config_of(u32 i)
{
	u64 v = 0;

	assert_true(stimer_msr_read(vp, HV_MSR_STIMER_CONFIG(i), &v));
	return v;
}

static u64 count_of(u32 i)
{
	u64 v = 0;

	assert_true(stimer_msr_read(vp, HV_MSR_STIMER_COUNT(i), &v));
	return v;
}

static bool is_armed(u32 i)
{
	return vp->stimers[i].timer.armed;
}

static bool came(void)
{
	if (!is_pending(0, VECTOR))
		return false;
	take(0, VECTOR);
	return true;
}

/* Lets time pass until the reference time is @when, if it runs. */
static void run_until(u64 when)
{
	u64 tsc;

	assert_true(reference_time_tsc(&partition.time, when, &tsc));
	machine_run_to(tsc);
	assert_true(now() >= when);
}

/* To the last tick before that. */
static void run_before(u64 when)
{
	u64 tsc;

	assert_true(reference_time_tsc(&partition.time, when, &tsc));
	machine_run_to(tsc - 1);
	assert_true(now() < when);
}

static void pass_ms(u64 ms)
{
	machine_run_to(fake_tsc + machine_ns_to_tsc(ms * 1000000));
}

static void test_registers(void **state)
{
	u64 v;

	(void)state;
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		assert_int_equal(config_of(i), 0);
		assert_int_equal(count_of(i), 0);
		/* Reserved bits do not stay. */
		config(i, ~0ull & ~ENABLE);
		assert_int_equal(config_of(i), HV_STIMER_BITS & ~ENABLE);
		config(i, 0);
	}
	assert_false(stimer_msr_read(vp, HV_MSR_STIMER_LAST + 1, &v));
	assert_false(stimer_msr_write(vp, HV_MSR_STIMER_LAST + 1, 1, vp));
	assert_int_equal(machine_hardware, NEVER);
}

/* What enables a timer, and what does not. */
static void test_enable(void **state)
{
	static const struct {
		u64 config;
		bool stays;
	} rows[] = {
		{ ENABLE, false }, /* neither SINT nor direct */
		{ ENABLE | HV_STIMER_SINT(2), true },
		{ ENABLE | DIRECT, true },
		{ ENABLE | HV_STIMER_DIRECT, false }, /* vector 0 */
		{ ENABLE | HV_STIMER_DIRECT | HV_STIMER_VECTOR(15) | HV_STIMER_SINT(2), false },
		{ ENABLE | HV_STIMER_DIRECT | HV_STIMER_VECTOR(16), true },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		config(0, rows[i].config);
		assert_int_equal(config_of(0), rows[i].config & ~(rows[i].stays ? 0 : ENABLE));
		/* Enabled, but without a count it does nothing. */
		assert_int_equal(machine_hardware, NEVER);
	}
	/* A count enables by itself only with auto-enable, and only what may be. */
	config(0, DIRECT);
	count(0, now() + MS);
	assert_false(config_of(0) & ENABLE);
	config(0, AUTO);
	count(0, now() + MS);
	assert_false(config_of(0) & ENABLE);
	config(0, AUTO | DIRECT);
	assert_false(config_of(0) & ENABLE);
	assert_int_equal(machine_hardware, NEVER);
	count(0, now() + MS);
	assert_true(config_of(0) & ENABLE);
	assert_int_not_equal(machine_hardware, NEVER);
	/* None stops it. */
	count(0, 0);
	assert_int_equal(config_of(0), AUTO | DIRECT);
	pass_ms(2);
	assert_false(came());
	/* The count first, then the enable bit. */
	config(0, DIRECT);
	count(0, now() + MS);
	pass_ms(2);
	assert_false(came());
	count(0, now() + MS);
	config(0, DIRECT | ENABLE);
	pass_ms(2);
	assert_true(came());
}

static void test_one_shot(void **state)
{
	u64 due;

	(void)state;
	config(0, ENABLE | AUTO | DIRECT);
	for (u64 i = 1; i < 10 * MS; i += i / 5 + 1) {
		due = now() + i;
		count(0, due);
		assert_true(config_of(0) & ENABLE);
		run_before(due);
		assert_false(came());
		run_until(due);
		assert_true(came());
		assert_int_equal(config_of(0), AUTO | DIRECT);
		assert_int_equal(count_of(0), due);
	}
	pass_ms(50);
	assert_false(came());
	/* What is over comes at once. */
	count(0, now() - 1);
	assert_true(came());
	count(0, 1);
	assert_true(came());
	assert_int_equal(config_of(0), AUTO | DIRECT);
	/* Replaced, and put off. */
	count(0, now() + MS);
	count(0, now() + 3 * MS);
	pass_ms(2);
	assert_false(came());
	config(0, 0);
	pass_ms(2);
	assert_false(came());
}

static void test_periodic(void **state)
{
	const u64 period = 12345;
	u64 start = now();

	(void)state;
	config(0, ENABLE | HV_STIMER_PERIODIC | DIRECT);
	count(0, period);
	for (u64 i = 1; i <= 1000; i++) {
		run_before(start + i * period);
		assert_false(came());
		/* Each is served up to a third of the period late. */
		fake_tsc += machine_ns_to_tsc(i % 7 * 60000);
		run_until(MAX(now(), start + i * period));
		assert_true(came());
		assert_true(config_of(0) & ENABLE);
	}
	/* Several that were missed are one, and the beat stays. */
	fake_tsc += machine_ns_to_tsc(5 * period * 100);
	run_until(now());
	assert_true(came());
	assert_false(came());
	run_before(start + 1006 * period);
	assert_false(came());
	run_until(start + 1006 * period);
	assert_true(came());
	count(0, 0);
	pass_ms(10);
	assert_false(came());
}

/* As many as the guest can bear, and no timer that the processor cannot hold. */
static void test_hostile(void **state)
{
	u32 n = 0;

	(void)state;
	config(0, ENABLE | HV_STIMER_PERIODIC | DIRECT);
	count(0, 1);
	for (u64 i = 0; i < 10000; i++) {
		machine_run_to(fake_tsc + machine_ns_to_tsc(1000));
		n += came();
	}
	/* 10 ms of them, 100 us apart. */
	assert_in_range(n, 90, 101);
	count(0, ~0ull);
	assert_false(is_armed(0));
	config(0, ENABLE | DIRECT);
	assert_false(is_armed(0));
	config(0, ENABLE | HV_STIMER_PERIODIC | DIRECT);
	count(0, ~0ull - now());
	count(0, 1ull << 63);
	pass_ms(100);
	assert_false(came());
	/* A beat that begins before the time does. */
	reference_time_freeze(&partition.time);
	reference_time_set(&partition.time, ~0ull - 10);
	reference_time_thaw(&partition.time);
	count(0, 3);
	pass_ms(1);
	config(0, 0);
	assert_int_equal(config_of(0), 0);
}

static void test_message(void **state)
{
	struct hv_timer_message m;
	u64 due = now() + MS;

	(void)state;
	config(3, ENABLE | HV_STIMER_SINT(2));
	count(3, due);
	run_before(due);
	assert_int_equal(posts, 0);
	run_until(due + 100);
	assert_int_equal(posts, 1);
	assert_int_equal(posted_sint, 2);
	assert_int_equal(posted.header.type, 0x80000010);
	assert_int_equal(posted.header.size, 24);
	memcpy(&m, posted.payload, sizeof(m));
	assert_int_equal(m.index, 3);
	assert_int_equal(m.reserved, 0);
	assert_int_equal(m.expiration, due);
	assert_in_range(m.delivery, due, due + 100);
	assert_int_equal(config_of(3), HV_STIMER_SINT(2));
}

/* One at a time, the oldest; what its writer forgets is forgotten. */
static void test_message_waits(void **state)
{
	u64 start = now();

	(void)state;
	slot_full = true;
	config(1, ENABLE | HV_STIMER_PERIODIC | HV_STIMER_SINT(5));
	count(1, MS);
	run_until(start + 5 * MS);
	assert_int_equal(posts, 1);
	assert_int_equal(((struct hv_timer_message *)posted.payload)->expiration, start + MS);
	slot_full = false;
	list_remove(&waiting->link);
	waiting = NULL;
	run_until(start + 6 * MS);
	assert_int_equal(posts, 2);
	assert_int_equal(((struct hv_timer_message *)posted.payload)->expiration, start + 6 * MS);
	slot_full = true;
	run_until(start + 7 * MS);
	assert_non_null(waiting);
	config(1, 0);
	assert_null(waiting);
}

static void freeze(bool frozen)
{
	if (frozen) {
		partition_clock_freeze(&partition);
		return;
	}
	woken = 0;
	partition_clock_thaw(&partition, &parent);
	/* In any case: the bit may have been set before without a wake-up. */
	assert_int_equal(woken, 1);
	assert_true(vp->work & VP_WORK_TIMERS);
	partition_clock_serve(vp);
	assert_false(vp->work & VP_WORK_TIMERS);
}

static void test_frozen(void **state)
{
	u64 due = now() + MS;

	(void)state;
	config(0, ENABLE | DIRECT);
	count(0, due);
	pass_ms(0);
	freeze(true);
	/* The processor's timer finds that it is not the time yet. */
	pass_ms(100);
	assert_false(came());
	assert_true(config_of(0) & ENABLE);
	freeze(false);
	/* The processor's TSC has gone on, the guest's has not. */
	assert_int_equal(machine_tsc_offset[0], -machine_ns_to_tsc(100000000));
	run_before(due);
	assert_false(came());
	run_until(due);
	assert_true(came());
	/* Armed while it is frozen; what is over comes nevertheless. */
	freeze(true);
	config(0, AUTO | DIRECT);
	due = now() + MS;
	count(0, due);
	assert_false(is_armed(0));
	pass_ms(5);
	assert_false(came());
	count(0, now());
	assert_true(came());
	count(0, due);
	freeze(false);
	run_before(due);
	assert_false(came());
	run_until(due);
	assert_true(came());
	/* Set forward: at once. Set back: later. */
	count(0, now() + 1000 * MS);
	freeze(true);
	reference_time_set(&partition.time, now() + 2000 * MS);
	freeze(false);
	assert_true(came());
	count(0, 10 * MS);
	assert_true(came());
	count(0, now() + MS);
	freeze(true);
	reference_time_set(&partition.time, MS);
	freeze(false);
	pass_ms(1000);
	assert_false(came());
	config(0, 0);
}

/* After one expiry a VP that does not run costs nothing until it does. */
static void test_not_running(void **state)
{
	u64 start = now();

	(void)state;
	config(0, ENABLE | HV_STIMER_PERIODIC | DIRECT);
	count(0, MS);
	vp->running = false;
	run_until(start + 5 * MS);
	assert_true(is_pending(0, VECTOR));
	assert_true(vp->work & VP_WORK_TIMERS);
	assert_false(is_armed(0));
	vp->running = true;
	partition_clock_serve(vp);
	assert_true(came());
	run_before(start + 6 * MS);
	assert_false(came());
	run_until(start + 6 * MS);
	assert_true(came());
	/* One-shot: nothing is left to do. */
	config(0, ENABLE | DIRECT);
	count(0, now() + MS);
	vp->running = false;
	vp->work = 0;
	pass_ms(2);
	assert_true(came());
	assert_false(vp->work & VP_WORK_TIMERS);
}

/* Its parent writes for it: nothing is armed here, the VP does it. */
static void test_by_parent(void **state)
{
	u64 due = now() + MS;

	(void)state;
	config(0, ENABLE | AUTO | DIRECT);
	count(0, now() + 100);
	assert_true(stimer_msr_write(vp, HV_MSR_STIMER_COUNT(0), due, &parent));
	assert_false(vp->stimers[0].timer.armed);
	assert_true(vp->work & VP_WORK_TIMERS);
	pass_ms(5);
	assert_false(came());
	partition_clock_serve(vp);
	assert_true(came());
	vp->work = 0;
	assert_true(stimer_msr_write(vp, HV_MSR_STIMER_COUNT(0), 0, &parent));
	assert_true(stimer_msr_write(vp, HV_MSR_STIMER_CONFIG(0), 0, &parent));
	partition_clock_serve(vp);
	assert_int_equal(config_of(0), 0);
}

static void test_moves(void **state)
{
	u64 due = now() + MS;

	(void)state;
	config(2, ENABLE | DIRECT);
	count(2, due);
	stimer_move(vp);
	run_before(due);
	assert_false(came());
	run_until(due);
	assert_true(came());
	count(2, now() + MS);
	config(2, ENABLE | DIRECT);
	stimer_end(vp);
	pass_ms(2);
	assert_false(came());
}

static void test_state(void **state)
{
	struct hv_stimers_state saved, again;
	u64 start = now();

	config(0, ENABLE | AUTO | DIRECT);
	count(0, start + 20 * MS);
	config(1, ENABLE | HV_STIMER_PERIODIC | DIRECT);
	count(1, 7 * MS);
	slot_full = true;
	config(2, HV_STIMER_SINT(4) | ENABLE);
	count(2, start + 2 * MS);
	config(3, AUTO | HV_STIMER_SINT(1));
	run_until(start + 8 * MS);
	assert_true(came());
	stimer_state_get(vp, &saved);
	assert_int_equal(saved.timer[0].config, ENABLE | AUTO | DIRECT);
	assert_int_equal(saved.timer[0].count, start + 20 * MS);
	assert_int_equal(saved.timer[0].adjustment, 0);
	assert_int_equal(saved.timer[1].count, 7 * MS);
	assert_int_equal(saved.timer[1].adjustment, start + 14 * MS);
	assert_int_equal(saved.timer[1].flags, 0);
	assert_int_equal(saved.timer[2].config, HV_STIMER_SINT(4));
	assert_int_equal(saved.timer[2].flags, 1);
	assert_int_equal(saved.timer[2].undelivered_expiration, start + 2 * MS);
	assert_int_equal(saved.timer[3].config, AUTO | HV_STIMER_SINT(1));
	/* A look changes nothing. */
	partition_clock_serve(vp);
	run_until(start + 14 * MS);
	assert_true(came());

	/* Into another machine, whose time stands until it is set. */
	set_up(state);
	fake_tsc += 123456789;
	freeze(true);
	reference_time_set(&partition.time, start + 8 * MS);
	assert_int_equal(stimer_state_set(vp, &saved), HV_STATUS_SUCCESS);
	stimer_state_get(vp, &again);
	assert_int_equal(posts, 1);
	assert_int_equal(posted_sint, 4);
	assert_int_equal(((struct hv_timer_message *)posted.payload)->index, 2);
	assert_int_equal(((struct hv_timer_message *)posted.payload)->expiration, start + 2 * MS);
	again.timer[2] = saved.timer[2]; /* this time there was room for it */
	assert_memory_equal(&again, &saved, sizeof(saved));
	freeze(false);
	run_before(start + 14 * MS);
	assert_false(came());
	run_until(start + 14 * MS);
	assert_true(came());
	run_until(start + 20 * MS);
	assert_true(came());
	assert_int_equal(config_of(0), AUTO | DIRECT);
}

static void test_state_refused(void **state)
{
	static const struct {
		size_t offset;
		u64 v;
	} bad[] = {
		{ offsetof(struct hv_stimer_state, flags), 2 },
		{ offsetof(struct hv_stimer_state, flags), 1ull << 32 }, /* reserved */
		{ offsetof(struct hv_stimer_state, flags), 1 },          /* of a direct timer */
		{ offsetof(struct hv_stimer_state, config), 1ull << 20 },
		{ offsetof(struct hv_stimer_state, config), ENABLE },
		{ sizeof(struct hv_stimer_state), 1 }, /* timer 3: behind it */
	};
	struct hv_stimers_state saved;

	(void)state;
	config(0, ENABLE | AUTO | DIRECT);
	count(0, now() + MS);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		stimer_state_get(vp, &saved);
		saved.timer[0].count = 5;
		saved.timer[3].config = DIRECT;
		memcpy((u8 *)&saved.timer[3] + bad[i].offset, &bad[i].v, sizeof(u64));
		assert_int_equal(stimer_state_set(vp, &saved), HV_STATUS_INVALID_PARAMETER);
		assert_int_not_equal(count_of(0), 5);
		assert_int_equal(config_of(3), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, set_up),
		cmocka_unit_test_setup(test_enable, set_up),
		cmocka_unit_test_setup(test_one_shot, set_up),
		cmocka_unit_test_setup(test_periodic, set_up),
		cmocka_unit_test_setup(test_hostile, set_up),
		cmocka_unit_test_setup(test_message, set_up),
		cmocka_unit_test_setup(test_message_waits, set_up),
		cmocka_unit_test_setup(test_frozen, set_up),
		cmocka_unit_test_setup(test_not_running, set_up),
		cmocka_unit_test_setup(test_by_parent, set_up),
		cmocka_unit_test_setup(test_moves, set_up),
		cmocka_unit_test_setup(test_state, set_up),
		cmocka_unit_test_setup(test_state_refused, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
