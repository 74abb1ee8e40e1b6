/* SPDX-License-Identifier: MIT */
/*
 * Pages by MSR. All under the partition's lock, but for the flush.
 */
#include "hypervisor/overlay_msr.h"

#include "hv/msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

#define BITS (~PAGE_MASK | HV_MSR_PAGE_ENABLE)

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

static bool is_on(u64 v)
{
	return v & HV_MSR_PAGE_ENABLE;
}

static bool cover(struct partition *p, const struct page_msr *m, u64 v)
{
	return !is_on(v) || overlay_set(p, m->overlay, GPA(v & ~PAGE_MASK), *m->page, m->access) ==
				    HV_STATUS_SUCCESS;
}

/* If the new place is none, the page stays where it was. */
static bool place(struct partition *p, const struct page_msr *m, u64 v)
{
	u64 old = *m->value;
	bool ok;

	overlay_clear(p, m->overlay);
	ok = cover(p, m, v);
	if (!ok)
		v = cover(p, m, old) ? old : old & ~HV_MSR_PAGE_ENABLE;
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
	if (is_on(v)) {
		ok = page_make(p, &m);
		if (ok && !p->time.page)
			reference_time_page(&p->time, *m.page);
	}
	ok = ok && place(p, &m, v & BITS);
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
	if (is_on(v) && !is_on(*m.value)) {
		ok = page_make(p, &m);
		if (ok)
			memset(*m.page, 0, PAGE_SIZE);
	}
	ok = ok && place(p, &m, v & BITS);
	spin_unlock(&p->lock);
	partition_flush_overlays(p, self);
	return ok;
}
