/* SPDX-License-Identifier: MIT */
/*
 * A VP's SynIC for tests, its parent's, and messages to post. synic.c is
 * included, so that a test can act just before a slot's flag is set.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/message.h"
#include "hv/msr.h"
#include "hypervisor/intercept.h"
#include "hypervisor/overlay.h"
#include "hypervisor/partition.h"
#include "hypervisor/synic_impl.h"
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
#define KEPT      0x180000ull /* as intercept, proxy */
#define PAGE_GPA  0x12345000ull
#define FLAGS_GPA 0x54321000ull
#define FULL_PAGE 0x55

static struct partition partition;
static struct vp vp;
static struct hv_message_page page;
static struct hv_event_flags_page flags;
static u32 interrupts[256];
static u32 flushes;
static u64 overlay_at;      /* GPA, 1: none */
static u64 flags_at;        /* likewise */
static u64 no_place;        /* one GPA that cannot be */
static u64 no_place_either; /* another */
static struct synic_message messages[6];
static void (*on_flag)(void);

static void before_flag(void)
{
	if (on_flag)
		on_flag();
}

/* The parent, of two VPs. */
static struct partition parent;
static struct vp parents[2];
static struct hv_message_page parent_pages[2];

/* The one page that a notification takes. */
static u8 notification_page[4096] __attribute__((aligned(4096)));
static u32 pages_taken;
static bool no_memory;

void *partition_page_alloc(struct partition *p)
{
	assert_ptr_equal(p, &partition);
	if (no_memory)
		return NULL;
	assert_int_equal(pages_taken++, 0);
	memset(notification_page, 0, sizeof(notification_page));
	return notification_page;
}

void partition_page_free(struct partition *p, void *pg)
{
	assert_ptr_equal(p, &partition);
	assert_ptr_equal(pg, notification_page);
	pages_taken--;
}

struct vp *intercept_receiver(const struct vp *v)
{
	assert_ptr_equal(v, &vp);
	return synic_is_open(&parents[1].synic, 0) ? &parents[1] : &parents[0];
}

static inline void notify(u16 sints)
{
	assert_int_equal(synic_notify_set(&vp, sints), HV_STATUS_SUCCESS);
}

void vlapic_interrupt(struct vp *v, u8 vector, bool level)
{
	assert_false(level);
	if (v == &vp)
		(void)atomic_fetch_add(&interrupts[vector], 1);
	else
		assert_int_equal(vector, 0x30);
}

void partition_flush_overlays(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &partition);
	assert_ptr_equal(self, &vp);
	assert_int_equal(p->lock.next, p->lock.owner);
	assert_int_equal(vp.synic.lock.next, vp.synic.lock.owner);
	flushes++;
}

/* Of other MSRs that lie over a page. */
void reference_time_page(struct reference_time *t, struct hv_reference_tsc_page *p)
{
	(void)t;
	(void)p;
	fail();
}

void overlay_init(struct overlay *o)
{
	o->on = false;
}

enum hv_status overlay_set(
	struct partition *p, struct overlay *o, gpa_t gpa, const void *pg, u32 access)
{
	bool is_flags = o == &vp.synic.flags_overlay;
	u64 *at = is_flags ? &flags_at : &overlay_at;

	assert_true(is_flags || o == &vp.synic.overlay);
	assert_ptr_equal(pg, is_flags ? (void *)&flags : (void *)&page);
	assert_int_equal(access, SLAT_READ | SLAT_WRITE);
	assert_int_not_equal(p->lock.next, p->lock.owner);
	assert_int_equal(*at, 1);
	if (gpa.a == no_place || gpa.a == no_place_either)
		return HV_STATUS_INVALID_PARAMETER;
	*at = gpa.a;
	return HV_STATUS_SUCCESS;
}

void overlay_clear(struct partition *p, struct overlay *o)
{
	assert_true(o == &vp.synic.overlay || o == &vp.synic.flags_overlay);
	assert_int_not_equal(p->lock.next, p->lock.owner);
	*(o == &vp.synic.overlay ? &overlay_at : &flags_at) = 1;
}

static inline u64 get(u32 msr)
{
	u64 v = ~0ull;

	assert_true(synic_msr_read(&vp, msr, &v));
	return v;
}

static inline void set(u32 msr, u64 v)
{
	assert_true(synic_msr_write(&vp, msr, v, &vp));
}

static inline int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&vp, 0, sizeof(vp));
	memset(&page, 0, sizeof(page));
	memset(&flags, 0, sizeof(flags));
	memset(interrupts, 0, sizeof(interrupts));
	memset(messages, 0, sizeof(messages));
	vp.partition = &partition;
	flushes = 0;
	on_flag = NULL;
	overlay_at = flags_at = 1;
	no_place = no_place_either = ~0ull;
	synic_init(&vp.synic, &page, &flags);
	no_memory = false;
	pages_taken = 0;
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

/* SINTs 0 and 2 with vectors 0x40 and 0x42. The parents' SINT 0 is open. */
static inline int setup_open(void **state)
{
	setup(state);
	memset(parents, 0, sizeof(parents));
	memset(parent_pages, 0, sizeof(parent_pages));
	for (u32 i = 0; i < 2; i++) {
		synic_init(&parents[i].synic, &parent_pages[i], NULL);
		parents[i].synic.control = 1;
		parents[i].synic.simp = 1;
		parents[i].synic.sint[0] = 0x30;
		parents[i].partition = &parent;
	}
	vp.index = 3;
	partition.id = 0x77;
	partition.parent = &parent;
	set(SCONTROL, 1);
	set(SIMP, PAGE_GPA | 1);
	set(SINT, 0x40);
	set(SINT + 2, 0x42);
	flushes = 0;
	return 0;
}

static inline void post(u32 sint, u32 message)
{
	synic_post(&vp, sint, &messages[message]);
}

static inline bool waits(u32 message)
{
	return !list_empty(&messages[message].link);
}

/* The slot holds @message, and its reader is told whether more waits. */
static inline void holds(u32 sint, u32 message, bool more)
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

static inline void empty(u32 sint)
{
	page.slot[sint].header.type = 0;
}

/* Its reader has emptied it and seen no flag: nobody would come again. */
static inline void read_and_leave(void)
{
	assert_int_equal(page.slot[0].header.flags, 0);
	empty(0);
}
