/* SPDX-License-Identifier: MIT */
/*
 * What a VP is: counters, switching, injection of exceptions, the end of an
 * emulated instruction.
 * sources: hypervisor/vp.c hypervisor/vp_run.c hypervisor/partition.c hypervisor/event.c
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake_cr -Itests/unit/fake
 */
#include "tests/unit/vp_machine.h"

/* Each run is 1000 ticks, each handling 100; readings of the TSC one each. */
static void test_counters(void **state)
{
	(void)state;
	kinds[0] = kinds[1] = EXIT_CPUID;
	kinds[2] = EXIT_HLT;
	vp_run(&vp);
	assert_int_equal(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID], 2);
	assert_int_equal(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT], 1);
	assert_in_range(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID + 1], 200, 204);
	assert_in_range(stats[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT + 1], 100, 102);
	assert_in_range(stats[HV_VP_COUNTER_HYPERVISOR_TIME], 300, 310);
	assert_in_range(stats[HV_VP_COUNTER_TOTAL_RUN_TIME], 3300, 3310);
	assert_int_equal(ring.ring.head, 3);
	assert_int_equal(ring.ring.records[1].event, TRACE_EXIT);
	assert_int_equal(ring.ring.records[1].b & 0xff, EXIT_CPUID);
	assert_int_equal(ring.ring.records[2].b & 0xff, EXIT_HLT);
}

static void test_switch(void **state)
{
	(void)state;
	cpu.current = &other;
	for (u32 i = 0; i < 4; i++) {
		fake_dr[i] = 0x1000 + i;
		vp.dr[i] = 0x2000 + i;
	}
	vp_run(&vp);
	assert_int_equal(saves, 1);
	assert_int_equal(loads, 1);
	assert_int_equal(fpu_unloads, 1);
	assert_int_equal(fpu_switches, 1);
	assert_ptr_equal(cpu.current, &vp);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(other.dr[i], 0x1000 + i);
		assert_int_equal(fake_dr[i], 0x2000 + i);
	}
	vp_switch(&vp);
	assert_int_equal(loads, 1);
}

/* What of it is the processor's is put off and on: the timer, what guest.c remembers. */
static void test_arrival(void **state)
{
	struct cpu elsewhere = { .index = 1 };
	u64 key;

	(void)state;
	cpu.current = NULL;
	vp_run(&vp);
	assert_int_equal(loads, 1);
	assert_int_equal(saves, 0);
	/* The first time there is no timer yet. */
	assert_int_equal(timer_moves + stimer_moves, 0);
	assert_ptr_equal(vp.cpu_last, &cpu);
	key = vp.memo_key;
	assert_int_not_equal(key, OLD_KEY);
	cpu.current = NULL;
	loads = runs = 0;
	vp_run(&vp);
	assert_int_equal(timer_moves + stimer_moves, 0);
	assert_int_equal(vp.memo_key, key);
	assert_int_equal(stats[HV_VP_COUNTER_MIGRATIONS], 0);
	cpu.current = NULL;
	loads = runs = 0;
	vp.cpu_last = &elsewhere;
	vp_run(&vp);
	assert_int_equal(timer_moves, 1);
	assert_int_equal(stimer_moves, 1);
	assert_int_equal(stats[HV_VP_COUNTER_MIGRATIONS], 1);
	assert_int_not_equal(vp.memo_key, key);
	/* One that its parent stopped goes on, wherever that was. */
	cpu.current = NULL;
	loads = runs = 0;
	vp.vlapic.timer_stopped = true;
	vp_run(&vp);
	assert_int_equal(timer_resumes, 1);
}

static void test_unload(void **state)
{
	(void)state;
	cpu.current = &other;
	fake_dr[3] = 0x3333;
	vp_unload();
	assert_int_equal(fpu_unloads, 1);
	assert_int_equal(saves, 1);
	assert_int_equal(other.dr[3], 0x3333);
	assert_null(cpu.current);
	vp_unload();
	assert_int_equal(saves, 1);
}

/* Written only where it changes. */
static void test_tsc_aux(void **state)
{
	(void)state;
	cpu.current = NULL;
	vp.tsc_aux = 0x12345678;
	vp_run(&vp);
	assert_int_equal(tsc_aux_writes, 1);
	assert_int_equal(tsc_aux_written, 0x12345678);
	assert_int_equal(cpu.tsc_aux, 0x12345678);
	cpu.current = NULL;
	loads = runs = 0;
	vp_run(&vp);
	assert_int_equal(tsc_aux_writes, 1);
	vp.tsc_aux = 0;
	vp_tsc_aux_load(&vp);
	assert_int_equal(tsc_aux_writes, 2);
	assert_int_equal(tsc_aux_written, 0);
}

static void test_inject(void **state)
{
	(void)state;
	vp_inject_gp(&vp);
	assert_int_equal(vp.event.vector, VEC_GP);
	assert_true(vp.event.has_error);
	/* A second one on the way to its handler, and a third. */
	vp_inject_pf(&vp, 0x1234, 0x3);
	assert_int_equal(vp.event.vector, VEC_PF);
	assert_int_equal(vp.event.error, 0x3);
	assert_int_equal(cr2, 0x1234);
	vp_inject_gp(&vp);
	assert_int_equal(vp.event.vector, VEC_DF);
	if (!setjmp(died)) {
		vp_inject_gp(&vp);
		fail();
	}
}

/* A child's end is its parent's to hear of. */
static void test_child_ends(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.event = (struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VEC_DF };
	vp_inject_gp(&vp);
	assert_int_equal(triple_faults, 1);
	assert_int_equal(invalid_states, 0);
	vp_fail(&vp, "because");
	assert_int_equal(triple_faults, 1);
	assert_int_equal(invalid_states, 1);
}

static void test_inject_in_real_mode(void **state)
{
	(void)state;
	cr0 = 0;
	vp_inject_exception(&vp, VEC_GP, true, 0x10);
	assert_int_equal(vp.event.vector, VEC_GP);
	assert_false(vp.event.has_error);
	assert_int_equal(vp.event.error, 0);
}

static void test_lengths(void **state)
{
	struct exit exit = { .kind = EXIT_CPUID, .length = 4 };
	u8 length;

	(void)state;
	known_length = 2;
	fetched_length = 3;
	assert_true(vp_length(&vp, &exit, &length));
	assert_int_equal(length, 4);
	exit.length = 0;
	assert_true(vp_length(&vp, &exit, &length));
	assert_int_equal(length, 2);
	known_length = 0;
	assert_true(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 3);
	assert_false(vp.event.valid);
	/* No longer there: the fault, and RIP stays. */
	fetched_length = 0;
	fetch_vector = VEC_PF;
	assert_false(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 3);
	assert_int_equal(vp.event.vector, VEC_PF);
	assert_int_equal(vp.event.error, 0x15);
	assert_int_equal(cr2, 0x7000);
	vp.event.valid = false;
	fetch_vector = VEC_GP;
	assert_false(vp_length(&vp, &exit, &length));
	assert_int_equal(vp.event.vector, VEC_GP);
}

static void test_single_step(void **state)
{
	struct exit exit = { .kind = EXIT_CPUID, .length = 2 };

	(void)state;
	vp.regs.rflags = RFLAGS_TF;
	dr6 = 0xffff0ff0;
	assert_true(vp_skip(&vp, &exit));
	assert_int_equal(vp.regs.rip, 2);
	assert_int_equal(vp.event.vector, VEC_DB);
	assert_false(vp.event.has_error);
	assert_int_equal(dr6, 0xffff4ff0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_counters, setup),
		cmocka_unit_test_setup(test_switch, setup),
		cmocka_unit_test_setup(test_arrival, setup),
		cmocka_unit_test_setup(test_unload, setup),
		cmocka_unit_test_setup(test_tsc_aux, setup),
		cmocka_unit_test_setup(test_inject, setup),
		cmocka_unit_test_setup(test_child_ends, setup),
		cmocka_unit_test_setup(test_inject_in_real_mode, setup),
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_single_step, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
