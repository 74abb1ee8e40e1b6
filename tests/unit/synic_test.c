/* SPDX-License-Identifier: MIT */
/*
 * Messages into slots: when they may, in which order, what their reader is
 * told, and the MSRs that rule it; with a reader on a thread of its own that
 * does no more than the TLFS asks for.
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

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "synic_machine.h"

/* --- MSRs --- */

static void test_reset(void **state)
{
	u64 v;

	(void)state;
	assert_int_equal(get(SCONTROL), 0);
	assert_int_equal(get(SVERSION), 1);
	assert_int_equal(get(SIEFP), 0);
	assert_int_equal(get(SIMP), 0);
	assert_int_equal(get(EOM), 0);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(get(SINT + i), MASKED);
	assert_false(synic_msr_read(&vp, SINT - 1, &v));
	assert_false(synic_msr_read(&vp, SINT + 16, &v));
	assert_false(synic_msr_write(&vp, SINT - 1, MASKED, &vp));
	assert_false(synic_msr_write(&vp, SINT + 16, MASKED, &vp));
	assert_false(synic_msr_write(&vp, SVERSION, 1, &vp));
}

static void test_values(void **state)
{
	(void)state;
	set(SCONTROL, ~0ull);
	assert_int_equal(get(SCONTROL), 1);
	set(SIEFP, 0xabcdeffful);
	assert_int_equal(get(SIEFP), 0xabcde001);
	assert_int_equal(flags_at, 0xabcde000);
	assert_int_equal(overlay_at, 1);
	set(SINT + 15, ~0ull);
	assert_int_equal(get(SINT + 15), 0xff | MASKED | AUTO_EOI | POLLING | KEPT);
	/* A vector that no APIC takes, unless nothing will come. */
	set(SINT, MASKED | 0xf);
	assert_false(synic_msr_write(&vp, SINT, 0xf, &vp));
	assert_int_equal(get(SINT), MASKED | 0xf);
	set(SINT, 0x10);
	assert_int_equal(get(SINT), 0x10);
}

static void test_page(void **state)
{
	(void)state;
	set(SIMP, PAGE_GPA);
	assert_int_equal(overlay_at, 1);
	memset(&page, FULL_PAGE, sizeof(page));
	set(SIMP, PAGE_GPA | 0xfff);
	assert_int_equal(get(SIMP), PAGE_GPA | 1);
	assert_int_equal(overlay_at, PAGE_GPA);
	assert_int_equal(flushes, 2);
	/* A new page is empty; one that moves takes along what is in it. */
	assert_int_equal(page.slot[15].payload[29], 0);
	memset(&page, FULL_PAGE, sizeof(page));
	set(SIMP, PAGE_GPA | 1);
	assert_int_equal(flushes, 2);
	set(SIMP, 0x7000 | 1);
	assert_int_equal(overlay_at, 0x7000);
	assert_int_equal(page.slot[15].header.size, FULL_PAGE);
	set(SIMP, 0x7000);
	assert_int_equal(overlay_at, 1);
	assert_int_equal(get(SIMP), 0x7000);
	assert_int_equal(flushes, 4);
}

/* The page of flags is another, by the same rules. */
static void test_flags_page(void **state)
{
	(void)state;
	set(SIEFP, FLAGS_GPA);
	assert_int_equal(flags_at, 1);
	memset(&flags, FULL_PAGE, sizeof(flags));
	memset(&page, FULL_PAGE, sizeof(page));
	set(SIEFP, FLAGS_GPA | 1);
	assert_int_equal(flags_at, FLAGS_GPA);
	assert_int_equal(overlay_at, 1);
	assert_int_equal(flags.word[0][0], 0);
	assert_int_equal(flags.word[15][31], 0);
	assert_int_equal(page.slot[0].header.size, FULL_PAGE);
	no_place = 0x7000;
	assert_false(synic_msr_write(&vp, SIEFP, 0x7001, &vp));
	assert_int_equal(get(SIEFP), FLAGS_GPA | 1);
	assert_int_equal(flags_at, FLAGS_GPA);
	set(SIEFP, 0);
	assert_int_equal(flags_at, 1);
	assert_int_equal(flushes, 4);
}

/* Where there is no place, #GP, and all is as it was. */
static void test_page_without_a_place(void **state)
{
	(void)state;
	no_place = 0x7000;
	assert_false(synic_msr_write(&vp, SIMP, 0x7001, &vp));
	assert_int_equal(get(SIMP), 0);
	assert_int_equal(overlay_at, 1);
	set(SIMP, PAGE_GPA | 1);
	memset(&page, FULL_PAGE, sizeof(page));
	assert_false(synic_msr_write(&vp, SIMP, 0x7001, &vp));
	assert_int_equal(get(SIMP), PAGE_GPA | 1);
	assert_int_equal(overlay_at, PAGE_GPA);
	assert_int_equal(page.slot[0].header.size, FULL_PAGE);
	/* Nor the old one: then it is off, and says so. */
	no_place_either = PAGE_GPA;
	assert_false(synic_msr_write(&vp, SIMP, 0x7001, &vp));
	assert_int_equal(get(SIMP), PAGE_GPA);
	assert_int_equal(overlay_at, 1);
}

/* --- Slots --- */

static void test_free_slot(void **state)
{
	(void)state;
	memset(page.slot[2].payload, 0xee, sizeof(page.slot[2].payload));
	page.slot[2].header.reserved = 0x4321;
	post(2, 3);
	holds(2, 3, false);
	assert_int_equal(interrupts[0x42], 1);
	/* Words of the payload, and nothing behind them. */
	assert_int_equal(page.slot[2].payload[1], 0x0404040404040404ull);
	assert_int_equal(page.slot[2].payload[2], 0xeeeeeeeeeeeeeeeeull);
	assert_int_equal(page.slot[1].header.type, 0);
	assert_int_equal(page.slot[3].header.type, 0);
	assert_int_equal(vp.synic.waiting_sints, 0);
}

static void test_whole_payload(void **state)
{
	(void)state;
	messages[0].message.header.size = 240;
	post(0, 0);
	assert_int_equal(page.slot[0].header.size, 240);
	assert_int_equal(page.slot[0].payload[29], 0x0101010101010101ull);
	assert_int_equal(page.slot[1].header.type, 0);
}

static void test_order(void **state)
{
	(void)state;
	post(0, 0);
	post(0, 1);
	holds(0, 0, true);
	post(0, 2);
	assert_true(waits(1) && waits(2));
	assert_int_equal(vp.synic.waiting_sints, 1);
	assert_int_equal(interrupts[0x40], 1);
	/* Nothing moves while the slot is not empty. */
	set(EOM, 0);
	holds(0, 0, true);
	empty(0);
	set(EOM, 0);
	holds(0, 1, true);
	assert_int_equal(interrupts[0x40], 2);
	empty(0);
	set(EOM, 0);
	holds(0, 2, false);
	assert_int_equal(vp.synic.waiting_sints, 0);
	empty(0);
	set(EOM, 0);
	assert_int_equal(page.slot[0].header.type, 0);
	assert_int_equal(interrupts[0x40], 3);
}

/* A new one does not overtake those that wait. */
static void test_no_overtaking(void **state)
{
	(void)state;
	post(0, 0);
	post(0, 1);
	empty(0);
	post(0, 2);
	holds(0, 1, true);
	assert_true(waits(2));
}

static void test_emptied_before_the_flag(void **state)
{
	(void)state;
	post(0, 0);
	on_flag = read_and_leave;
	post(0, 1);
	holds(0, 1, false);
	assert_int_equal(interrupts[0x40], 2);
}

static void test_sints_are_apart(void **state)
{
	(void)state;
	post(0, 0);
	post(0, 1);
	post(2, 2);
	holds(2, 2, false);
	post(2, 3);
	assert_int_equal(vp.synic.waiting_sints, 5);
	empty(2);
	set(EOM, 0);
	holds(2, 3, false);
	holds(0, 0, true);
	assert_int_equal(vp.synic.waiting_sints, 1);
	assert_int_equal(interrupts[0x40], 1);
	assert_int_equal(interrupts[0x42], 2);
}

static void test_eoi(void **state)
{
	(void)state;
	set(SINT + 5, 0x42);
	for (u32 i = 0; i < 2; i++) {
		post(0, i);
		post(2, 2 + i);
		post(5, 4 + i);
	}
	for (u32 i = 0; i < 16; i++)
		empty(i);
	synic_eoi(&vp, 0x41);
	assert_true(waits(1) && waits(3) && waits(5));
	/* Two may share a vector. */
	synic_eoi(&vp, 0x42);
	holds(2, 3, false);
	holds(5, 5, false);
	assert_true(waits(1));
	synic_eoi(&vp, 0x40);
	holds(0, 1, false);
}

/* What is closed keeps messages; what opens it lets them go. */
static void test_closed(void **state)
{
	(void)state;
	set(SINT, MASKED | 0x40);
	post(0, 0);
	assert_true(waits(0));
	set(EOM, 0);
	assert_true(waits(0));
	assert_int_equal(page.slot[0].header.type, 0);
	set(SINT, 0x40);
	holds(0, 0, false);

	set(SCONTROL, 0);
	empty(0);
	post(0, 1);
	set(SIMP, PAGE_GPA);
	set(SCONTROL, 1);
	assert_true(waits(1));
	set(SIMP, PAGE_GPA | 1);
	holds(0, 1, false);

	empty(0);
	set(SCONTROL, 0);
	post(0, 2);
	assert_int_equal(page.slot[0].header.type, 0);
	set(SCONTROL, 1);
	holds(0, 2, false);
	assert_int_equal(interrupts[0x40], 3);
}

static void test_polling(void **state)
{
	(void)state;
	set(SINT, POLLING | 0x40);
	post(0, 0);
	post(0, 1);
	holds(0, 0, true);
	empty(0);
	set(EOM, 0);
	holds(0, 1, false);
	assert_int_equal(interrupts[0x40], 0);
}

static void test_cancel(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		post(0, i);
	synic_cancel(&messages[2]);
	assert_false(waits(2));
	empty(0);
	set(EOM, 0);
	holds(0, 1, true);
	empty(0);
	set(EOM, 0);
	holds(0, 3, false);
	/* Delivered or never posted: nothing to take back. */
	synic_cancel(&messages[3]);
	holds(0, 3, false);
	synic_cancel(&messages[5]);
	post(0, 2);
	synic_cancel(&messages[2]);
	assert_int_equal(vp.synic.waiting_sints, 0);
	empty(0);
	set(EOM, 0);
	assert_int_equal(page.slot[0].header.type, 0);
}

/* --- Its sender is told --- */

static u32 dones;

static bool count_done(struct synic_message *m)
{
	assert_true(list_empty(&m->link));
	assert_int_not_equal(m->synic->lock.next, m->synic->lock.owner);
	dones++;
	return false;
}

/* Has more to say: its numbers count down. */
static bool count_down(struct synic_message *m)
{
	m->message.header.type--;
	return m->message.header.type > 0x100;
}

static void test_done(void **state)
{
	(void)state;
	dones = 0;
	for (u32 i = 0; i < 4; i++)
		messages[i].refill = count_done;
	post(0, 0);
	assert_int_equal(dones, 1);
	post(0, 1);
	post(0, 2);
	post(2, 3);
	assert_int_equal(dones, 2);
	/* Taken back by the sender itself, it is not told. */
	synic_cancel(&messages[1]);
	assert_int_equal(dones, 2);
	empty(0);
	set(EOM, 0);
	assert_int_equal(dones, 3);
}

/* What has more to say stands in line again, behind the others. */
static void test_refill(void **state)
{
	(void)state;
	messages[3].refill = count_down;
	post(0, 3);
	assert_int_equal(page.slot[0].header.type, 0x103);
	assert_int_equal(page.slot[0].header.flags, 1);
	assert_true(waits(3) && synic_is_waiting(&messages[3]));
	post(0, 0);
	assert_false(synic_is_waiting(&messages[5]));
	empty(0);
	set(EOM, 0);
	assert_int_equal(page.slot[0].header.type, 0x102);
	empty(0);
	set(EOM, 0);
	holds(0, 0, true);
	empty(0);
	set(EOM, 0);
	assert_int_equal(page.slot[0].header.type, 0x101);
	assert_int_equal(vp.synic.waiting_sints, 0);
	assert_false(waits(3));
	assert_int_equal(interrupts[0x40], 4);
}

/* What waits is dropped with the VP, whoever's it is; what is in a slot stays there. */
static void test_end(void **state)
{
	(void)state;
	dones = 0;
	for (u32 i = 0; i < 5; i++) {
		messages[i].refill = i == 4 ? NULL : count_done;
		post(i % 2 * 2, i);
	}
	assert_int_equal(dones, 2);
	synic_end(&vp);
	assert_int_equal(dones, 4);
	for (u32 i = 0; i < 5; i++)
		assert_false(waits(i));
	assert_int_equal(vp.synic.waiting_sints, 0);
	assert_int_equal(page.slot[0].header.type, 0x100);
}

/* --- Past the queue --- */

static void test_post_now(void **state)
{
	const struct hv_message *m = &messages[0].message;

	(void)state;
	assert_int_equal(synic_post_now(&vp, 1, m), HV_STATUS_INVALID_SYNIC_STATE);
	assert_int_equal(synic_post_now(&vp, 0, m), HV_STATUS_SUCCESS);
	holds(0, 0, false);
	assert_int_equal(interrupts[0x40], 1);
	/* No room: the reader will say when there is. */
	assert_int_equal(synic_post_now(&vp, 0, &messages[1].message), HV_STATUS_OBJECT_IN_USE);
	holds(0, 0, true);
	/* It does not overtake what waits. */
	post(0, 2);
	empty(0);
	assert_int_equal(synic_post_now(&vp, 0, m), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(page.slot[0].header.type, 0);
	set(EOM, 0);
	holds(0, 2, false);
	empty(0);
	set(SIMP, 0);
	assert_int_equal(synic_post_now(&vp, 0, m), HV_STATUS_INVALID_SYNIC_STATE);
}

/* The reader emptied the slot just before it could be told to come again. */
static void test_post_now_emptied(void **state)
{
	(void)state;
	post(0, 0);
	on_flag = read_and_leave;
	assert_int_equal(synic_post_now(&vp, 0, &messages[1].message), HV_STATUS_SUCCESS);
	holds(0, 1, false);
}

/* --- A reader --- */

#define MESSAGES 20000u

static bool reader_failed, writer_gave_up;

/* As guests do it: take, empty the slot, then look whether more waits. */
static void *reader(void *arg)
{
	struct hv_message *slot = &page.slot[0];
	u64 expected = 0;

	(void)arg;
	while (expected < MESSAGES && !load_acquire(&writer_gave_up)) {
		if (load_acquire(&slot->header.type) == 0) {
			usleep(0);
			continue;
		}
		if (slot->payload[0] != expected++)
			store_release(&reader_failed, true);
		(void)atomic_exchange(&slot->header.type, 0u);
		if (load_acquire(&slot->header.flags) & 1 && !synic_msr_write(&vp, EOM, 0, &vp))
			store_release(&reader_failed, true);
	}
	return NULL;
}

static bool waits_locked(u32 message)
{
	bool still;

	spin_lock(&vp.synic.lock);
	still = waits(message);
	spin_unlock(&vp.synic.lock);
	return still;
}

/* No message is left behind, and none is seen twice or out of order. */
static void test_reader(void **state)
{
	time_t end = time(NULL) + 20;
	pthread_t thread;

	(void)state;
	reader_failed = writer_gave_up = false;
	assert_int_equal(pthread_create(&thread, NULL, reader, NULL), 0);
	for (u64 i = 0; i < MESSAGES && !writer_gave_up; i++) {
		u32 m = (u32)(i % 3);

		while (waits_locked(m) && !writer_gave_up) {
			usleep(0);
			store_release(&writer_gave_up, time(NULL) > end);
		}
		if (writer_gave_up)
			break;
		messages[m].message.payload[0] = i;
		post(0, m);
	}
	while (waits_locked(0) || waits_locked(1) || waits_locked(2)) {
		if (time(NULL) > end)
			store_release(&writer_gave_up, true);
		if (writer_gave_up)
			break;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(writer_gave_up);
	assert_false(reader_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test_setup(test_page, setup),
		cmocka_unit_test_setup(test_flags_page, setup),
		cmocka_unit_test_setup(test_page_without_a_place, setup),
		cmocka_unit_test_setup(test_free_slot, setup_open),
		cmocka_unit_test_setup(test_whole_payload, setup_open),
		cmocka_unit_test_setup(test_order, setup_open),
		cmocka_unit_test_setup(test_no_overtaking, setup_open),
		cmocka_unit_test_setup(test_emptied_before_the_flag, setup_open),
		cmocka_unit_test_setup(test_sints_are_apart, setup_open),
		cmocka_unit_test_setup(test_eoi, setup_open),
		cmocka_unit_test_setup(test_closed, setup_open),
		cmocka_unit_test_setup(test_polling, setup_open),
		cmocka_unit_test_setup(test_cancel, setup_open),
		cmocka_unit_test_setup(test_done, setup_open),
		cmocka_unit_test_setup(test_refill, setup_open),
		cmocka_unit_test_setup(test_end, setup_open),
		cmocka_unit_test_setup(test_post_now, setup_open),
		cmocka_unit_test_setup(test_post_now_emptied, setup_open),
		cmocka_unit_test_setup(test_reader, setup_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
