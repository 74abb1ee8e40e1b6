/* SPDX-License-Identifier: MIT */
/*
 * Processes, tasks that are mostly in ring 3: what a VP has loaded for them,
 * the time slices by which they take turns, who interrupts them, alerts.
 * sources: rootpart/task.c rootpart/task_switch.S rootpart/run_queue.c rootpart/waitq.c rootpart/mutex.c rootpart/timer.c rootpart/timer_queue.c rootpart/time.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root -fno-sanitize=address
 * (the address sanitizer does not know stacks that are switched by hand)
 */
#include "tests/unit/root_task_machine.h"

#define PROCESS(n) ((struct process *)(u64)(n))
#define CR3(n)     (0x10000ull * (n))

static struct task *process_task(u32 vp, void (*entry)(void *arg), u64 n)
{
	struct task *t = task_create_ring3(vp, "process", entry, PROCESS(n), CR3(n));

	assert_non_null(t);
	assert_ptr_equal(t->process, PROCESS(n));
	return t;
}

/* What trap.S does behind an interrupt of ring 3. */
static void back_to_ring3(void)
{
	fake_irq_on = false;
	while (running->run_queue.attention)
		(void)task_give_way();
	/* Others may have run: what is this task's must be there again. */
	assert_int_equal(loaded[running->vp], running->current->cr3);
	assert_int_equal(running->tss.rsp[0], running->current->stack_base + ROOT_STACK_SIZE);
	assert_true(running->run_queue.kick);
	fake_irq_on = true;
}

static u64 own_time(const struct task *t)
{
	return t->run_tsc + fake_tsc - t->since_tsc;
}

/* In ring 3 for @ns of its own time, interrupted by the timer only. */
static void in_ring3(u64 ns)
{
	struct task *t = running->current;
	u64 end = own_time(t) + ns;

	while (own_time(t) < end) {
		fake_tsc += 10 * NS_PER_US;
		if (fake_tsc < hardware[running->vp])
			continue;
		hardware[running->vp] = TIME_NEVER;
		fake_irq_on = false;
		timer_interrupt();
		back_to_ring3();
	}
}

static void alone(void *arg)
{
	(void)arg;
	back_to_ring3();
	in_ring3(50 * NS_PER_MS);
	assert_int_equal(hardware[0], TIME_NEVER);
	assert_false(running->slice.armed);
	task_leave_ring3();
	assert_int_equal(loaded[0], KERNEL_CR3);
	assert_null(task_current()->process);
	mark('a');
}

static void process_alone_has_no_timer(void **state)
{
	(void)state;
	trail[0] = '\0';
	loads = 0;
	(void)process_task(0, alone, 1);
	run(0);
	assert_string_equal(trail, "a");
	assert_int_equal(loads, 2);
}

static struct task *helper;

static void helper_waits(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(task_wait(TIME_NEVER), 0);
		mark('h');
	}
}

static void interrupted(void *arg)
{
	(void)arg;
	back_to_ring3();
	for (u32 i = 0; i < 3; i++) {
		in_ring3(NS_PER_MS);
		mark('p');
		task_wake(helper);
		assert_true(running->run_queue.attention);
		back_to_ring3();
	}
	task_leave_ring3();
}

/* Without a timer, and without new tables: they are the same for everybody in the kernel. */
static void woken_task_interrupts_ring3(void **state)
{
	(void)state;
	trail[0] = '\0';
	loads = 0;
	helper = task_create("helper", helper_waits, NULL);
	assert_non_null(helper);
	(void)process_task(0, interrupted, 1);
	run(0);
	assert_string_equal(trail, "phphph");
	assert_int_equal(loads, 2);
	assert_int_equal(hardware[0], TIME_NEVER);
}

static void endless(void *arg)
{
	back_to_ring3();
	for (u32 i = 0; i < 6; i++) {
		in_ring3(5 * NS_PER_MS);
		mark((char)('0' + (u64)arg));
	}
	task_leave_ring3();
}

static void processes_take_turns(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, endless, 1);
	(void)process_task(0, endless, 2);
	run(0);
	/* The new one first; then slices of 10 ms, and who has less than one left runs it out. */
	assert_string_equal(trail, "221122112211");
	assert_false(vps[0].slice.armed);
}

/* Whoever is made to give way within its slice goes on with it before the others. */
static void interrupted_slice_goes_on(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = task_create("helper", helper_waits, NULL);
	assert_non_null(helper);
	(void)process_task(0, interrupted, 1);
	(void)process_task(0, endless, 2);
	run(0);
	assert_string_equal(trail, "22phphph2222");
}

static void blocks_within_slice(void *arg)
{
	(void)arg;
	back_to_ring3();
	in_ring3(NS_PER_MS);
	assert_true(running->slice.armed);
	helper = task_current();
	(void)task_wait(TIME_NEVER);
	mark('b');
	task_leave_ring3();
}

static void left_alone(void *arg)
{
	(void)arg;
	back_to_ring3();
	assert_non_null(helper);
	assert_false(running->slice.armed);
	task_wake(helper);
	back_to_ring3();
	task_leave_ring3();
}

static void slice_timer_stops_with_its_process(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = NULL;
	(void)process_task(0, left_alone, 1);
	(void)process_task(0, blocks_within_slice, 2);
	run(0);
	assert_string_equal(trail, "b");
}

static u64 greedy_ns, endless_ns;

/*
 * In the kernel when its slices end, and asleep for next to no time, again and
 * again, so that it is woken for ever and no slice timer finds it.
 */
static void greedy(void *arg)
{
	(void)arg;
	back_to_ring3();
	while (time_ns() < 400 * NS_PER_MS) {
		fake_tsc += 3 * NS_PER_MS;
		greedy_ns += 3 * NS_PER_MS;
		(void)task_wait(time_ns() + 1);
		back_to_ring3();
	}
	task_leave_ring3();
}

static void endless_until(void *arg)
{
	(void)arg;
	back_to_ring3();
	while (time_ns() < 400 * NS_PER_MS) {
		in_ring3(NS_PER_MS);
		endless_ns += NS_PER_MS;
	}
	task_leave_ring3();
}

static void who_sleeps_does_not_get_it_all(void **state)
{
	(void)state;
	greedy_ns = endless_ns = 0;
	(void)process_task(0, endless_until, 1);
	(void)process_task(0, greedy, 2);
	run(0);
	assert_true(endless_ns > 130 * NS_PER_MS);
	assert_true(greedy_ns > 130 * NS_PER_MS);
}

static void yielder(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 3; i++) {
		task_yield();
		mark('y');
	}
}

/* The kernel is not preempted, but who yields lets ring 3 have its slice. */
static void yield_lets_ring3_run(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, endless, 1);
	assert_non_null(task_create("yielder", yielder, NULL));
	run(0);
	assert_string_equal(trail, "11y11y11y");
}

/* Twice for each time that two wake-ups come. */
static void waits_on_vp_1(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 6; i++) {
		assert_int_equal(task_wait(TIME_NEVER), 0);
		mark('w');
	}
}

/* What another VP does meanwhile. */
static void on_vp_0(void (*what)(struct task *t), struct task *t)
{
	struct cpu *here = running;

	running = &vps[0];
	what(t);
	running = here;
}

static void woken_from_vp_0(void *arg)
{
	(void)arg;
	back_to_ring3();
	for (u32 i = 1; i <= 3; i++) {
		on_vp_0(task_wake, helper);
		assert_int_equal(ipis, i);
		/* The interrupt is on its way: once is enough. */
		on_vp_0(task_wake, helper);
		assert_int_equal(ipis, i);
		back_to_ring3();
	}
	on_vp_0(task_alert, task_current());
	assert_int_equal(ipis, 4);
	assert_true(running->run_queue.attention);
	back_to_ring3();
	task_leave_ring3();
}

static void ring3_is_kicked_from_other_vp(void **state)
{
	(void)state;
	trail[0] = '\0';
	helper = task_create_on(1, "helper", waits_on_vp_1, NULL);
	assert_non_null(helper);
	(void)process_task(1, woken_from_vp_0, 1);
	ipis = 0;
	run(1);
	assert_string_equal(trail, "wwwwww");
}

static struct task *alerted;

static void waits_until_alert(void *arg)
{
	(void)arg;
	alerted = task_current();
	back_to_ring3();
	(void)task_wait(TIME_NEVER);
	/* Every time that it comes back from now on. */
	assert_true(running->run_queue.attention);
	back_to_ring3();
	task_yield();
	assert_true(running->run_queue.attention);
	mark('a');
	task_leave_ring3();
}

static void alert_wakes(void **state)
{
	(void)state;
	trail[0] = '\0';
	(void)process_task(0, waits_until_alert, 1);
	run(0);
	assert_string_equal(trail, "");
	task_alert(alerted);
	run(0);
	assert_string_equal(trail, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(process_alone_has_no_timer),
		TEST(woken_task_interrupts_ring3),
		TEST(processes_take_turns),
		TEST(interrupted_slice_goes_on),
		TEST(slice_timer_stops_with_its_process),
		TEST(who_sleeps_does_not_get_it_all),
		TEST(yield_lets_ring3_run),
		TEST(ring3_is_kicked_from_other_vp),
		TEST(alert_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
