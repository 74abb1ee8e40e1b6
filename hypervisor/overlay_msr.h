/* SPDX-License-Identifier: MIT */
/*
 * MSRs that lay a page over one of the guest's: the partition's reference TSC
 * page, to be read only, and a VP's assist page. The page is the partition's
 * own, from the first time that the MSR is enabled on. TLFS 6.0b, 5.2.1,
 * 7.8.7, 12.6. On a processor that has the VP, or its parent's while it is at
 * rest.
 */
#pragma once

#include "base/types.h"

struct partition;
struct vp;

/* False: #GP: no such place, another overlay is there, or no page is left to pay for it. */
[[nodiscard]] bool reference_tsc_write(struct partition *p, u64 v, struct vp *self);
[[nodiscard]] bool vp_assist_write(struct vp *vp, u64 v, struct vp *self);
