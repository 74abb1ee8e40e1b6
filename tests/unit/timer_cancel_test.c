/* SPDX-License-Identifier: MIT */
/*
 * timer_cancel_anywhere(): a thread is the processor that a timer was set on,
 * another takes it away, at every moment of its life.
 * sources: hypervisor/timer.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

#include "fake/fake.h"
#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "hypervisor/timer.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define ROUNDS 3000u

static struct cpu cpus_[2];
static _Thread_local struct cpu *self;

struct cpu *this_cpu(void)
{
	return self;
}

void apic_timer_set(u64 deadline)
{
	(void)deadline;
}

static struct timer first, second;
static u32 fired, second_fired;
static u32 pauses; /* of who cancels */
static bool firing, go, again, stop;

static void count_pause(void)
{
	(void)atomic_fetch_add(&pauses, 1);
}

static void wait_for(const bool *flag)
{
	while (!load_acquire(flag))
		cpu_pause_real();
}

static int set_up(void **state)
{
	(void)state;
	self = &cpus_[0];
	fake_tsc = 5000;
	fake_tsc_step = 0;
	fake_on_pause = count_pause;
	fired = second_fired = pauses = 0;
	firing = go = again = stop = false;
	timer_queue_init(&cpus_[0].timers);
	timer_queue_init(&cpus_[1].timers);
	return 0;
}

static void *interrupt_there(void *arg)
{
	(void)arg;
	self = &cpus_[1];
	timer_interrupt();
	return NULL;
}

static void set_there(struct timer *t, void (*fire)(struct timer *), u64 deadline)
{
	self = &cpus_[1];
	t->queue = NULL;
	timer_init(t, fire);
	timer_set(t, deadline);
	self = &cpus_[0];
}

static void fire_second(struct timer *t)
{
	(void)t;
	second_fired++;
}

static void test_armed(void **state)
{
	(void)state;
	set_there(&first, fire_second, 1000);
	set_there(&second, fire_second, 1000);
	assert_true(timer_cancel_anywhere(&first));
	assert_false(first.armed);
	assert_false(timer_cancel_anywhere(&first));
	(void)interrupt_there(NULL);
	self = &cpus_[0];
	assert_int_equal(second_fired, 1);
	assert_int_equal(pauses, 0);
	/* It may be set anywhere again. */
	timer_set(&first, 6000);
	assert_ptr_equal(first.queue, &cpus_[0].timers);
	timer_cancel(&first);
}

static void test_never_set(void **state)
{
	struct timer t = { 0 };

	(void)state;
	timer_init(&t, fire_second);
	assert_false(timer_cancel_anywhere(&t));
	assert_false(t.armed);
}

/* Fires until the other has waited for its end, or may go by what it did meanwhile. */
static void fire_long(struct timer *t)
{
	store_release(&firing, true);
	if (!go)
		while (load_acquire(&pauses) < 3)
			cpu_pause_real();
	wait_for(&go);
	if (again)
		timer_set(t, 1000);
	fired++;
	store_release(&firing, false);
}

static void let_go(void)
{
	count_pause();
	if (pauses >= 3)
		store_release(&go, true);
}

static void cancel_while_firing(void)
{
	pthread_t there;

	set_there(&first, fire_long, 1000);
	assert_int_equal(pthread_create(&there, NULL, interrupt_there, NULL), 0);
	wait_for(&firing);
	fake_on_pause = let_go;
	assert_int_equal(timer_cancel_anywhere(&first), again);
	assert_false(load_acquire(&firing));
	assert_int_equal(fired, 1);
	assert_true(pauses >= 3);
	assert_int_equal(pthread_join(there, NULL), 0);
	assert_false(first.armed);
	(void)interrupt_there(NULL);
	self = &cpus_[0];
	assert_int_equal(fired, 1);
}

static void test_firing(void **state)
{
	(void)state;
	cancel_while_firing();
}

static void test_firing_that_sets_itself(void **state)
{
	(void)state;
	again = true;
	cancel_while_firing();
}

static void fire_until_cancelled(struct timer *t)
{
	(void)t;
	store_release(&firing, true);
	wait_for(&go);
	store_release(&firing, false);
}

/* One that is due with another, whose callback runs. */
static void test_due(void **state)
{
	pthread_t there;

	(void)state;
	set_there(&first, fire_until_cancelled, 1000);
	set_there(&second, fire_second, 1001);
	assert_int_equal(pthread_create(&there, NULL, interrupt_there, NULL), 0);
	wait_for(&firing);
	assert_true(second.armed);
	assert_true(timer_cancel_anywhere(&second));
	assert_int_equal(pauses, 0);
	store_release(&go, true);
	assert_int_equal(pthread_join(there, NULL), 0);
	assert_int_equal(second_fired, 0);
	assert_false(second.armed);
}

static void fire_again(struct timer *t)
{
	store_release(&firing, true);
	timer_set(t, 1000);
	store_release(&firing, false);
}

static void *interrupts_without_end(void *arg)
{
	self = &cpus_[1];
	while (!load_acquire(&stop)) {
		if (load_acquire(&again)) {
			timer_set(arg, 1000);
			store_release(&again, false);
		}
		timer_interrupt();
	}
	return NULL;
}

/* Nothing of it goes on when the call has returned, however often it fires. */
static void test_firing_all_the_time(void **state)
{
	pthread_t there;

	(void)state;
	set_there(&first, fire_again, 1000);
	assert_int_equal(pthread_create(&there, NULL, interrupts_without_end, &first), 0);
	for (u32 i = 0; i < ROUNDS; i++) {
		(void)timer_cancel_anywhere(&first);
		for (u32 look = 0; look < 10; look++)
			assert_false(load_acquire(&firing));
		assert_false(load_acquire(&first.armed));
		store_release(&again, true);
		while (load_acquire(&again))
			cpu_pause_real();
	}
	store_release(&stop, true);
	assert_int_equal(pthread_join(there, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_armed, set_up),
		cmocka_unit_test_setup(test_never_set, set_up),
		cmocka_unit_test_setup(test_firing, set_up),
		cmocka_unit_test_setup(test_firing_that_sets_itself, set_up),
		cmocka_unit_test_setup(test_due, set_up),
		cmocka_unit_test_setup(test_firing_all_the_time, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
