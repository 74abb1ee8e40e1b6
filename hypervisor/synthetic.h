/* SPDX-License-Identifier: MIT */
/*
 * Synthetic MSRs other than the APIC's: identity of the guest, hypercall page,
 * VP index, run time, reference time, frequencies, what the guest tells of its
 * crash; the pages are overlay_msr.c's. TLFS 6.0b, 2.6, 3.13, 7.8, 12.3. Called by policy_msr.c, which has checked the privilege.
 */
#pragma once

#include "base/types.h"

struct vp;

/* False: #GP. */
[[nodiscard]] bool synthetic_read(struct vp *vp, u32 msr, u64 *v);
[[nodiscard]] bool synthetic_write(struct vp *vp, u32 msr, u64 v, struct vp *self);
