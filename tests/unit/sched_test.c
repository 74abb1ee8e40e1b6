/* SPDX-License-Identifier: MIT */
/*
 * Whom a processor runs, and for how long: queues, placement, stealing, the
 * slices of the root and of children.
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake
 */
#include "tests/unit/sched_machine.h"

static void test_nothing_to_do(void **state)
{
	(void)state;
	step_of(2);
	assert_int_equal(stays, 0);
	assert_int_equal(halts, 1);
	assert_int_equal(sched_idle, 0);
}

static void test_root_alone(void **state)
{
	(void)state;
	roots[0].stop = 0;
	step_of(0);
	assert_int_equal(stays, 1);
	assert_ptr_equal(ran[0], &roots[0]);
	assert_false(roots[0].running);
	assert_null(machine[0].running);
	/* Its state stays, and nobody waits, so that no timer ends its turn. */
	assert_int_equal(unloads, 0);
	assert_false(machine[0].run_queue.look.armed);
	roots[0].stop = VP_STOP_HALT;
	step_of(0);
	assert_int_equal(halts, 1);
	root_deliverable = true;
	step_of(0);
	assert_int_equal(stays, 2);
	roots[0].stop = VP_STOP_HALT | VP_STOP_STARTUP;
	step_of(0);
	assert_int_equal(halts, 2);
	/* Before boot has made its VP. */
	machine[1].root_vp = NULL;
	step_of(1);
	assert_int_equal(halts, 3);
}

static void test_wake_of_a_root(void **state)
{
	(void)state;
	sched_wake(&roots[1]);
	assert_int_equal(machine[1].resched, SCHED_LOOK);
	assert_int_equal(kicked[1], 1);
	/* While it runs it looks by itself after the kick. */
	machine[1].resched = 0;
	machine[1].running = &roots[1];
	sched_wake(&roots[1]);
	assert_int_equal(machine[1].resched, 0);
	assert_int_equal(kicked[1], 2);
}

static void test_child_runs_and_leaves(void **state)
{
	(void)state;
	start(0);
	assert_string_equal(queue_of(0), "0");
	assert_int_equal(machine[0].resched, SCHED_LOOK);
	in_stay = stop_halted;
	step_of(0);
	assert_ptr_equal(ran[0], &vps[0]);
	assert_int_equal(unloads, 1);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	assert_false(vps[0].running);
	assert_null(machine[0].running);
	assert_string_equal(queue_of(0), "");
	step_of(0);
	assert_int_equal(halts, 1);
}

static void test_wake_while_queued_or_suspended(void **state)
{
	static const u32 bits[] = { VP_STOP_EXPLICIT, VP_STOP_INTERCEPT, VP_STOP_STARTUP };

	(void)state;
	start(0);
	start(0);
	assert_string_equal(queue_of(0), "0");
	for (u32 i = 0; i < ARRAY_SIZE(bits); i++) {
		vps[1].stop = bits[i] | VP_STOP_HALT;
		sched_wake(&vps[1]);
		assert_int_equal(vps[1].sched, SCHED_IDLE);
	}
	assert_int_equal(kicked[0], 1);
}

static void test_order(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		start(i);
	assert_string_equal(queue_of(0), "012");
	for (u32 i = 0; i < 3; i++) {
		in_stay = stop_halted;
		step_of(0);
		assert_ptr_equal(ran[i], &vps[i]);
	}
}

/* --- Slices --- */

/* The length of the next stay, which must be @vp's and end by its slice. */
static u64 turn_of(const struct vp *vp)
{
	u64 began = fake_tsc;

	in_stay = whole_slice;
	step_of(0);
	assert_ptr_equal(ran[stays - 1], vp);
	return fake_tsc - began;
}

/* Bound to one processor: the others' shorter queues do not count. */
static void start_bound(u32 vp)
{
	vps[vp].affinity = 0x1;
	start(vp);
}

static void test_children_take_turns(void **state)
{
	u64 began;

	(void)state;
	start_bound(0);
	start_bound(1);
	for (u32 i = 0; i < 6; i++) {
		began = fake_tsc;
		in_stay = whole_slice;
		step_of(0);
		assert_ptr_equal(ran[i], &vps[i % 2]);
		assert_int_equal(fake_tsc - began, 5 * TICKS_MS);
	}
}

/* After its turn one goes where fewer wait, and only as long as that is so. */
static void test_turn_elsewhere(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		start(i);
	vps[1].affinity = 0x1;
	for (u32 i = 0; i < 3; i++) {
		in_stay = whole_slice;
		step_of(0);
		assert_ptr_equal(ran[i], &vps[i]);
	}
	assert_string_equal(queue_of(0), "1");
	assert_string_equal(queue_of(1), "0");
	assert_string_equal(queue_of(2), "2");
	assert_ptr_equal(vps[0].cpu, cpus[1]);
}

static void start_1(struct vp *vp)
{
	(void)vp;
	assert_false(self->run_queue.look.armed);
	pass(50 * TICKS_MS);
	start_bound(1);
	assert_int_equal(self->resched, SCHED_LOOK);
}

/* Alone it runs on; when another comes it has had its turn. */
static void test_alone_until_another_comes(void **state)
{
	(void)state;
	start_bound(0);
	in_stay = start_1;
	step_of(0);
	assert_string_equal(queue_of(0), "10");
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&vps[0]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
}

/* Halted in the midst of its turn, it comes last when it is woken, and has a whole one. */
static void test_turn_given_up(void **state)
{
	(void)state;
	start_bound(0);
	start_bound(1);
	in_stay = stop_halted;
	step_of(0);
	pass(2 * TICKS_MS);
	start_bound(0);
	assert_string_equal(queue_of(0), "10");
	in_stay = whole_slice;
	step_of(0);
	assert_ptr_equal(ran[1], &vps[1]);
	in_stay = whole_slice;
	step_of(0);
	assert_ptr_equal(ran[2], &vps[0]);
}

static void millisecond_then_root(struct vp *vp)
{
	pass(TICKS_MS);
	if (!(self->resched & SCHED_LOOK))
		wake_root(vp);
}

/* A root that comes every millisecond, for short, does not make turns longer. */
static void test_interrupted_turns(void **state)
{
	u32 turns[2] = { 0, 0 };

	(void)state;
	start_bound(0);
	start_bound(1);
	for (u32 i = 0; i < 40; i++) {
		in_stay = millisecond_then_root;
		step_of(0);
		if (ran[stays - 1] != &roots[0]) {
			turns[ran[stays - 1]->index]++;
		} else {
			in_stay = NULL;
			roots[0].stop = VP_STOP_HALT;
		}
	}
	assert_in_range(turns[0], 8, 12);
	assert_in_range(turns[1], 8, 12);
}

/* The root comes after a millisecond, and halts at once. */
static void interrupted_by_root(void)
{
	in_stay = millisecond_then_root;
	step_of(0);
	in_stay = NULL;
	step_of(0);
	assert_ptr_equal(ran[stays - 1], &roots[0]);
	roots[0].stop = VP_STOP_HALT;
}

/* What is left of an interrupted turn is its VP's, here, and once. */
static void test_rest_of_a_turn(void **state)
{
	(void)state;
	start_bound(0);
	start_bound(1);
	interrupted_by_root();
	assert_int_equal(turn_of(&vps[0]), 4 * TICKS_MS);
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&vps[0]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
	/* Taken by another processor meanwhile. */
	vps[0].affinity = 0x3;
	interrupted_by_root();
	start_bound(2);
	step_of(1);
	assert_ptr_equal(ran[stays - 1], &vps[0]);
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&vps[2]), 5 * TICKS_MS);
}

static void three_then_halt(struct vp *vp)
{
	pass(3 * TICKS_MS);
	stop_halted(vp);
}

/* A timer that was set for one who gave his turn up ends nobody else's. */
static void test_stale_timer(void **state)
{
	(void)state;
	start_bound(0);
	start_bound(1);
	in_stay = three_then_halt;
	step_of(0);
	assert_int_equal(turn_of(&vps[1]), 2 * TICKS_MS);
	assert_string_equal(queue_of(0), "1");
	start_bound(2);
	assert_int_equal(turn_of(&vps[1]), 3 * TICKS_MS);
	assert_int_equal(turn_of(&vps[2]), 5 * TICKS_MS);
}

/* A root that never halts leaves a third of the time to a child, and gets the rest. */
static void test_root_that_never_halts(void **state)
{
	u64 root = 0, of_child = 0;

	(void)state;
	roots[0].stop = 0;
	start(0);
	for (u32 i = 0; i < 60; i++) {
		u64 began = fake_tsc;

		in_stay = whole_slice;
		step_of(0);
		if (ran[stays - 1] == &roots[0])
			root += fake_tsc - began;
		else
			of_child += fake_tsc - began;
	}
	assert_int_equal(root, 30 * 10 * TICKS_MS);
	assert_int_equal(of_child, 30 * 5 * TICKS_MS);
}

/* Those who wait have used up their caps: the root goes on, and is looked at when they may. */
static void test_root_before_those_who_may_not(void **state)
{
	(void)state;
	child.cpu_cap = HV_CPU_ALL / 8;
	sched_share_changed(&vps[0]);
	start_bound(0);
	assert_int_equal(turn_of(&vps[0]), TICKS_MS * 5 / 4);
	assert_string_equal(queue_of(0), "0");
	roots[0].stop = 0;
	assert_int_equal(turn_of(&roots[0]), TICKS_MS * 35 / 4);
	assert_string_equal(queue_of(0), "");
}

static void nothing(void)
{
}

/* Its budget used up it waits, the processor halts, and at the period's end it goes on. */
static void test_parked(void **state)
{
	(void)state;
	child.cpu_cap = HV_CPU_ALL / 8;
	sched_share_changed(&vps[0]);
	start_bound(0);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(fake_tsc % (10 * TICKS_MS), 0);
		assert_int_equal(turn_of(&vps[0]), TICKS_MS * 5 / 4);
		in_halt = nothing;
		step_of(0);
		assert_int_equal(halts, i + 1);
		assert_int_equal(vps[0].sched, SCHED_QUEUED);
		assert_string_equal(queue_of(0), "");
		/* A wake changes nothing, nor is it taken by those who have nothing to do. */
		sched_wake(&vps[0]);
		pass(20 * TICKS_MS);
		assert_int_equal(self->resched, SCHED_LOOK);
	}
	/* Nor by others. */
	vps[0].affinity = ~0ull;
	assert_int_equal(turn_of(&vps[0]), TICKS_MS * 5 / 4);
	step_of(1);
	assert_int_equal(halts, 4);
	/* The cap is taken away: at once. */
	step_of(0);
	child.cpu_cap = HV_CPU_ALL;
	sched_share_changed(&vps[0]);
	assert_string_equal(queue_of(0), "0");
	assert_int_equal(machine[0].resched, SCHED_LOOK);
}

/* What waits for its budget can be suspended, bound elsewhere, and let go. */
static void test_parked_and_moved(void **state)
{
	(void)state;
	child.cpu_cap = HV_CPU_ALL / 8;
	sched_share_changed(&vps[0]);
	start_bound(0);
	assert_int_equal(turn_of(&vps[0]), TICKS_MS * 5 / 4);
	step_of(0);
	assert_int_equal(vps[0].sched, SCHED_QUEUED);
	vps[0].stop |= VP_STOP_EXPLICIT;
	sched_wait_stopped(&vps[0], &roots[0]);
	assert_int_equal(vps[0].sched, SCHED_IDLE);
	assert_int_equal(machine[0].run_queue.policy.parked_count, 0);
	vps[0].stop = 0;
	sched_affinity_set(&vps[0], 0x2);
	assert_string_equal(queue_of(1), "0");
	step_of(1);
	assert_int_equal(stays, 1);
	assert_int_equal(machine[1].run_queue.policy.parked_count, 1);
	assert_int_equal(machine[1].run_queue.look.deadline % (10 * TICKS_MS), 0);
}

/* A running one that is capped ends its stay, and has a timer from then on. */
static void cap_it(struct vp *vp)
{
	child.cpu_cap = HV_CPU_ALL / 4;
	sched_share_changed(vp);
	assert_int_equal(self->resched, SCHED_LOOK);
}

static void test_capped_while_it_runs(void **state)
{
	(void)state;
	start_bound(0);
	in_stay = cap_it;
	step_of(0);
	assert_int_equal(turn_of(&vps[0]), TICKS_MS * 5 / 2);
}

/* A reserve ends the root's stay in time, and the root comes back when it is paid. */
static void test_reserve(void **state)
{
	(void)state;
	roots[0].stop = 0;
	child.cpu_reserve = HV_CPU_ALL / 2;
	sched_share_changed(&vps[0]);
	start_bound(0);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(turn_of(&roots[0]), 5 * TICKS_MS);
		assert_int_equal(turn_of(&vps[0]), 5 * TICKS_MS);
	}
}

static void give_way(struct vp *vp)
{
	pass(TICKS_MS);
	sched_give_way(vp);
	assert_int_equal(self->resched, SCHED_LOOK);
}

/* Who spins lets the other go first, and the root a child. */
static void test_give_way(void **state)
{
	(void)state;
	start_bound(0);
	start_bound(1);
	in_stay = give_way;
	step_of(0);
	assert_string_equal(queue_of(0), "10");
	assert_int_equal(turn_of(&vps[1]), 5 * TICKS_MS);
	roots[0].stop = 0;
	in_stay = give_way;
	step_of(0);
	assert_ptr_equal(ran[stays - 1], &roots[0]);
	assert_int_equal(turn_of(&vps[0]), 5 * TICKS_MS);
	assert_int_equal(turn_of(&roots[0]), 10 * TICKS_MS);
}

static void wake_the_same(struct vp *vp)
{
	pass(TICKS_MS);
	start(1);
	(void)vp;
}

/* A root whose stay ends for a look goes on with the same slice. */
static void test_root_slice_goes_on(void **state)
{
	u64 deadline;

	(void)state;
	roots[0].stop = 0;
	start(0);
	in_stay = wake_the_same;
	step_of(0);
	deadline = machine[0].run_queue.look.deadline;
	in_stay = whole_slice;
	step_of(0);
	assert_int_equal(fake_tsc, deadline);
	step_of(0);
	assert_ptr_equal(ran[2], &vps[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_to_do, setup),
		cmocka_unit_test_setup(test_root_alone, setup),
		cmocka_unit_test_setup(test_wake_of_a_root, setup),
		cmocka_unit_test_setup(test_child_runs_and_leaves, setup),
		cmocka_unit_test_setup(test_wake_while_queued_or_suspended, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_children_take_turns, setup),
		cmocka_unit_test_setup(test_turn_elsewhere, setup),
		cmocka_unit_test_setup(test_alone_until_another_comes, setup),
		cmocka_unit_test_setup(test_turn_given_up, setup),
		cmocka_unit_test_setup(test_interrupted_turns, setup),
		cmocka_unit_test_setup(test_rest_of_a_turn, setup),
		cmocka_unit_test_setup(test_stale_timer, setup),
		cmocka_unit_test_setup(test_root_that_never_halts, setup),
		cmocka_unit_test_setup(test_root_before_those_who_may_not, setup),
		cmocka_unit_test_setup(test_root_slice_goes_on, setup),
		cmocka_unit_test_setup(test_parked, setup),
		cmocka_unit_test_setup(test_parked_and_moved, setup),
		cmocka_unit_test_setup(test_capped_while_it_runs, setup),
		cmocka_unit_test_setup(test_reserve, setup),
		cmocka_unit_test_setup(test_give_way, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
