/* SPDX-License-Identifier: MIT */
/*
 * A SCSI controller's host for tests: the guest's RAM, a lock that is not taken twice, and what was asked for.
 */
#pragma once

#include "tests/unit/mem_disk.h"
#include "vsp/storvsp/storvsp.h"

static struct storvsp controller;
static u32 agains, wanted; /* calls of signalled() that are due; sub-channels */
static u32 lefts[STORVSP_LUNS];
static void (*meanwhile)(
	void); /* what happens elsewhere just before the lock is taken next; once */

static bool resolve(void *context, u64 pfn, gpa_t *gpa, void **address)
{
	(void)context;
	if (pfn >= RAM_PAGES)
		return false;
	*gpa = GPA((u64)ram[pfn]);
	*address = ram[pfn];
	return true;
}

static u64 take_lock(void *context, struct vmbus_channel *c)
{
	void (*other)(void) = meanwhile;

	meanwhile = NULL;
	if (other != NULL)
		other();
	(void)context;
	(void)c;
	assert_int_equal(locks, 0);
	locks++;
	return 42;
}

static void drop_lock(void *context, struct vmbus_channel *c, u64 state)
{
	(void)context;
	(void)c;
	assert_true(state == 42 && locks == 1);
	locks--;
}

static void again(void *context, struct vmbus_channel *c)
{
	(void)context;
	(void)c;
	assert_int_equal(locks, 1);
	agains++;
}

static void want_channels(void *context, struct storvsp *s, u32 count)
{
	(void)context;
	assert_ptr_equal(s, &controller);
	wanted = count;
}

static void lun_left(void *context, struct storvsp *s, u32 lun)
{
	(void)context;
	assert_ptr_equal(s, &controller);
	assert_true(!storvsp_lun_busy(s, lun) && locks == 0);
	lefts[lun]++;
}

static const struct storvsp_host storvsp_host = {
	.alloc = host_alloc,
	.free = host_free,
	.resolve = resolve,
	.lock = take_lock,
	.unlock = drop_lock,
	.again = again,
	.want_channels = want_channels,
	.lun_left = lun_left,
};
