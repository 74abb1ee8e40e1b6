/* SPDX-License-Identifier: MIT */
/*
 * What another processor does between two steps of the scheduler, played by
 * hand: work that comes while a VP goes to sleep, suspension and changes of
 * affinity at every moment, and the ends of waits.
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake
 */
#include "tests/unit/sched_machine.h"

/* As vp_notify() does, from another processor. */
static void notify(struct vp *vp)
{
	vp->work |= VP_WORK_INTERRUPT;
	sched_wake(vp);
}

static void suspend(struct vp *vp)
{
	vp->stop |= VP_STOP_EXPLICIT;
	sched_wake(vp);
}

static void release(struct vp *vp)
{
	vp->stop &= ~(u32)VP_STOP_EXPLICIT;
	sched_wake(vp);
}

/* --- Work on the way to sleep --- */

static void test_work_after_the_last_look(void **state)
{
	(void)state;
	start(0);
	in_stay = stop_halted;
	in_unload = notify;
	step_of(1);
	/* It runs there already, so that a kick is enough; and it does not sleep. */
	assert_int_equal(machine[1].resched, 0);
	assert_int_equal(kicked[1], 1);
	assert_string_equal(queue_of(1), "0");
	step_of(1);
	assert_int_equal(stays, 2);
	assert_int_equal(halts, 0);
}

static void block_nmi(struct vp *vp)
{
	vp->work_blocked = VP_WORK_NMI;
	stop_halted(vp);
}

/* An NMI that it cannot take in its halt does not keep it, or its processor, awake. */
static void test_blocked_work(void **state)
{
	(void)state;
	vps[0].work = VP_WORK_NMI;
	start(0);
	in_stay = block_nmi;
	step_of(0);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	notify(&vps[0]);
	in_stay = block_nmi;
	step_of(0);
	assert_string_equal(queue_of(0), "0");
	vps[0].work = VP_WORK_NMI;
	in_stay = stop_halted;
	vps[0].work_blocked = 0;
	step_of(0);
	assert_string_equal(queue_of(0), "0");
}

static void test_work_while_a_message_is_posted(void **state)
{
	(void)state;
	start(0);
	vps[0].intercept_waits = true;
	in_stay = stop_halted;
	in_post = notify;
	step_of(0);
	assert_int_equal(posts, 1);
	assert_string_equal(queue_of(0), "0");
}

static void test_work_when_asleep(void **state)
{
	(void)state;
	start(0);
	in_stay = stop_halted;
	step_of(0);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	vps[0].work = 0;
	notify(&vps[0]);
	assert_string_equal(queue_of(0), "0");
}

/* The parent is so quick that it has settled the intercept before the VP is at rest. */
static void settle_at_once(struct vp *vp)
{
	vp->stop &= ~(u32)VP_STOP_INTERCEPT;
	sched_wake(vp);
}

static void stop_for_intercept(struct vp *vp)
{
	vp->stop |= VP_STOP_INTERCEPT;
	vp->intercept_waits = true;
}

static void test_intercept(void **state)
{
	(void)state;
	start(0);
	in_stay = stop_for_intercept;
	step_of(0);
	assert_int_equal(posts, 1);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	/* Interrupts do not end that. */
	notify(&vps[0]);
	assert_string_equal(queue_of(0), "");
	settle_at_once(&vps[0]);
	assert_string_equal(queue_of(0), "0");
	in_stay = stop_for_intercept;
	in_post = settle_at_once;
	step_of(0);
	assert_int_equal(posts, 2);
	assert_string_equal(queue_of(0), "0");
}

/* --- A processor on its way --- */

static void start_another(struct vp *vp)
{
	(void)vp;
	start(1);
	assert_int_equal(self->resched, SCHED_LOOK);
}

/* Whoever is queued here, this processor looks again, whether it runs one or none. */
static void test_queued_while_it_runs(void **state)
{
	(void)state;
	start(0);
	in_stay = start_another;
	step_of(0);
	assert_string_equal(queue_of(0), "01");
}

static void test_queued_before_it_runs(void **state)
{
	(void)state;
	assert_null(machine[0].running);
	start(0);
	assert_int_equal(machine[0].resched, SCHED_LOOK);
	assert_int_equal(kicked[0], 1);
}

/* It had looked at all queues; who queued then did not see it idle. */
static void test_queued_before_it_is_idle(void **state)
{
	(void)state;
	machine[0].running = &roots[0];
	start(0);
	assert_ptr_equal(vps[0].cpu, &machine[0]);
	self = &machine[2];
	assert_ptr_equal(wait(self, fake_tsc), &vps[0]);
	assert_int_equal(halts, 0);
	assert_int_equal(sched_idle, 0);
	assert_ptr_equal(vps[0].cpu, &machine[2]);
	assert_int_equal(vps[0].sched, SCHED_RUNNING);
}

static void start_in_halt(void)
{
	assert_int_equal(sched_idle, 0x4);
	start(0);
}

static void test_queued_in_the_halt(void **state)
{
	(void)state;
	in_halt = start_in_halt;
	step_of(2);
	assert_int_equal(halts, 1);
	assert_int_equal(sched_idle, 0);
	assert_int_equal(machine[2].resched, SCHED_LOOK);
	step_of(2);
	assert_ptr_equal(ran[0], &vps[0]);
}

static void test_looked_for_before_the_halt(void **state)
{
	(void)state;
	self = &machine[2];
	sched_wake(&roots[2]);
	assert_null(wait(self, fake_tsc));
	assert_int_equal(halts, 0);
}

/* --- Suspension --- */

static void test_suspended_while_queued(void **state)
{
	(void)state;
	start(0);
	start(1);
	vps[0].stop |= VP_STOP_EXPLICIT;
	sched_wait_stopped(&vps[0], &roots[0]);
	assert_string_equal(queue_of(0), "1");
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	assert_int_equal(served, 0);
	step_of(0);
	assert_ptr_equal(ran[0], &vps[1]);
	release(&vps[0]);
	assert_string_equal(queue_of(0), "10");
}

/* Taken by a processor, but not running yet: nothing tells it but its own look. */
static void test_suspended_while_taken(void **state)
{
	(void)state;
	start(0);
	assert_ptr_equal(take(&machine[0].run_queue, &machine[1], fake_tsc), &vps[0]);
	machine[1].resched = 0;
	suspend(&vps[0]);
	assert_int_equal(machine[1].resched, SCHED_LOOK);
	assert_int_equal(kicked[1], 1);
	self = &machine[1];
	(void)run(self, &vps[0]);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
}

static void suspend_in_stay(struct vp *vp)
{
	u32 kicks = kicked[1];

	suspend(vp);
	assert_int_equal(kicked[1], kicks + 1);
	assert_false(take_off(vp));
}

static void suspend_in_unload(struct vp *vp)
{
	suspend(vp);
	assert_false(take_off(vp));
}

static void test_suspended_while_running(void **state)
{
	(void)state;
	start(0);
	in_stay = suspend_in_stay;
	step_of(1);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	sched_wait_stopped(&vps[0], &roots[0]);
	assert_int_equal(served, 0);
	release(&vps[0]);
	/* Whatever waits for it. */
	vps[0].work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	in_unload = suspend_in_unload;
	step_of(1);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	assert_true(take_off(&vps[0]));
}

/* The processor that has it gets on while the other waits. */
static void its_processor_leaves(void)
{
	static u32 rounds;

	assert_int_equal(vps[0].sched, SCHED_RUNNING);
	if (++rounds % 3)
		return;
	self = &machine[1];
	self->current = &vps[0];
	(void)leave(self, &vps[0]);
	self = &machine[0];
	fake_on_pause = NULL;
}

static void test_wait_for_another_processor(void **state)
{
	(void)state;
	start(0);
	assert_ptr_equal(take(&machine[0].run_queue, &machine[1], fake_tsc), &vps[0]);
	machine[1].running = &vps[0];
	vps[0].stop |= VP_STOP_EXPLICIT;
	fake_on_pause = its_processor_leaves;
	sched_wait_stopped(&vps[0], &roots[0]);
	/* It did what others wait for it to do. */
	assert_int_equal(served, 3);
	assert_false(vps[0].running);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
}

/* --- Affinity --- */

static void test_affinity_of_one_that_is_queued(void **state)
{
	(void)state;
	start(0);
	start(1);
	sched_affinity_set(&vps[0], 0x4);
	assert_string_equal(queue_of(0), "1");
	assert_string_equal(queue_of(2), "0");
	assert_int_equal(kicked[2], 1);
	/* Where it is allowed anyway it goes behind. */
	sched_affinity_set(&vps[0], 0x5);
	assert_string_equal(queue_of(2), "0");
}

static void test_affinity_of_one_that_sleeps(void **state)
{
	(void)state;
	vps[0].stop = VP_STOP_EXPLICIT;
	sched_affinity_set(&vps[0], 0x8);
	assert_string_equal(queue_of(3), "");
	release(&vps[0]);
	assert_string_equal(queue_of(3), "0");
}

static void bind_to_2(struct vp *vp)
{
	sched_affinity_set(vp, 0x4);
	assert_int_equal(machine[1].resched, SCHED_LOOK);
	assert_int_equal(kicked[1], 2);
}

/* Whoever waits for it to stop does not believe it while it is on its way. */
static void still_in_hand(struct cpu *cpu)
{
	assert_ptr_equal(cpu, &machine[2]);
	assert_true(is_in_hand(&vps[0]));
}

static void wait_ends_now(void)
{
	assert_ptr_equal(machine[1].running, &vps[0]);
	store_release(&machine[1].running, NULL);
	fake_on_pause = NULL;
}

static void test_affinity_of_one_that_runs(void **state)
{
	(void)state;
	vps[0].cpu = &machine[1];
	start(0);
	in_stay = bind_to_2;
	step_of(1);
	assert_string_equal(queue_of(1), "");
	assert_string_equal(queue_of(2), "0");
	assert_int_equal(kicked[2], 1);
	assert_false(is_in_hand(&vps[0]));
}

static void bind_and_watch(struct vp *vp)
{
	sched_affinity_set(vp, 0x4);
	in_kick = still_in_hand;
}

static void test_wait_for_who_wakes_it_elsewhere(void **state)
{
	(void)state;
	vps[0].cpu = &machine[1];
	start(0);
	in_stay = bind_and_watch;
	step_of(1);
	assert_null(in_kick);
	assert_false(is_in_hand(&vps[0]));
	/* The moment between its rest and that wake, seen by who deletes it. */
	assert_true(take_off(&vps[0]));
	vps[0].stop = VP_STOP_EXPLICIT;
	machine[1].running = &vps[0];
	fake_on_pause = wait_ends_now;
	sched_wait_stopped(&vps[0], &roots[0]);
	assert_null(fake_on_pause);
}

/* Bound to another processor and woken there, while it leaves the old one. */
static void bind_in_unload(struct vp *vp)
{
	sched_affinity_set(vp, 0x8);
}

static void bind_to_1(struct vp *vp)
{
	sched_affinity_set(vp, 0x2);
}

static void test_affinity_while_it_leaves(void **state)
{
	(void)state;
	start(0);
	in_unload = bind_in_unload;
	step_of(0);
	assert_string_equal(queue_of(3), "0");
	assert_string_equal(queue_of(0), "");
	/* One that goes to sleep does so, and wakes in the right place. */
	in_stay = stop_halted;
	in_unload = bind_to_1;
	step_of(3);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	notify(&vps[0]);
	assert_string_equal(queue_of(1), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_work_after_the_last_look, setup),
		cmocka_unit_test_setup(test_blocked_work, setup),
		cmocka_unit_test_setup(test_work_while_a_message_is_posted, setup),
		cmocka_unit_test_setup(test_work_when_asleep, setup),
		cmocka_unit_test_setup(test_intercept, setup),
		cmocka_unit_test_setup(test_queued_while_it_runs, setup),
		cmocka_unit_test_setup(test_queued_before_it_runs, setup),
		cmocka_unit_test_setup(test_queued_before_it_is_idle, setup),
		cmocka_unit_test_setup(test_queued_in_the_halt, setup),
		cmocka_unit_test_setup(test_looked_for_before_the_halt, setup),
		cmocka_unit_test_setup(test_suspended_while_queued, setup),
		cmocka_unit_test_setup(test_suspended_while_taken, setup),
		cmocka_unit_test_setup(test_suspended_while_running, setup),
		cmocka_unit_test_setup(test_wait_for_another_processor, setup),
		cmocka_unit_test_setup(test_affinity_of_one_that_is_queued, setup),
		cmocka_unit_test_setup(test_affinity_of_one_that_sleeps, setup),
		cmocka_unit_test_setup(test_affinity_of_one_that_runs, setup),
		cmocka_unit_test_setup(test_wait_for_who_wakes_it_elsewhere, setup),
		cmocka_unit_test_setup(test_affinity_while_it_leaves, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
