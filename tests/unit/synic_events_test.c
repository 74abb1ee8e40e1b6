/* SPDX-License-Identifier: MIT */
/*
 * Event flags, and what a parent is told of slots that are free.
 * sources: hypervisor/synic_msr.c hypervisor/synic_events.c hypervisor/synic_notify.c
 * sources: hypervisor/overlay_msr.c
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "synic_machine.h"

/* --- Event flags --- */

static enum hv_status signal_flag(u32 sint, u32 flag, bool newly)
{
	bool was_newly = !newly;
	enum hv_status status = synic_signal(&vp, sint, flag, &was_newly);

	assert_int_equal(was_newly, newly);
	return status;
}

static void test_flags(void **state)
{
	(void)state;
	set(SIEFP, FLAGS_GPA | 1);
	assert_int_equal(signal_flag(2, 77, true), HV_STATUS_SUCCESS);
	assert_int_equal(flags.word[2][1], 1ull << 13);
	assert_int_equal(((u8 *)&flags)[2 * 256 + 9], 0x20);
	assert_int_equal(interrupts[0x42], 1);
	/* Set already: nobody needs to be told again. */
	assert_int_equal(signal_flag(2, 77, false), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[0x42], 1);
	assert_int_equal(signal_flag(2, 78, true), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[0x42], 2);
	assert_int_equal(flags.word[2][1], 3ull << 13);
	flags.word[2][1] = 0;
	assert_int_equal(signal_flag(2, 77, true), HV_STATUS_SUCCESS);
	assert_int_equal(interrupts[0x42], 3);
	assert_int_equal(signal_flag(2, 2047, true), HV_STATUS_SUCCESS);
	assert_int_equal(((u8 *)&flags)[2 * 256 + 255], 0x80);
	assert_int_equal(signal_flag(0, 0, true), HV_STATUS_SUCCESS);
	assert_int_equal(flags.word[0][0], 1);
	assert_int_equal(interrupts[0x40], 1);
}

static void test_flags_closed(void **state)
{
	(void)state;
	assert_int_equal(signal_flag(2, 1, false), HV_STATUS_INVALID_SYNIC_STATE);
	set(SIEFP, FLAGS_GPA | 1);
	set(SIMP, 0);
	assert_int_equal(signal_flag(1, 1, false), HV_STATUS_INVALID_SYNIC_STATE);
	assert_int_equal(flags.word[1][0], 0);
	assert_int_equal(signal_flag(2, 1, true), HV_STATUS_SUCCESS);
	set(SCONTROL, 0);
	assert_int_equal(signal_flag(2, 2, false), HV_STATUS_INVALID_SYNIC_STATE);
	set(SCONTROL, 1);
	set(SINT + 2, POLLING | 0x42);
	assert_int_equal(signal_flag(2, 2, true), HV_STATUS_SUCCESS);
	assert_int_equal(flags.word[2][0], 6);
	assert_int_equal(interrupts[0x42], 1);
}

/* --- Notifications --- */

/* What the parent's VP @i was told of, and forgets; 0: nothing. */
static u16 told_of(u32 i)
{
	struct hv_message *slot = &parent_pages[i].slot[0];
	const struct hv_sint_deliverable *d = (const void *)slot->payload;

	if (!slot->header.type)
		return 0;
	assert_int_equal(slot->header.type, 0x80000062);
	assert_int_equal(slot->header.size, sizeof(*d));
	assert_int_equal(slot->header.sender, 0x77);
	assert_int_equal(d->header.vp_index, 3);
	slot->header.type = 0;
	return d->sints;
}

static void test_notified_at_once(void **state)
{
	(void)state;
	set(SINT + 5, 0x45);
	post(2, 0);
	notify(1 << 0 | 1 << 1 | 1 << 2 | 1 << 5);
	assert_int_equal(told_of(1), 1 << 0 | 1 << 5);
	assert_int_equal(synic_notify_get(&vp), 1 << 1 | 1 << 2);
	/* Each once. */
	set(EOM, 0);
	assert_int_equal(told_of(1), 0);
}

static void test_notified_later(void **state)
{
	(void)state;
	post(2, 0);
	post(2, 1);
	notify(1 << 1 | 1 << 2);
	empty(2);
	set(EOM, 0);
	/* The one that waited is there now. */
	holds(2, 1, true);
	assert_int_equal(told_of(1), 0);
	assert_int_equal(vp.synic.waiting_sints, 1 << 1 | 1 << 2);
	empty(2);
	synic_eoi(&vp, 0x42);
	assert_int_equal(told_of(1), 1 << 2);
	set(SINT + 1, 0x41);
	assert_int_equal(told_of(1), 1 << 1);
	assert_int_equal(vp.synic.waiting_sints, 0);
	notify(0);
	assert_int_equal(synic_notify_get(&vp), 0);
}

/* Somebody else stands in line for the slot, which nobody has told us is empty. */
static void test_notified_behind(void **state)
{
	(void)state;
	post(0, 0);
	post(0, 1);
	empty(0);
	notify(1);
	assert_int_equal(told_of(1), 0);
	set(EOM, 0);
	holds(0, 1, true);
	empty(0);
	set(EOM, 0);
	assert_int_equal(told_of(1), 1);
}

/* Emptied before its reader could see that somebody wants to know. */
static void test_notified_emptied(void **state)
{
	(void)state;
	post(0, 0);
	on_flag = read_and_leave;
	notify(1);
	assert_int_equal(told_of(1), 1);
}

/* It waits at the parent's: what comes meanwhile is told in one. */
static void test_notified_together(void **state)
{
	(void)state;
	parent_pages[1].slot[0].header.type = 1;
	notify(1 << 0);
	notify(1 << 2);
	set(SINT + 7, 0x47);
	notify(1 << 7);
	parent_pages[1].slot[0].header.type = 0;
	synic_rescan(&parents[1], 0xffff);
	assert_int_equal(told_of(1), 1 << 0);
	synic_rescan(&parents[1], 0xffff);
	assert_int_equal(told_of(1), 1 << 2 | 1 << 7);
	/* That is over: the next is told at once. */
	notify(1 << 2);
	assert_int_equal(told_of(1), 1 << 2);
	assert_int_equal(pages_taken, 1);
}

/* The VP ends while the parent is about to be told. */
static void test_notified_end(void **state)
{
	(void)state;
	parent_pages[1].slot[0].header.type = 1;
	notify(1 << 2);
	assert_int_equal(parents[1].synic.waiting_sints, 1);
	synic_end(&vp);
	assert_int_equal(parents[1].synic.waiting_sints, 0);
	assert_int_equal(pages_taken, 0);
	assert_int_equal(synic_notify_get(&vp), 0);
}

static void test_notified_no_memory(void **state)
{
	(void)state;
	no_memory = true;
	assert_int_equal(synic_notify_set(&vp, 1), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(synic_notify_get(&vp), 0);
	assert_int_equal(vp.synic.waiting_sints, 0);
	notify(0);
	assert_int_equal(told_of(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_flags, setup_open),
		cmocka_unit_test_setup(test_flags_closed, setup_open),
		cmocka_unit_test_setup(test_notified_at_once, setup_open),
		cmocka_unit_test_setup(test_notified_later, setup_open),
		cmocka_unit_test_setup(test_notified_behind, setup_open),
		cmocka_unit_test_setup(test_notified_emptied, setup_open),
		cmocka_unit_test_setup(test_notified_together, setup_open),
		cmocka_unit_test_setup(test_notified_end, setup_open),
		cmocka_unit_test_setup(test_notified_no_memory, setup_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
