/* SPDX-License-Identifier: MIT */
/*
 * Registers by which a parent stops a VP and lets it go on, and those of its
 * APIC, SynIC and synthetic MSRs, which have files of their own.
 * TLFS 6.0b, 7.8.2, 7.8.3 and 11.8.
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/registers_impl.h"
#include "hypervisor/sched.h"
#include "hypervisor/synic.h"
#include "hypervisor/synthetic.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/msr.h"

#define SUSPENDED    BIT(0)
#define NOTIFY_SINTS 48

static enum hv_status value_status(bool ok)
{
	return ok ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

void register_explicit_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = load_acquire(&vp->stop) & VP_STOP_EXPLICIT ? SUSPENDED : 0;
}

enum hv_status register_explicit_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	if (v->u64 & ~SUSPENDED)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (v->u64)
		vp_suspend(vp, self);
	else
		vp_release(vp);
	return HV_STATUS_SUCCESS;
}

void register_intercept_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = load_acquire(&vp->stop) & VP_STOP_INTERCEPT ? SUSPENDED : 0;
}

/* A parent settles an intercept; it does not make one. */
enum hv_status register_intercept_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	return v->u64 ? HV_STATUS_INVALID_REGISTER_VALUE : vp_intercept_done(vp);
}

void register_activity_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	u32 stop = load_acquire(&vp->stop);

	(void)name;
	v->u64 = (stop & VP_STOP_STARTUP ? HV_ACTIVITY_STARTUP_SUSPEND : 0) |
		 (stop & VP_STOP_HALT ? (vp->idle ? HV_ACTIVITY_IDLE : HV_ACTIVITY_HALT) : 0);
}

/* One of the VP's own partition may start it meanwhile: never both bits in two steps. */
enum hv_status register_activity_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	u32 stop = (v->u64 & HV_ACTIVITY_STARTUP_SUSPEND ? VP_STOP_STARTUP : 0) |
		   (v->u64 & (HV_ACTIVITY_HALT | HV_ACTIVITY_IDLE) ? VP_STOP_HALT : 0);
	u32 old = load_acquire(&vp->stop);

	(void)name;
	(void)self;
	if (v->u64 & ~(HV_ACTIVITY_STARTUP_SUSPEND | HV_ACTIVITY_HALT | HV_ACTIVITY_IDLE))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->idle = v->u64 & HV_ACTIVITY_IDLE;
	vp_startup_set(vp, stop & VP_STOP_STARTUP);
	/* Pairs with the loads of stop in sched.c: the registers come first. */
	while (!atomic_compare_exchange(
		&vp->stop, &old, (old & ~(u32)(VP_STOP_STARTUP | VP_STOP_HALT)) | stop))
		;
	sched_wake(vp);
	return HV_STATUS_SUCCESS;
}

void register_apic_base_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->vlapic.base_msr;
}

enum hv_status register_apic_base_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	return value_status(vlapic_msr_write(vp, MSR_APIC_BASE, v->u64));
}

void register_pending_event_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	u32 extint = load_relaxed(&vp->vlapic.extint);

	(void)name;
	if (extint & VLAPIC_EXTINT)
		v->u64 = HV_PENDING_EVENT_VALID | HV_PENDING_EVENT_EXTINT |
			 HV_PENDING_EVENT_VECTOR((u8)extint);
}

/* Exceptions are PENDING_INTERRUPTION's. */
enum hv_status register_pending_event_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	u8 vector = (u8)(v->u64 >> 8);

	(void)name;
	(void)self;
	if (!(v->u64 & HV_PENDING_EVENT_VALID)) {
		vlapic_extint_clear(&vp->vlapic);
		return HV_STATUS_SUCCESS;
	}
	if (v->wide[1] || v->u64 != (HV_PENDING_EVENT_VALID | HV_PENDING_EVENT_EXTINT |
					    HV_PENDING_EVENT_VECTOR(vector)))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vlapic_extint(vp, vector);
	return HV_STATUS_SUCCESS;
}

void register_apic_id_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vp->apic_id;
}

/* It is the VP's index for good: CPUID's topology stands on that. */
enum hv_status register_apic_id_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	return value_status(v->u64 == vp->apic_id);
}

void register_deadline_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = vlapic_deadline_get(vp);
}

enum hv_status register_deadline_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	return value_status(vlapic_deadline_set(vp, v->u64));
}

void register_synthetic_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	bool ok = synthetic_read(vp, register_msr(name), &v->u64);

	assert(ok);
}

enum hv_status register_synthetic_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	return value_status(synthetic_write(vp, register_msr(name), v->u64, self));
}

void register_stimer_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	bool ok = stimer_msr_read(vp, register_msr(name), &v->u64);

	assert(ok);
}

enum hv_status register_stimer_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	return value_status(stimer_msr_write(vp, register_msr(name), v->u64, self));
}

/* Of SINTs; of interrupts and NMIs there are none. */
void register_notifications_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	(void)name;
	v->u64 = (u64)synic_notify_get(vp) << NOTIFY_SINTS;
}

enum hv_status register_notifications_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	(void)name;
	(void)self;
	if (v->u64 & (BIT(NOTIFY_SINTS) - 1))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	return synic_notify_set(vp, (u16)(v->u64 >> NOTIFY_SINTS));
}

void register_synic_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	bool ok = synic_msr_read(vp, register_msr(name), &v->u64);

	assert(ok);
}

enum hv_status register_synic_set(
	struct vp *vp, u32 name, const union hv_register_value *v, struct vp *self)
{
	return value_status(synic_msr_write(vp, register_msr(name), v->u64, self));
}
