/* SPDX-License-Identifier: MIT */
/*
 * The SynIC's registers, as MSRs and as registers that a parent sets; the two
 * pages that they lay over the guest's. TLFS 6.0b, 11.8.
 */
#include "hv/msr.h"
#include "hypervisor/overlay_msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/synic_impl.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/apic.h"

/* The last two mean nothing here, and are kept. */
#define SINT_BITS                                                                               \
	(0xffull | HV_SINT_MASKED | HV_SINT_AUTO_EOI | HV_SINT_POLLING | HV_SINT_AS_INTERCEPT | \
		HV_SINT_PROXY)

static_assert(HV_MSR_SINT(HV_SINT_COUNT - 1) == 0x4000009f);

/* One of the two pages, zeroed as it goes on, as the guest expects a new one to be. */
static bool page_write(
	struct vp *vp, u64 *msr, void *page, struct overlay *overlay, u64 v, struct vp *self)
{
	const struct overlay_msr what = { overlay, page, SLAT_READ | SLAT_WRITE };
	struct partition *p = vp->partition;
	struct synic *s = &vp->synic;
	u64 old = *msr;
	bool ok;

	v &= OVERLAY_MSR_BITS;
	if (v == old)
		return true;
	spin_lock(&p->lock);
	ok = overlay_msr_place(p, &what, old, &v);
	spin_unlock(&p->lock);
	spin_lock(&s->lock);
	*msr = v;
	if (overlay_msr_is_on(v) && !overlay_msr_is_on(old))
		memset(page, 0, PAGE_SIZE);
	spin_unlock(&s->lock);
	partition_flush_overlays(p, self);
	synic_rescan(vp, 0xffff);
	return ok;
}

static bool sint_write(struct vp *vp, u32 sint, u64 v)
{
	struct synic *s = &vp->synic;

	v &= SINT_BITS;
	if (!(v & HV_SINT_MASKED) && (u8)v < APIC_VECTOR_MIN)
		return false;
	spin_lock(&s->lock);
	s->sint[sint] = v;
	s->auto_eoi &= (u16) ~(1u << sint);
	if (v & HV_SINT_AUTO_EOI && !(v & HV_SINT_MASKED))
		s->auto_eoi |= (u16)(1u << sint);
	spin_unlock(&s->lock);
	synic_rescan(vp, 1u << sint);
	return true;
}

static void control_write(struct vp *vp, u64 v)
{
	struct synic *s = &vp->synic;

	spin_lock(&s->lock);
	s->control = v & HV_SCONTROL_ENABLE;
	spin_unlock(&s->lock);
	synic_rescan(vp, 0xffff);
}

bool synic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	const struct synic *s = &vp->synic;

	switch (msr) {
	case HV_MSR_SCONTROL:
		*v = s->control;
		return true;
	case HV_MSR_SVERSION:
		*v = HV_SVERSION;
		return true;
	case HV_MSR_SIEFP:
		*v = s->siefp;
		return true;
	case HV_MSR_SIMP:
		*v = s->simp;
		return true;
	case HV_MSR_EOM:
		*v = 0;
		return true;
	default:
		if (msr - HV_MSR_SINT(0) >= HV_SINT_COUNT)
			return false;
		*v = s->sint[msr - HV_MSR_SINT(0)];
		return true;
	}
}

bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	struct synic *s = &vp->synic;

	switch (msr) {
	case HV_MSR_SCONTROL:
		control_write(vp, v);
		return true;
	case HV_MSR_SIEFP:
		return page_write(vp, &s->siefp, s->flags, &s->flags_overlay, v, self);
	case HV_MSR_SIMP:
		return page_write(vp, &s->simp, s->page, &s->overlay, v, self);
	case HV_MSR_EOM:
		synic_rescan(vp, 0xffff);
		return true;
	default:
		return msr - HV_MSR_SINT(0) < HV_SINT_COUNT &&
		       sint_write(vp, msr - HV_MSR_SINT(0), v);
	}
}
