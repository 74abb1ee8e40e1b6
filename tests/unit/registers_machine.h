/* SPDX-License-Identifier: MIT */
/*
 * What lies below a VP's registers, for their tests: CPUID, MSRs, SynIC,
 * suspension, and a back end that keeps values by name.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hypervisor/policy.h"
#include "hypervisor/registers.h"
#include "hypervisor/sched.h"
#include "hypervisor/synic.h"
#include "hypervisor/synthetic.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/xsave.h"

static u8 area[4096] __attribute__((aligned(64)));
static struct vp parent_vp;

/* CPUID has everything. */
struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	assert_ptr_equal(p, &fake_partition);
	if (leaf == 0x80000008u)
		return (struct cpuid_regs){ 0x3028, 0, 0, 0 };
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

u64 policy_xcr0_mask(const struct vp *vp)
{
	return vp->partition->xsave_states;
}

/* MSRs that stand behind names: kept by number. */
static u64 msrs[0x200];
static u32 written;
static bool refuse;

static u64 *msr_at(u32 msr)
{
	assert_in_range(msr, 0x40000000, 0x400001ff);
	return &msrs[msr & 0x1ff];
}

bool synthetic_read(struct vp *vp, u32 msr, u64 *v)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_true(msr < 0x40000080 || msr >= 0x40000100);
	*v = *msr_at(msr);
	return true;
}

bool synthetic_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_ptr_equal(self, &parent_vp);
	assert_true(msr < 0x40000080 || msr >= 0x40000100);
	written = msr;
	*msr_at(msr) = v;
	return !refuse;
}

bool stimer_msr_read(const struct vp *vp, u32 msr, u64 *v)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_in_range(msr, 0x400000b0, 0x400000b7);
	*v = *msr_at(msr);
	return true;
}

bool stimer_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_ptr_equal(self, &parent_vp);
	assert_in_range(msr, 0x400000b0, 0x400000b7);
	written = msr;
	*msr_at(msr) = v;
	return !refuse;
}

bool synic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_true(msr >= 0x40000080);
	*v = *msr_at(msr);
	return true;
}

bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(vp, &fake_vp);
	assert_ptr_equal(self, &parent_vp);
	assert_true(msr >= 0x40000080);
	written = msr;
	*msr_at(msr) = v;
	return !refuse;
}

static u16 notify_sints;
static bool notify_memory;

enum hv_status synic_notify_set(struct vp *vp, u16 sints)
{
	assert_ptr_equal(vp, &fake_vp);
	if (!notify_memory)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	notify_sints = sints;
	return HV_STATUS_SUCCESS;
}

u16 synic_notify_get(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	return notify_sints;
}

bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v)
{
	assert_int_equal(msr, MSR_APIC_BASE);
	if (refuse)
		return false;
	vp->vlapic.base_msr = v;
	return true;
}

void vlapic_extint(struct vp *vp, u8 vector)
{
	vp->vlapic.extint = (u32)VLAPIC_EXTINT | vector;
}

void vlapic_extint_clear(struct vlapic *l)
{
	l->extint = 0;
}

/* Refused where the APIC's timer is in another mode. */
static u64 deadline;

u64 vlapic_deadline_get(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	return deadline;
}

bool vlapic_deadline_set(struct vp *vp, u64 v)
{
	assert_ptr_equal(vp, &fake_vp);
	if (!refuse)
		deadline = v;
	return !refuse;
}

u64 clock_tsc_hz = 1000000000;

static u32 suspended, released, settled, woken;
static bool waits;

void vp_startup_set(struct vp *vp, bool on)
{
	assert_ptr_equal(vp, &fake_vp);
	waits = on;
}
static enum hv_status settle_status;

void vp_suspend(struct vp *vp, struct vp *self)
{
	assert_ptr_equal(self, &parent_vp);
	vp->stop |= VP_STOP_EXPLICIT;
	suspended++;
}

void vp_release(struct vp *vp)
{
	vp->stop &= ~(u32)VP_STOP_EXPLICIT;
	released++;
}

enum hv_status vp_intercept_done(struct vp *vp)
{
	if (settle_status == HV_STATUS_SUCCESS)
		vp->stop &= ~(u32)VP_STOP_INTERCEPT;
	settled++;
	return settle_status;
}

void sched_wake(struct vp *vp)
{
	assert_ptr_equal(vp, &fake_vp);
	woken++;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	memset(area, 0, sizeof(area));
	memset(msrs, 0, sizeof(msrs));
	fake_partition.parent = parent_vp.partition = &fake_partition;
	fake_partition.xsave_states = 0xe7;
	fake_vp.fpu = area;
	fake_vp.xcr0 = 1;
	fake_vp.apic_id = 3;
	fake_vp.stop = VP_STOP_EXPLICIT;
	fake_cpu.features.xsave = true;
	fake_cpu.features.tsc_aux = true;
	fake_cpu.features.mxcsr_mask = 0x2ffff;
	*(u16 *)(void *)area = 0x37f;
	*(u32 *)(void *)(area + 24) = 0x1f80;
	written = suspended = released = settled = woken = 0;
	refuse = false;
	settle_status = HV_STATUS_SUCCESS;
	return 0;
}

static enum hv_status set2(u32 name, u64 low, u64 high)
{
	union hv_register_value v = { .wide = { low, high } };

	return register_set(&fake_vp, name, &v, &parent_vp);
}

static enum hv_status set(u32 name, u64 v)
{
	return set2(name, v, 0);
}

static u64 get2(u32 name, u64 *high)
{
	union hv_register_value v = { .wide = { ~0ull, ~0ull } };

	assert_int_equal(register_get(&fake_vp, name, &v), HV_STATUS_SUCCESS);
	*high = v.wide[1];
	return v.u64;
}
