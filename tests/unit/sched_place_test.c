/* SPDX-License-Identifier: MIT */
/*
 * Where a VP goes: when it is woken, when its intercept is settled, and by the
 * hand of those who have nothing to do.
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake
 */
#include "tests/unit/sched_machine.h"

static void stop_intercepted(struct vp *vp)
{
	vp->stop |= VP_STOP_INTERCEPT;
	vp->intercept_waits = true;
}

/* The root runs on @cpu, from where it wakes others. */
static void root_runs_on(u32 cpu)
{
	self = &machine[cpu];
	roots[cpu].stop = 0;
	self->running = &roots[cpu];
	self->run_queue.policy.alone = true;
}

/* The root VP there has settled its intercept. */
static void settled_on(u32 cpu, u32 vp)
{
	root_runs_on(cpu);
	vps[vp].stop &= ~(u32)VP_STOP_INTERCEPT;
	sched_go_on(&vps[vp]);
}

/* Where it ran, if that is free or nothing else is; else a free one. */
static void test_places(void **state)
{
	static const struct {
		u64 idle, affinity;
		u32 last, place;
	} rows[] = {
		{ 0xf, ~0ull, 2, 2 },
		{ 0xb, ~0ull, 2, 0 },
		{ 0x8, ~0ull, 2, 3 },
		{ 0x0, ~0ull, 2, 2 },
		{ 0xb, 0xc, 2, 3 },
		{ 0x3, 0xc, 2, 2 },
		/* It may not run where it did. */
		{ 0x0, 0x2, 2, 1 },
		{ 0xf, 0x8, 2, 3 },
		{ 0x5, 0xa, 2, 1 },
		{ 0x8, 0xa, 2, 3 },
		{ 0x4, 0xffffffff00000002ull, 2, 1 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		sched_idle = rows[i].idle;
		vps[0].affinity = rows[i].affinity;
		vps[0].cpu = &machine[rows[i].last];
		start(0);
		assert_ptr_equal(vps[0].cpu, &machine[rows[i].place]);
		assert_string_equal(queue_of(rows[i].place), "0");
		assert_int_equal(kicked[rows[i].place], 1);
		assert_int_equal(machine[rows[i].place].resched, SCHED_LOOK);
	}
}

/*
 * One whose intercept was settled goes on where that was done, if nobody waits there
 * or, with no processor idle, no more do than where it ran.
 */
static void test_places_of_the_settled(void **state)
{
	static const struct {
		u64 idle, affinity;
		u32 wait_1, wait_2; /* on processor 1, where the root settles, and on 2 */
		u32 last, place;
	} rows[] = {
		{ 0xd, ~0ull, 0, 0, 2, 1 },
		{ 0xd, ~0ull, 0, 0, 1, 1 },
		{ 0x0, ~0ull, 0, 0, 2, 1 },
		/* Behind another it would wait for nothing. */
		{ 0xd, ~0ull, 1, 0, 2, 2 },
		{ 0xd, ~0ull, 1, 0, 1, 0 },
		{ 0x8, ~0ull, 1, 1, 2, 3 },
		{ 0x0, ~0ull, 1, 0, 2, 2 },
		{ 0x0, ~0ull, 1, 1, 2, 1 },
		{ 0x0, ~0ull, 2, 1, 2, 2 },
		{ 0x0, ~0ull, 2, 3, 2, 1 },
		/* It may not run there. */
		{ 0xd, 0xd, 0, 0, 2, 2 },
		{ 0x9, 0xd, 0, 0, 2, 0 },
		{ 0x0, 0x4, 0, 2, 2, 2 },
		/* Idle ones that it may not run on are none. */
		{ 0x9, 0x6, 1, 1, 2, 1 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 first = rows[i].wait_1 + rows[i].wait_2;

		setup(NULL);
		for (u32 v = 0; v < first; v++) {
			vps[v + 1].cpu = &machine[v < rows[i].wait_1 ? 1 : 2];
			start(v + 1);
		}
		memset(kicked, 0, sizeof(kicked));
		machine[1].resched = 0;
		sched_idle = rows[i].idle;
		vps[0].affinity = rows[i].affinity;
		vps[0].cpu = &machine[rows[i].last];
		vps[0].stop = VP_STOP_INTERCEPT;
		settled_on(1, 0);
		assert_ptr_equal(vps[0].cpu, &machine[rows[i].place]);
		assert_int_equal(vps[0].sched, SCHED_QUEUED);
		/* Where the root goes on nobody needs to be told. */
		assert_int_equal(kicked[rows[i].place], rows[i].place != 1);
		assert_int_equal(machine[1].resched, 0);
	}
}

/* Of its next intercepts none leaves the processor, as long as it has nothing else to do. */
static void test_follows_who_settles(void **state)
{
	(void)state;
	others_idle(0x2);
	vps[0].cpu = &machine[3];
	vps[0].stop = VP_STOP_INTERCEPT;
	for (u32 i = 0; i < 5; i++) {
		settled_on(1, 0);
		roots[1].stop = VP_STOP_HALT;
		self->running = NULL;
		/* Nor does another take it meanwhile. */
		step_of(3);
		in_stay = stop_intercepted;
		step_of(1);
		assert_ptr_equal(ran[i], &vps[0]);
		assert_int_equal(stays, i + 1);
	}
	assert_int_equal(posts, 5);
	assert_int_equal(kicked[0] + kicked[1] + kicked[2] + kicked[3], 0);
}

/* What the root here wakes where it ran stays; others go where it is idle. */
static void test_woken_by_the_root(void **state)
{
	(void)state;
	others_idle(0x2);
	root_runs_on(1);
	vps[0].cpu = &machine[1];
	vps[1].cpu = &machine[1];
	vps[2].cpu = &machine[2];
	start(2);
	start(0);
	start(1);
	assert_string_equal(queue_of(1), "0");
	assert_string_equal(queue_of(0), "1");
	assert_string_equal(queue_of(2), "2");
	/* From elsewhere: nobody knows how long the root runs on. */
	setup(NULL);
	others_idle(0x3);
	root_runs_on(1);
	self = &machine[0];
	vps[0].cpu = &machine[1];
	start(0);
	assert_string_equal(queue_of(2), "0");
}

/* A root that does not halt soon keeps nobody waiting whom another could run. */
static void test_kept_for_a_while(void **state)
{
	(void)state;
	others_idle(0x2);
	root_runs_on(1);
	vps[0].cpu = &machine[1];
	start(0);
	assert_int_equal(machine[1].run_queue.look.deadline, fake_tsc + KEEP_NS);
	step_of(3);
	assert_int_equal(stays, 0);
	self = &machine[1];
	in_stay = whole_slice;
	step_of(1);
	assert_int_equal(machine[1].run_queue.look.deadline, fake_tsc);
	assert_int_equal(kicked[0] + kicked[2] + kicked[3], 0);
	/* The root goes on, and one who is idle is told, and takes it. */
	step_of(1);
	assert_ptr_equal(ran[1], &roots[1]);
	assert_int_equal(kicked[0], 1);
	step_of(0);
	assert_ptr_equal(ran[2], &vps[0]);
	assert_ptr_equal(vps[0].cpu, &machine[0]);
	/* The next one who comes has a while of his own, and so has one after who ran. */
	vps[1].cpu = &machine[1];
	root_runs_on(1);
	start(1);
	assert_int_equal(machine[1].run_queue.kept_until, fake_tsc + KEEP_NS);
	roots[1].stop = VP_STOP_HALT;
	step_of(1);
	assert_ptr_equal(ran[3], &vps[1]);
	assert_int_equal(machine[1].run_queue.kept_until, 0);
}

/* With no processor idle nobody is kept, and whoever comes to be idle takes at once. */
static void test_not_kept(void **state)
{
	(void)state;
	root_runs_on(1);
	vps[0].cpu = &machine[1];
	start(0);
	assert_int_equal(machine[1].run_queue.look.deadline, fake_tsc + 10 * TICKS_MS);
	in_stay = stop_halted;
	step_of(3);
	assert_ptr_equal(ran[0], &vps[0]);
	/* Nor are others than the first. */
	others_idle(0x2);
	root_runs_on(1);
	vps[1].cpu = vps[2].cpu = &machine[1];
	start(1);
	vps[2].affinity = 0x6;
	sched_idle = 0;
	start(2);
	others_idle(0x2);
	assert_string_equal(queue_of(1), "12");
	step_of(2);
	assert_ptr_equal(ran[1], &vps[2]);
	/* Nor the first any longer, once the root's processor looks and none is idle. */
	assert_true(machine[1].run_queue.kept_until > fake_tsc);
	sched_idle = 0;
	step_of(1);
	assert_ptr_equal(ran[2], &roots[1]);
	in_stay = stop_halted;
	step_of(3);
	assert_ptr_equal(ran[3], &vps[1]);
}

/* One that may not run there does not hold up those behind it. */
static void test_first_that_may(void **state)
{
	(void)state;
	vps[0].affinity = 0x1;
	vps[1].affinity = 0x3;
	start(0);
	start(1);
	step_of(2);
	assert_int_equal(halts, 1);
	step_of(1);
	assert_ptr_equal(ran[0], &vps[1]);
	assert_string_equal(queue_of(0), "0");
	assert_string_equal(queue_of(1), "1");
	step_of(0);
	assert_ptr_equal(ran[stays - 1], &vps[0]);
}

static void test_stealing(void **state)
{
	(void)state;
	start(0);
	start(1);
	step_of(3);
	assert_ptr_equal(ran[0], &vps[0]);
	assert_ptr_equal(vps[0].cpu, &machine[3]);
	/* It stays where it is now. */
	assert_string_equal(queue_of(0), "1");
	assert_string_equal(queue_of(3), "0");
	/* Its own come first. */
	step_of(3);
	assert_ptr_equal(ran[1], &vps[0]);
	vps[1].affinity = 0x1;
	vps[0].stop = VP_STOP_EXPLICIT;
	step_of(3);
	step_of(3);
	assert_int_equal(halts, 1);
}

/* Two who wait behind another go to two who are idle, each where it may. */
static void test_offer(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		start(i);
	vps[0].affinity = 0x1;
	vps[1].affinity = 0x8;
	vps[2].affinity = 0xc;
	vps[3].affinity = 0x8;
	memset(kicked, 0, sizeof(kicked));
	others_idle(0x1);
	step_of(0);
	assert_int_equal(kicked[1], 0);
	assert_int_equal(kicked[2], 1);
	assert_int_equal(kicked[3], 1);
	assert_int_equal(machine[2].resched & SCHED_LOOK, SCHED_LOOK);
	sched_idle = 0;
	step_of(2);
	assert_ptr_equal(ran[stays - 1], &vps[2]);
	step_of(3);
	assert_ptr_equal(ran[stays - 1], &vps[1]);
}

/* The root comes first; of the children that it interrupts those who are not next may go on elsewhere. */
static void test_root_interrupts(void **state)
{
	(void)state;
	start(0);
	start(1);
	in_stay = wake_root;
	step_of(0);
	assert_string_equal(queue_of(0), "01");
	memset(kicked, 0, sizeof(kicked));
	others_idle(0x1);
	step_of(0);
	assert_ptr_equal(ran[1], &roots[0]);
	assert_int_equal(kicked[1] + kicked[2] + kicked[3], 1);
	assert_string_equal(queue_of(0), "01");
	step_of(1);
	assert_ptr_equal(ran[2], &vps[1]);
	/* Longer than a while also the first. */
	memset(kicked, 0, sizeof(kicked));
	pass(KEEP_NS);
	step_of(0);
	assert_int_equal(kicked[1] + kicked[2] + kicked[3], 1);
	step_of(2);
	assert_ptr_equal(ran[4], &vps[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_places, setup),
		cmocka_unit_test_setup(test_places_of_the_settled, setup),
		cmocka_unit_test_setup(test_follows_who_settles, setup),
		cmocka_unit_test_setup(test_woken_by_the_root, setup),
		cmocka_unit_test_setup(test_kept_for_a_while, setup),
		cmocka_unit_test_setup(test_not_kept, setup),
		cmocka_unit_test_setup(test_first_that_may, setup),
		cmocka_unit_test_setup(test_stealing, setup),
		cmocka_unit_test_setup(test_offer, setup),
		cmocka_unit_test_setup(test_root_interrupts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
