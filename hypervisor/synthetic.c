/* SPDX-License-Identifier: MIT */
/*
 * Synthetic MSRs. On the VP's processor; what belongs to the whole partition
 * is under its lock. The hypercall page is a page of ours that second-level
 * tables put in the place of the guest's: read and execute only, shared by all
 * VPs, and taken away again without a trace.
 */
#include "hypervisor/synthetic.h"

#include "hv/msr.h"
#include "hypervisor/clock.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/overlay_msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define HYPERCALL_BITS (~PAGE_MASK | HV_MSR_HYPERCALL_ENABLE | HV_MSR_HYPERCALL_LOCKED)
#define INT3           0xcc
#define NS_PER_UNIT    100u

bool synthetic_read(struct vp *vp, u32 msr, u64 *v)
{
	switch (msr) {
	case HV_MSR_GUEST_OS_ID:
		*v = vp->partition->guest_os_id;
		return true;
	case HV_MSR_HYPERCALL:
		*v = vp->partition->hypercall_msr;
		return true;
	case HV_MSR_VP_INDEX:
		*v = vp->index;
		return true;
	case HV_MSR_VP_RUNTIME:
		*v = clock_tsc_to_ns(vp->stats[HV_VP_COUNTER_TOTAL_RUN_TIME]) / NS_PER_UNIT;
		return true;
	case HV_MSR_TIME_REF_COUNT:
		*v = reference_time(&vp->partition->time);
		return true;
	case HV_MSR_TSC_FREQUENCY:
		*v = vp->partition->tsc_hz;
		return true;
	case HV_MSR_APIC_FREQUENCY:
		*v = VLAPIC_HZ;
		return true;
	case HV_MSR_REFERENCE_TSC:
		*v = vp->partition->reference_tsc_msr;
		return true;
	case HV_MSR_VP_ASSIST_PAGE:
		*v = vp->assist_msr;
		return true;
	case HV_MSR_RESET:
		*v = 0;
		return true;
	case HV_MSR_CRASH_P(0)... HV_MSR_CRASH_P(HV_CRASH_PARAMETERS - 1):
		*v = load_relaxed(&vp->partition->crash[msr - HV_MSR_CRASH_P(0)]);
		return true;
	case HV_MSR_CRASH_CTL:
		*v = HV_CRASH_NOTIFY | HV_CRASH_MESSAGE;
		return true;
	default:
		return false;
	}
}

/* Makes the page's contents, the vendor's instruction and RET, once. */
static bool page_make(struct partition *p)
{
	if (p->hypercall_page)
		return true;
	p->hypercall_page = partition_page_alloc(p);
	if (!p->hypercall_page)
		return false;
	memset(p->hypercall_page, INT3, PAGE_SIZE);
	memcpy(p->hypercall_page, virt->hypercall_text, virt->hypercall_text_size);
	return true;
}

static bool page_cover(struct partition *p, u64 msr)
{
	return page_make(p) &&
	       overlay_set(p, &p->hypercall_overlay, GPA(msr & ~PAGE_MASK), p->hypercall_page,
		       SLAT_READ | SLAT_EXEC) == HV_STATUS_SUCCESS;
}

/* Under the lock. If the new place is none, the page stays where it was. */
static bool hypercall_set(struct partition *p, u64 v)
{
	u64 old = p->hypercall_msr;
	bool was_on = old & HV_MSR_HYPERCALL_ENABLE;
	bool on = v & HV_MSR_HYPERCALL_ENABLE;

	if (was_on && on && !((old ^ v) & ~PAGE_MASK)) {
		WRITE_ONCE(p->hypercall_msr, v);
		return true;
	}
	overlay_clear(p, &p->hypercall_overlay);
	if (on && !page_cover(p, v)) {
		if (was_on && !page_cover(p, old))
			WRITE_ONCE(p->hypercall_msr, old & ~HV_MSR_HYPERCALL_ENABLE);
		return false;
	}
	WRITE_ONCE(p->hypercall_msr, v);
	return true;
}

static bool hypercall_write(struct partition *p, u64 v, struct vp *self)
{
	bool ok;

	v &= HYPERCALL_BITS;
	spin_lock(&p->lock);
	/* Without an identity the page stays off; TLFS 3.13. */
	if (p->guest_os_id == 0)
		v &= ~HV_MSR_HYPERCALL_ENABLE;
	if (p->hypercall_msr & HV_MSR_HYPERCALL_LOCKED)
		ok = v == p->hypercall_msr;
	else
		ok = hypercall_set(p, v);
	spin_unlock(&p->lock);
	partition_flush_overlays(p, self);
	return ok;
}

/* Zero takes the hypercall page away. */
static bool guest_os_id_write(struct partition *p, u64 v, struct vp *self)
{
	bool ok = true;

	spin_lock(&p->lock);
	if (v == 0 && p->hypercall_msr & HV_MSR_HYPERCALL_ENABLE)
		ok = hypercall_set(p, p->hypercall_msr & ~HV_MSR_HYPERCALL_ENABLE);
	if (ok)
		p->guest_os_id = v;
	spin_unlock(&p->lock);
	if (v == 0)
		partition_flush_overlays(p, self);
	return ok;
}

bool synthetic_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	switch (msr) {
	case HV_MSR_GUEST_OS_ID:
		return guest_os_id_write(vp->partition, v, self);
	case HV_MSR_HYPERCALL:
		return hypercall_write(vp->partition, v, self);
	case HV_MSR_VP_ASSIST_PAGE:
		return vp_assist_write(vp, v, self);
	case HV_MSR_REFERENCE_TSC:
		return reference_tsc_write(vp->partition, v, self);
	case HV_MSR_CRASH_P(0)... HV_MSR_CRASH_P(HV_CRASH_PARAMETERS - 1):
		store_relaxed(&vp->partition->crash[msr - HV_MSR_CRASH_P(0)], v);
		return true;
	default:
		return false;
	}
}
