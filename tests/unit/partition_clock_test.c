/* SPDX-License-Identifier: MIT */
/*
 * A partition's clock and its VPs: the TSC offset goes to each control block,
 * and only when it has changed; and the page tells nothing before no VP can have
 * the old one any more.
 * sources: hypervisor/partition_clock.c hypervisor/reference_time.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/vp.h"

static struct partition partition;
static struct hv_reference_tsc_page page;
static struct vp vp, parent;
static u64 offset;
static u32 loads, apic_serves, stimer_serves, told, flushes;

u64 clock_tsc_hz = 1000000000;

static void tsc_offset(struct vp *v, u64 o)
{
	assert_ptr_equal(v, &vp);
	offset = o;
	loads++;
}

static const struct virt_ops ops = { .name = "fake", .tsc_offset = tsc_offset };
const struct virt_ops *virt = &ops;

/* Timers are put by the new clock, and what is told meanwhile is not lost. */
void vlapic_timer_serve(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(v->work & VP_WORK_TIMERS, 0);
	assert_int_equal(v->tsc_offset, partition.time.tsc_offset);
	apic_serves++;
}

void stimer_serve(struct vp *v)
{
	assert_ptr_equal(v, &vp);
	assert_int_equal(v->work & VP_WORK_TIMERS, 0);
	stimer_serves++;
}

static bool is_locked(void)
{
	return partition.lock.next != partition.lock.owner;
}

void stimer_time_changed(struct partition *p)
{
	assert_ptr_equal(p, &partition);
	assert_false(is_locked() || p->time.frozen);
	assert_int_equal(page.sequence, HV_TSC_INVALID);
	vp.work |= VP_WORK_TIMERS;
	told++;
}

void partition_flush(struct partition *p, struct vp *self)
{
	assert_ptr_equal(p, &partition);
	assert_ptr_equal(self, &parent);
	assert_false(is_locked());
	assert_int_equal(told, flushes + 1);
	assert_int_equal(page.sequence, HV_TSC_INVALID);
	flushes++;
}

static int setup(void **state)
{
	(void)state;
	memset(&partition, 0, sizeof(partition));
	memset(&vp, 0, sizeof(vp));
	memset(&page, 0, sizeof(page));
	fake_tsc = 123456789;
	fake_tsc_step = 1;
	vp.partition = &partition;
	reference_time_start(&partition.time);
	reference_time_page(&partition.time, &page);
	loads = apic_serves = stimer_serves = told = flushes = 0;
	return 0;
}

static void test_thaw(void **state)
{
	u64 tsc;

	(void)state;
	partition_clock_freeze(&partition);
	tsc = reference_time_guest_tsc(&partition.time);
	fake_tsc += 1000000;
	assert_int_equal(page.sequence, HV_TSC_INVALID);
	partition_clock_thaw(&partition, &parent);
	assert_int_equal(told, 1);
	assert_int_equal(flushes, 1);
	assert_int_equal(page.sequence, 2);
	assert_false(is_locked());
	partition_clock_serve(&vp);
	assert_int_equal(loads, 1);
	assert_in_range(fake_tsc + offset, tsc, tsc + 10);
	/* It runs already: nothing to do. */
	partition_clock_thaw(&partition, &parent);
	assert_int_equal(told, 1);
	assert_int_equal(page.sequence, 2);
}

static void test_serve(void **state)
{
	(void)state;
	vp.work = VP_WORK_TIMERS | VP_WORK_INTERRUPT;
	partition_clock_serve(&vp);
	assert_int_equal(vp.work, VP_WORK_INTERRUPT);
	assert_int_equal(loads, 0);
	assert_int_equal(apic_serves, 1);
	assert_int_equal(stimer_serves, 1);
	partition.time.tsc_offset = 77;
	partition_clock_serve(&vp);
	partition_clock_serve(&vp);
	assert_int_equal(loads, 1);
	assert_int_equal(offset, 77);
	assert_int_equal(apic_serves, 3);
}

/* One that is made later has it from the beginning. */
static void test_new(void **state)
{
	(void)state;
	partition_clock_load(&vp);
	assert_int_equal(loads, 0);
	partition.time.tsc_offset = 78;
	partition_clock_load(&vp);
	assert_int_equal(offset, 78);
	assert_int_equal(apic_serves, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_thaw, setup),
		cmocka_unit_test_setup(test_serve, setup),
		cmocka_unit_test_setup(test_new, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
