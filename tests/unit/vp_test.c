/* SPDX-License-Identifier: MIT */
/*
 * What a VP does before and between entries: delivery of NMIs and interrupts,
 * windows, flushes, halting and waking, notification.
 * sources: hypervisor/vp.c hypervisor/vp_run.c hypervisor/partition.c hypervisor/event.c
 * sources: tests/unit/fake/fake.c tests/unit/host_assert.c
 * cflags: -Itests/unit/fake_cr -Itests/unit/fake
 */
#include "tests/unit/vp_machine.h"

static void test_interrupt(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_true(entered[0].valid);
	assert_int_equal(entered[0].type, EVENT_EXTERNAL);
	assert_int_equal(entered[0].vector, 0x41);
	assert_false(entered[0].has_error);
	assert_int_equal(accepted, 1);
	assert_int_equal(traced_injections, 1);
	assert_int_equal(stats[HV_VP_COUNTER_VIRTUAL_INTERRUPTS], 1);
	assert_int_equal(window, -1);
	assert_int_equal(vp.work, 0);
	assert_int_equal(vp.stop, VP_STOP_HALT);
}

/* Before what the APIC has, whatever its priorities; then that waits for a window. */
static void test_extint(void **state)
{
	(void)state;
	vp.vlapic.extint = VLAPIC_EXTINT | 0x08;
	vp.vlapic.isr_highest = 0xf1;
	pending = VLAPIC_NONE;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_true(entered[0].valid);
	assert_int_equal(entered[0].type, EVENT_EXTERNAL);
	assert_int_equal(entered[0].vector, 0x08);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, -1);
	assert_false(vlapic_has_extint(&vp.vlapic));
	setup(NULL);
	vp.vlapic.extint = VLAPIC_EXTINT | 0x08;
	pending = highest = 0x41;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0x08);
	assert_int_equal(window, 4);
	/* It cannot be taken yet: then no TPR counts for the window. */
	setup(NULL);
	can_interrupt = false;
	vp.vlapic.extint = VLAPIC_EXTINT | 0x08;
	pending = highest = 0x41;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_int_equal(window, VIRT_WINDOW_ANY);
	assert_true(vlapic_has_extint(&vp.vlapic));
}

/* It ends a halt. */
static void test_extint_wakes(void **state)
{
	(void)state;
	vp.stop = VP_STOP_HALT;
	assert_false(vp_wakes(&vp));
	vp.vlapic.extint = VLAPIC_EXTINT;
	assert_true(vp_wakes(&vp));
	can_interrupt = false;
	assert_false(vp_wakes(&vp));
	/* So does an INIT, in any state. */
	vp.startup = 1;
	assert_true(vp_wakes(&vp));
}

static void init_in_exit(void)
{
	vp.startup = 1;
	vp_notify(&vp, VP_WORK_INIT);
}

/* It is not entered any more; the first VP is, elsewhere. */
static void test_init(void **state)
{
	(void)state;
	on_exit_handled = init_in_exit;
	kinds[0] = EXIT_INTERRUPT;
	startup_after = 1;
	stop_after = VP_STOP_STARTUP;
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_int_equal(taken, 1);
	setup(NULL);
	on_exit_handled = init_in_exit;
	kinds[0] = EXIT_INTERRUPT;
	kinds[1] = EXIT_HLT;
	taken = startup_after = stop_after = 0;
	vp_run(&vp);
	assert_int_equal(runs, 2);
	assert_int_equal(taken, 1); /* the second one came with the HLT, and waits */
}

/* Whoever comes to a processor looks first what it is asked. */
static void test_startup(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.startup = 1;
	taken = 0;
	startup_after = 1;
	stop_after = VP_STOP_STARTUP;
	vp_run(&vp);
	assert_int_equal(taken, 1);
	assert_int_equal(runs, 0);
	startup_after = stop_after = 0;
	vp_run(&vp);
	assert_int_equal(taken, 2);
	assert_int_equal(runs, 1);
}

/* What is behind one that is taken waits for its end, or, if it ends by itself, for a window. */
static void test_interrupts_behind(void **state)
{
	(void)state;
	pending = highest = 0xf2;
	behind = 0x41;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0xf2);
	assert_int_equal(window, -1);
	setup(NULL);
	pending = highest = 0xf2;
	behind = 0x41;
	vp.synic.auto_eoi = 1;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0xf2);
	assert_int_equal(window, 4);
	setup(NULL);
	pending = highest = 0xf2;
	vp.synic.auto_eoi = 1;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(window, -1);
}

/* Masked by RFLAGS.IF or a shadow: asked for by the window, with its priority. */
static void test_interrupt_window(void **state)
{
	(void)state;
	pending = highest = 0x41;
	can_interrupt = false;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(vp.work, 0);
}

/* Masked by the TPR: the window waits for it. By one in service: the EOI tells. */
static void test_priorities(void **state)
{
	(void)state;
	highest = 0x51;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_int_equal(window, 5);
	setup(NULL);
	highest = 0x51;
	vp.vlapic.isr_highest = 0x58;
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(window, -1);
	setup(NULL);
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(window, -1);
	assert_false(entered[0].valid);
}

/* What an exit interrupted goes first; the interrupt waits for its window. */
static void test_event_under_delivery(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.event = (struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VEC_PF };
	vp.work = VP_WORK_INTERRUPT | VP_WORK_NMI;
	vp_run(&vp);
	assert_int_equal(entered[0].vector, VEC_PF);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(nmi_windows, 1);
	assert_int_equal(vp.work, VP_WORK_NMI);
}

static void test_nmi(void **state)
{
	(void)state;
	pending = highest = 0x41;
	vp.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(entered[0].type, EVENT_NMI);
	assert_int_equal(entered[0].vector, 2);
	assert_int_equal(accepted, 0);
	assert_int_equal(window, 4);
	assert_int_equal(vp.work, 0);
	/* While NMIs are blocked, it waits, and is not forgotten. */
	setup(NULL);
	can_nmi = false;
	kinds[0] = EXIT_NMI_WINDOW;
	kinds[1] = EXIT_HLT;
	vp.work = VP_WORK_NMI;
	vp_run(&vp);
	assert_false(entered[0].valid);
	assert_false(entered[1].valid);
	assert_int_equal(nmi_windows, 2);
	assert_int_equal(vp.work, VP_WORK_NMI);
}

static void test_flush(void **state)
{
	(void)state;
	vp.work = VP_WORK_FLUSH;
	vp_run(&vp);
	assert_int_equal(flushes, 1);
	assert_int_equal(window_flushes, 1);
	assert_int_equal(vp.work, 0);
	/* What was remembered of its code is void, too. */
	assert_int_not_equal(vp.memo_key, OLD_KEY);
	assert_int_not_equal(vp.memo_key, 0);
}

static void test_guest_flush(void **state)
{
	(void)state;
	vp.work = VP_WORK_TLB;
	vp_run(&vp);
	assert_int_equal(guest_flushes, 1);
	assert_int_equal(flushes, 0);
	assert_int_equal(runs, 1);
	assert_int_equal(vp.work, 0);
}

/* Work that comes while an exit is handled is looked at before the next entry. */
static void notify_in_exit(void)
{
	if (runs == 1) {
		pending = highest = 0x99;
		vp_notify(&vp, VP_WORK_INTERRUPT);
	}
}

static void test_work_during_exit(void **state)
{
	(void)state;
	on_exit_handled = notify_in_exit;
	kinds[0] = EXIT_INTERRUPT;
	kinds[1] = EXIT_HLT;
	vp_run(&vp);
	assert_int_equal(runs, 2);
	assert_false(entered[0].valid);
	assert_int_equal(entered[1].vector, 0x99);
}

static void flush_in_exit(void)
{
	if (runs == 1)
		vp.work |= VP_WORK_FLUSH;
}

/* Behind a flush the guest is not entered with the clock of before. */
static void test_clock_before_a_flush(void **state)
{
	(void)state;
	on_exit_handled = flush_in_exit;
	work_at_flush = VP_WORK_TIMERS;
	kinds[0] = EXIT_INTERRUPT;
	kinds[1] = EXIT_HLT;
	vp_run(&vp);
	assert_int_equal(flushes, 1);
	assert_int_equal(runs, 2);
	assert_int_equal(clock_serves, 1);
	assert_int_equal(serves_at_entry[0], 0);
	assert_int_equal(serves_at_entry[1], 1);
}

/* A child's: sched.c looks before it runs one of the root's. */
static void test_halted(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_HALT;
	assert_false(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(runs, 0);
	assert_int_equal(vp.stop, VP_STOP_HALT);
	/* An interrupt that cannot be delivered wakes nobody. */
	pending = highest = 0x41;
	can_interrupt = false;
	assert_false(vp_wakes(&vp));
	can_interrupt = true;
	assert_true(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0x41);
	assert_int_equal(vp.stop, VP_STOP_HALT);
	assert_false(vp_wakes(&vp));
	/* An NMI does, with interrupts off too, unless one is being served. */
	can_interrupt = false;
	vp.work = VP_WORK_NMI;
	assert_true(vp_wakes(&vp));
	can_nmi = false;
	assert_false(vp_wakes(&vp));
	vp.work = 0;
	vp.event.valid = true;
	assert_true(vp_wakes(&vp));
}

/* Nothing that a halted VP can do or cannot is left for sched.c to wake it for. */
static void test_halted_leaves_no_work(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_HALT;
	vp.work = VP_WORK_FLUSH | VP_WORK_TLB | VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 0);
	assert_int_equal(flushes, 1);
	assert_int_equal(guest_flushes, 1);
	assert_int_equal(vp.work, 0);
	assert_int_equal(vp.work_blocked, 0);
	can_nmi = false;
	vp.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 0);
	assert_int_equal(vp.work, VP_WORK_NMI);
	assert_int_equal(vp.work_blocked, VP_WORK_NMI);
	/* Once it runs, that must be looked at again when it halts. */
	pending = highest = 0x41;
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_int_equal(vp.stop, VP_STOP_HALT);
	assert_int_equal(vp.work & ~vp.work_blocked, VP_WORK_NMI);
	can_nmi = true;
	vp.event.valid = false;
	runs = 0;
	vp_run(&vp);
	assert_int_equal(entered[0].type, EVENT_NMI);
	assert_int_equal(vp.work, 0);
}

/* One that may not wake the VP yet does not keep the next from kicking it. */
static void test_halted_kick(void **state)
{
	(void)state;
	vp.stop = VP_STOP_HALT;
	highest = 0x31;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 1);
	assert_false(vp_wakes(&vp));
	pending = highest = 0x81;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 2);
	vp_run(&vp);
	assert_int_equal(entered[0].vector, 0x81);
}

/* By HV_MSR_GUEST_IDLE: it wakes for what it cannot take yet, and takes it later. */
static void test_idle(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_HALT;
	vp.idle = true;
	can_interrupt = false;
	vp_run(&vp);
	assert_int_equal(runs, 0);
	assert_true(vp.idle);
	pending = highest = 0x41;
	assert_true(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_false(entered[0].valid);
	assert_int_equal(window, 4);
	assert_false(vp.idle);
	/* The HLT behind it is an ordinary one. */
	assert_int_equal(vp.stop, VP_STOP_HALT);
	assert_false(vp_wakes(&vp));
}

/* Nor is the priority a reason to sleep on: one that is in service may be as high. */
static void test_idle_priority(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_HALT;
	vp.idle = true;
	vp.vlapic.isr_highest = 0xfb;
	assert_false(vp_wakes(&vp));
	highest = 0xf7;
	vp.work = VP_WORK_INTERRUPT;
	assert_true(vp_wakes(&vp));
	vp.work = VP_WORK_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 1);
	assert_false(entered[0].valid);
	assert_int_equal(window, -1);
	/* A HLT does. */
	assert_int_equal(vp.stop, VP_STOP_HALT);
	assert_false(vp_wakes(&vp));
}

/* Also of a VP that halts on, before anything else; what is due wakes it. */
static void test_timers(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_HALT;
	vp.work = VP_WORK_TIMERS;
	vp_run(&vp);
	assert_int_equal(clock_serves, 1);
	assert_int_equal(runs, 0);
	assert_int_equal(vp.work, 0);
	pending = highest = 0x41;
	vp.work = VP_WORK_TIMERS;
	vp_run(&vp);
	assert_int_equal(clock_serves, 2);
	assert_int_equal(entered[0].vector, 0x41);
	/* On an exit: what comes of it is delivered at the same entry. */
	runs = 0;
	vp.stop = 0;
	pending = highest = 0x51;
	vp.work = VP_WORK_TIMERS;
	vp_run(&vp);
	assert_int_equal(clock_serves, 3);
	assert_int_equal(entered[0].vector, 0x51);
}

static void test_stopped(void **state)
{
	(void)state;
	partition.parent = &parent;
	vp.stop = VP_STOP_STARTUP;
	pending = highest = 0x41;
	vp.work = VP_WORK_NMI;
	vp.event.valid = true;
	assert_false(vp_wakes(&vp));
	vp_run(&vp);
	assert_int_equal(runs, 0);
}

/* One that its parent stopped waits, halted or not, whatever comes. */
static void test_suspended(void **state)
{
	static const u32 bits[] = { VP_STOP_EXPLICIT, VP_STOP_INTERCEPT, VP_STOP_STARTUP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		setup(NULL);
		partition.parent = &parent;
		pending = highest = 0x41;
		vp.work = VP_WORK_NMI | VP_WORK_INTERRUPT;
		vp.event.valid = true;
		vp.stop = bits[i];
		assert_false(vp_wakes(&vp));
		vp.stop |= VP_STOP_HALT;
		assert_false(vp_wakes(&vp));
		vp_run(&vp);
		assert_int_equal(runs, 0);
		assert_int_equal(vp.stop, bits[i] | VP_STOP_HALT);
		assert_int_equal(vp.work, VP_WORK_NMI | VP_WORK_INTERRUPT);
	}
}

static void ask_in_exit(void)
{
	cpu.resched = runs == 2;
}

/* Another is wanted here: it leaves after the exit, as it is. */
static void test_resched(void **state)
{
	(void)state;
	on_exit_handled = ask_in_exit;
	kinds[0] = kinds[1] = kinds[2] = EXIT_INTERRUPT;
	vp_run(&vp);
	assert_int_equal(runs, 2);
	assert_int_equal(vp.stop, 0);
}

static void test_notify(void **state)
{
	(void)state;
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 1);
	vp_notify(&vp, VP_WORK_INTERRUPT);
	assert_int_equal(wakes, 1);
	vp_notify(&vp, VP_WORK_INTERRUPT | VP_WORK_NMI);
	assert_int_equal(wakes, 2);
	assert_int_equal(vp.work, VP_WORK_INTERRUPT | VP_WORK_NMI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_extint, setup),
		cmocka_unit_test_setup(test_extint_wakes, setup),
		cmocka_unit_test_setup(test_init, setup),
		cmocka_unit_test_setup(test_startup, setup),
		cmocka_unit_test_setup(test_interrupt, setup),
		cmocka_unit_test_setup(test_interrupts_behind, setup),
		cmocka_unit_test_setup(test_interrupt_window, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_event_under_delivery, setup),
		cmocka_unit_test_setup(test_nmi, setup),
		cmocka_unit_test_setup(test_flush, setup),
		cmocka_unit_test_setup(test_guest_flush, setup),
		cmocka_unit_test_setup(test_work_during_exit, setup),
		cmocka_unit_test_setup(test_clock_before_a_flush, setup),
		cmocka_unit_test_setup(test_halted, setup),
		cmocka_unit_test_setup(test_halted_kick, setup),
		cmocka_unit_test_setup(test_halted_leaves_no_work, setup),
		cmocka_unit_test_setup(test_idle, setup),
		cmocka_unit_test_setup(test_idle_priority, setup),
		cmocka_unit_test_setup(test_timers, setup),
		cmocka_unit_test_setup(test_stopped, setup),
		cmocka_unit_test_setup(test_suspended, setup),
		cmocka_unit_test_setup(test_resched, setup),
		cmocka_unit_test_setup(test_notify, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
