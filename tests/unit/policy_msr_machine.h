/* SPDX-License-Identifier: MIT */
/*
 * What registers lead to beside the policy, for its tests, the root's and a
 * child's: synthetic timers, and what an idle VP waits for. Included by one
 * source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_vp.h"
#include "hypervisor/policy.h"
#include "hypervisor/stimer.h"
#include "hypervisor/vlapic.h"

/* Synthetic timers, and what an idle VP waits for. */
static u32 stimer_accesses;
static int pending_vector = -1;

bool stimer_msr_read(const struct vp *vp, u32 msr, u64 *v)
{
	assert_ptr_equal(vp, &fake_vp);
	(void)msr;
	stimer_accesses++;
	*v = 0x4444;
	return true;
}

bool stimer_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_ptr_equal(self, vp);
	(void)msr;
	(void)v;
	stimer_accesses++;
	return true;
}

int vlapic_highest_irr(const struct vlapic *l)
{
	assert_ptr_equal(l, &fake_vp.vlapic);
	return pending_vector;
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	(void)vp;
	return 7;
}
