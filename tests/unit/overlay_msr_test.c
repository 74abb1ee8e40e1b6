/* SPDX-License-Identifier: MIT */
/*
 * Pages that MSRs lay over a guest's: where they lie, what the guest may do
 * there, who pays, and that nothing changes when there is no place.
 * sources: hypervisor/overlay_msr.c hypervisor/reference_time.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/overlay_msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"

#define BAD  0x9000ull /* no place for a page */
#define FULL 0xa000ull /* no memory to split what lies there */

static struct partition p;
static struct vp vp, self;
static u8 page[4096] __attribute__((aligned(4096)));
static u32 allocations, flushes;
static bool empty;
static u64 lies_at; /* of the page; 0: nowhere */
static u32 may;

u64 clock_tsc_hz = 2893202123;

void *partition_page_alloc(struct partition *q)
{
	assert_ptr_equal(q, &p);
	allocations += !empty;
	return empty ? NULL : page;
}

static void is_locked(void)
{
	assert_int_not_equal(p.lock.next, p.lock.owner);
}

enum hv_status overlay_set(
	struct partition *q, struct overlay *o, gpa_t gpa, const void *what, u32 access)
{
	assert_ptr_equal(q, &p);
	is_locked();
	assert_false(o->on);
	assert_ptr_equal(what, page);
	if (gpa.a == BAD)
		return HV_STATUS_INVALID_PARAMETER;
	if (gpa.a == FULL)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	o->on = true;
	lies_at = gpa.a;
	may = access;
	return HV_STATUS_SUCCESS;
}

void overlay_clear(struct partition *q, struct overlay *o)
{
	assert_ptr_equal(q, &p);
	is_locked();
	o->on = false;
	lies_at = 0;
}

void partition_flush_overlays(struct partition *q, struct vp *v)
{
	assert_ptr_equal(q, &p);
	assert_ptr_equal(v, &self);
	assert_int_equal(p.lock.next, p.lock.owner);
	flushes++;
}

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	memset(&vp, 0, sizeof(vp));
	memset(page, 0, sizeof(page));
	vp.partition = &p;
	reference_time_start(&p.time);
	allocations = flushes = 0;
	empty = false;
	lies_at = 0;
	return 0;
}

static bool reference_tsc(u64 v)
{
	return reference_tsc_write(&p, v, &self);
}

static bool assist(u64 v)
{
	return vp_assist_write(&vp, v, &self);
}

static const struct {
	bool (*write)(u64 v);
	const u64 *msr;
	u32 access;
} rows[] = {
	{ reference_tsc, &p.reference_tsc_msr, SLAT_READ },
	{ assist, &vp.assist_msr, SLAT_READ | SLAT_WRITE },
};

static void is(u32 i, u64 msr, u64 at)
{
	assert_int_equal(*rows[i].msr, msr);
	assert_int_equal(lies_at, at);
	if (at)
		assert_int_equal(may, rows[i].access);
}

static void test_places(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		/* Off, it is a number, and costs nothing. */
		assert_true(rows[i].write(0x12345ffe));
		is(i, 0x12345000, 0);
		assert_int_equal(allocations, 0);
		assert_true(rows[i].write(0x4ffd));
		is(i, 0x4001, 0x4000);
		assert_true(rows[i].write(0x5001));
		is(i, 0x5001, 0x5000);
		/* No place, or no table: it stays where it was. */
		assert_false(rows[i].write(BAD | 1));
		is(i, 0x5001, 0x5000);
		assert_false(rows[i].write(FULL | 1));
		is(i, 0x5001, 0x5000);
		assert_true(rows[i].write(0x5000));
		is(i, 0x5000, 0);
		assert_false(rows[i].write(BAD | 1));
		is(i, 0x5000, 0);
		assert_true(rows[i].write(0x6001));
		is(i, 0x6001, 0x6000);
		assert_int_equal(allocations, 1);
		assert_int_equal(flushes, 8);
	}
}

static void test_no_page(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		empty = true;
		assert_false(rows[i].write(0x4001));
		is(i, 0, 0);
		empty = false;
		assert_true(rows[i].write(0x4001));
		is(i, 0x4001, 0x4000);
	}
}

/* A new one is zeroed; one that moves is not. */
static void test_assist_zeroed(void **state)
{
	(void)state;
	memset(page, 0xee, sizeof(page));
	assert_true(assist(0x6001));
	for (u32 i = 0; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	page[5] = 1;
	assert_true(assist(0x7001));
	assert_int_equal(page[5], 1);
	assert_true(assist(0x7000));
	assert_true(assist(0x7001));
	assert_int_equal(page[5], 0);
}

static void test_reference_tsc(void **state)
{
	const struct hv_reference_tsc_page *clock = (const void *)page;

	(void)state;
	assert_true(reference_tsc(0x6001));
	assert_ptr_equal(p.time.page, clock);
	assert_int_equal(clock->sequence, 1);
	assert_int_equal(clock->scale, p.time.scale);
	assert_int_equal(clock->offset, p.time.offset);
	/* Nothing else is told. */
	for (u32 i = sizeof(u64) * 3; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	/* It goes on while it lies nowhere, and needs not to be made again. */
	assert_true(reference_tsc(0));
	reference_time_freeze(&p.time);
	reference_time_thaw(&p.time);
	reference_time_settled(&p.time);
	assert_true(reference_tsc(0x8001));
	assert_int_equal(clock->sequence, 2);
	assert_int_equal(clock->offset, p.time.offset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_places, setup),
		cmocka_unit_test_setup(test_no_page, setup),
		cmocka_unit_test_setup(test_assist_zeroed, setup),
		cmocka_unit_test_setup(test_reference_tsc, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
