/* SPDX-License-Identifier: MIT */
/*
 * Pages by MSR. All under the partition's lock, but for the flush.
 */
#include "hypervisor/overlay_msr.h"

#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

/* What one of these MSRs is made of. */
struct page_msr {
	u64 *value;
	void **page;
	struct overlay *overlay;
	u32 access;
};

static struct page_msr reference_tsc(struct partition *p)
{
	return (struct page_msr){ &p->reference_tsc_msr, &p->reference_tsc_page,
		&p->reference_tsc_overlay, SLAT_READ };
}

static struct page_msr assist(struct vp *vp)
{
	return (struct page_msr){ &vp->assist_msr, &vp->assist_page, &vp->assist_overlay,
		SLAT_READ | SLAT_WRITE };
}

static bool cover(struct partition *p, const struct overlay_msr *m, u64 v)
{
	return !overlay_msr_is_on(v) || overlay_set(p, m->overlay, GPA(v & ~PAGE_MASK), m->page,
						m->access) == HV_STATUS_SUCCESS;
}

bool overlay_msr_place(struct partition *p, const struct overlay_msr *m, u64 old, u64 *v)
{
	*v &= OVERLAY_MSR_BITS;
	overlay_clear(p, m->overlay);
	if (cover(p, m, *v))
		return true;
	*v = cover(p, m, old) ? old : old & ~HV_MSR_PAGE_ENABLE;
	return false;
}

static bool place(struct partition *p, const struct page_msr *m, u64 v)
{
	const struct overlay_msr what = { m->overlay, *m->page, m->access };
	bool ok = overlay_msr_place(p, &what, *m->value, &v);

	WRITE_ONCE(*m->value, v);
	return ok;
}

static bool page_make(struct partition *p, const struct page_msr *m)
{
	if (!*m->page)
		*m->page = partition_page_alloc(p);
	return *m->page;
}

bool reference_tsc_write(struct partition *p, u64 v, struct vp *self)
{
	const struct page_msr m = reference_tsc(p);
	bool ok = true;

	spin_lock(&p->lock);
	if (overlay_msr_is_on(v)) {
		ok = page_make(p, &m);
		if (ok && !p->time.page)
			reference_time_page(&p->time, *m.page);
	}
	ok = ok && place(p, &m, v);
	spin_unlock(&p->lock);
	partition_flush_overlays(p, self);
	return ok;
}

/* Zeroed, as the guest expects a new page to be. */
bool vp_assist_write(struct vp *vp, u64 v, struct vp *self)
{
	struct partition *p = vp->partition;
	const struct page_msr m = assist(vp);
	bool ok = true;

	spin_lock(&p->lock);
	if (overlay_msr_is_on(v) && !overlay_msr_is_on(*m.value)) {
		ok = page_make(p, &m);
		if (ok)
			memset(*m.page, 0, PAGE_SIZE);
	}
	ok = ok && place(p, &m, v);
	spin_unlock(&p->lock);
	partition_flush_overlays(p, self);
	return ok;
}
