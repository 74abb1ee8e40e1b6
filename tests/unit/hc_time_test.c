/* SPDX-License-Identifier: MIT */
/*
 * HvCallRestorePartitionTime: only while the child's clock stands, both of its
 * values at once, and the page's sequence behind the one that is given.
 * sources: hypervisor/hc_time.c hypervisor/reference_time.c tests/unit/fake/fake.c
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
#include "hypervisor/hc.h"

#define CHILD 5u

static struct partition child;
static enum hv_status child_status;

u64 clock_tsc_hz = 1000000000;

enum hv_status hc_child_in(struct hypercall *c, u64 id, enum partition_state state)
{
	assert_int_equal(id, CHILD);
	assert_int_equal(state, PARTITION_ACTIVE);
	if (child_status == HV_STATUS_SUCCESS)
		c->target = &child;
	return child_status;
}

static enum hv_status restore(u32 sequence, u32 reserved, u64 time, u64 tsc)
{
	const struct hv_restore_time_input in = {
		.partition_id = CHILD,
		.tsc_sequence = sequence,
		.reserved = reserved,
		.reference_time = time,
		.tsc = tsc,
	};
	struct hypercall call = { .input = &in };

	return hc_restore_partition_time(&call);
}

static int setup(void **state)
{
	(void)state;
	memset(&child, 0, sizeof(child));
	fake_tsc = 987654321;
	child_status = HV_STATUS_SUCCESS;
	reference_time_start(&child.time);
	return 0;
}

static void test_restored(void **state)
{
	static struct hv_reference_tsc_page page;

	(void)state;
	reference_time_page(&child.time, &page);
	reference_time_freeze(&child.time);
	assert_int_equal(restore(40, 0, 1ull << 50, 123), HV_STATUS_SUCCESS);
	assert_int_equal(reference_time(&child.time), 1ull << 50);
	assert_int_equal(reference_time_guest_tsc(&child.time), 123);
	assert_int_equal(child.lock.next, child.lock.owner);
	reference_time_thaw(&child.time);
	reference_time_settled(&child.time);
	assert_int_equal(page.sequence, 41);
	assert_int_equal(fake_tsc + child.time.tsc_offset, 123);
}

static void test_refused(void **state)
{
	struct reference_time before;

	(void)state;
	before = child.time;
	assert_int_equal(restore(1, 0, 5, 6), HV_STATUS_INVALID_PARTITION_STATE);
	reference_time_freeze(&child.time);
	assert_int_equal(restore(1, 1, 5, 6), HV_STATUS_INVALID_PARAMETER);
	child_status = HV_STATUS_ACCESS_DENIED;
	assert_int_equal(restore(1, 0, 5, 6), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(child.time.offset, before.offset);
	assert_int_equal(child.time.page_sequence, before.page_sequence);
	assert_int_equal(reference_time_guest_tsc(&child.time), fake_tsc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_restored, setup),
		cmocka_unit_test_setup(test_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
