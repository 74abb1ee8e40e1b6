/* SPDX-License-Identifier: MIT */
/*
 * MSRs that lay a page over one of the guest's: the partition's reference TSC
 * page, to be read only, and a VP's assist page. The page is the partition's
 * own, from the first time that the MSR is enabled on. And what the SynIC's two
 * have in common with them. TLFS 6.0b, 5.2.1, 7.8.7, 12.6. On a processor that
 * has the VP, or its parent's while it is at rest.
 */
#pragma once

#include "base/types.h"
#include "hv/msr.h"

struct overlay;
struct partition;
struct vp;

/* False: #GP: no such place, another overlay is there, or no page is left to pay for it. */
[[nodiscard]] bool reference_tsc_write(struct partition *p, u64 v, struct vp *self);
[[nodiscard]] bool vp_assist_write(struct vp *vp, u64 v, struct vp *self);

#define OVERLAY_MSR_BITS (~PAGE_MASK | HV_MSR_PAGE_ENABLE)

/* What such an MSR lays over the guest's page. */
struct overlay_msr {
	struct overlay *overlay;
	const void *page;
	u32 access; /* SLAT_* */
};

static inline bool overlay_msr_is_on(u64 v)
{
	return v & HV_MSR_PAGE_ENABLE;
}

/*
 * The MSR, which was @old, becomes *@v: the page goes where that says. False:
 * no place for it; it stays where it was, and *@v is what the MSR is then. Under
 * partition.lock; the caller flushes.
 */
[[nodiscard]] bool overlay_msr_place(
	struct partition *p, const struct overlay_msr *m, u64 old, u64 *v);
