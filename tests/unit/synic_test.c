/* SPDX-License-Identifier: MIT */
/*
 * Messages into slots: when they may, in which order, what their reader is
 * told, and the MSRs that rule it; with a reader on a thread of its own that
 * does no more than the TLFS asks for. synic.c is included, so that a test can
 * act just before a slot's flag is set.
 * sources: tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hv/message.h"
#include "hv/msr.h"
#include "hypervisor/overlay.h"
#include "hypervisor/partition.h"
#include "hypervisor/synic.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

static void before_flag(void);
#undef atomic_fetch_or
#define atomic_fetch_or(p, v) (before_flag(), __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST))
#include "hypervisor/synic.c"

#define SCONTROL  0x40000080u
#define SVERSION  0x40000081u
#define SIEFP     0x40000082u
#define SIMP      0x40000083u
#define EOM       0x40000084u
#define SINT      0x40000090u
#define MASKED    0x10000ull
#define AUTO_EOI  0x20000ull
#define POLLING   0x40000ull
#define PAGE_GPA  0x12345000ull
#define FULL_PAGE 0x55

static struct partition partition;
static struct vp vp;
static struct hv_message_page page;
static u32 interrupts[256];
static u32 flushes;
static u64 overlay_at;      /* GPA, 1: none */
static u64 no_place;        /* one GPA that cannot be */
static u64 no_place_either; /* another */
static struct synic_message messages[6];
static void (*on_flag)(void);

static void before_flag(void)
{
	if (on_flag)
		on_flag();
}

void vlapic_interrupt(struct vp *v, u8 vector, bool level)
{
	assert_ptr_equal(v, &vp);
	assert_false(level);
	(void)atomic_fetch_add(&interrupts[vector], 1);
}

void partition_flush_overlays(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &partition);
	assert_ptr_equal(self, &vp);
	assert_int_equal(p->lock.next, p->lock.owner);
	assert_int_equal(vp.synic.lock.next, vp.synic.lock.owner);
	flushes++;
}

void overlay_init(struct overlay *o)
{
	o->on = false;
}

enum hv_status overlay_set(
	struct partition *p, struct overlay *o, gpa_t gpa, const void *pg, u32 access)
{
	assert_ptr_equal(o, &vp.synic.overlay);
	assert_ptr_equal(pg, &page);
	assert_int_equal(access, SLAT_READ | SLAT_WRITE);
	assert_int_not_equal(p->lock.next, p->lock.owner);
	assert_int_equal(overlay_at, 1);
	if (gpa.a == no_place || gpa.a == no_place_either)
		return HV_STATUS_INVALID_PARAMETER;
	overlay_at = gpa.a;
	return HV_STATUS_SUCCESS;
}

void overlay_clear(struct partition *p, struct overlay *o)
{
	assert_ptr_equal(o, &vp.synic.overlay);
	assert_int_not_equal(p->lock.next, p->lock.owner);
	overlay_at = 1;
}

static u64 get(u32 msr)
{
	u64 v = ~0ull;

	assert_true(synic_msr_read(&vp, msr, &v));
	return v;
}

static void set(u32 msr, u64 v)
{
	assert_true(synic_msr_write(&vp, msr, v, &vp));
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&vp, 0, sizeof(vp));
	memset(&page, 0, sizeof(page));
	memset(interrupts, 0, sizeof(interrupts));
	memset(messages, 0, sizeof(messages));
	vp.partition = &partition;
	flushes = 0;
	on_flag = NULL;
	overlay_at = 1;
	no_place = no_place_either = ~0ull;
	synic_init(&vp.synic, &page);
	for (u32 i = 0; i < ARRAY_SIZE(messages); i++) {
		struct hv_message *m = &messages[i].message;

		list_init(&messages[i].link);
		m->header = (struct hv_message_header){
			.type = 0x100 + i, .size = 12, .flags = 0xff, .sender = 0x1000 + i
		};
		memset(m->payload, (int)i + 1, sizeof(m->payload));
	}
	return 0;
}

/* SINTs 0 and 2 with vectors 0x40 and 0x42. */
static int setup_open(void **state)
{
	setup(state);
	set(SCONTROL, 1);
	set(SIMP, PAGE_GPA | 1);
	set(SINT, 0x40);
	set(SINT + 2, 0x42);
	flushes = 0;
	return 0;
}

static void post(u32 sint, u32 message)
{
	synic_post(&vp, sint, &messages[message]);
}

static bool waits(u32 message)
{
	return !list_empty(&messages[message].link);
}

/* The slot holds @message, and its reader is told whether more waits. */
static void holds(u32 sint, u32 message, bool more)
{
	const struct hv_message *slot = &page.slot[sint];

	assert_int_equal(slot->header.type, 0x100 + message);
	assert_int_equal(slot->header.size, 12);
	assert_int_equal(slot->header.flags, more);
	assert_int_equal(slot->header.reserved, 0);
	assert_int_equal(slot->header.sender, 0x1000 + message);
	for (u32 i = 0; i < 12; i++)
		assert_int_equal(((const u8 *)slot->payload)[i], message + 1);
	assert_false(waits(message));
}

static void empty(u32 sint)
{
	page.slot[sint].header.type = 0;
}

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
	set(SINT + 15, ~0ull);
	assert_int_equal(get(SINT + 15), 0xff | MASKED | AUTO_EOI | POLLING);
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

static u32 fills;

static bool refill(struct synic_message *m)
{
	if (!fills)
		return false;
	fills--;
	m->message.header.sender++;
	return true;
}

static void empty_on_flag(void)
{
	on_flag = NULL;
	empty(0);
}

/* One that has more to say waits again, behind the others, and its reader is told. */
static void test_refill(void **state)
{
	const struct hv_message_header *slot = &page.slot[0].header;

	(void)state;
	messages[0].refill = refill;
	fills = 2;
	assert_false(synic_is_waiting(&messages[0]));
	post(0, 0);
	assert_int_equal(slot->sender, 0x1000);
	assert_int_equal(slot->flags, 1);
	assert_true(synic_is_waiting(&messages[0]));
	assert_int_equal(interrupts[0x40], 1);
	post(0, 1);
	empty(0);
	set(EOM, 0);
	assert_int_equal(slot->sender, 0x1001);
	assert_int_equal(slot->flags, 1);
	empty(0);
	set(EOM, 0);
	holds(0, 1, true);
	empty(0);
	set(EOM, 0);
	assert_int_equal(slot->sender, 0x1002);
	assert_int_equal(slot->flags, 0);
	assert_false(synic_is_waiting(&messages[0]));
	assert_int_equal(vp.synic.waiting_sints, 0);
	empty(0);
	/* Its reader is faster than the flag, and does not see it. */
	fills = 1;
	on_flag = empty_on_flag;
	post(0, 0);
	assert_int_equal(slot->type, 0x100);
	assert_int_equal(slot->sender, 0x1003);
	assert_int_equal(slot->flags, 0);
	assert_false(synic_is_waiting(&messages[0]));
	/* Taken back it says nothing more. */
	empty(0);
	fills = 1;
	post(0, 0);
	synic_cancel(&messages[0]);
	empty(0);
	set(EOM, 0);
	assert_int_equal(slot->type, 0);
	messages[0].refill = NULL;
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

/* Its reader has emptied it and seen no flag: nobody would come again. */
static void read_and_leave(void)
{
	assert_int_equal(page.slot[0].header.flags, 0);
	empty(0);
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
		cmocka_unit_test_setup(test_page_without_a_place, setup),
		cmocka_unit_test_setup(test_free_slot, setup_open),
		cmocka_unit_test_setup(test_whole_payload, setup_open),
		cmocka_unit_test_setup(test_order, setup_open),
		cmocka_unit_test_setup(test_no_overtaking, setup_open),
		cmocka_unit_test_setup(test_refill, setup_open),
		cmocka_unit_test_setup(test_emptied_before_the_flag, setup_open),
		cmocka_unit_test_setup(test_sints_are_apart, setup_open),
		cmocka_unit_test_setup(test_eoi, setup_open),
		cmocka_unit_test_setup(test_closed, setup_open),
		cmocka_unit_test_setup(test_polling, setup_open),
		cmocka_unit_test_setup(test_cancel, setup_open),
		cmocka_unit_test_setup(test_reader, setup_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
