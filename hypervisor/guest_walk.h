/* SPDX-License-Identifier: MIT */
/*
 * The walk of a guest's page tables, and what it leaves: the entries that led
 * to a page, so that guest.c can tell whether they still do, and hypercalls
 * can mark them. Everything read is hostile. Intel SDM volume 3, chapter 4.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hypervisor/guest.h"
#include "hypervisor/virt.h"

struct vp;

#define GUEST_LEVELS 4u

/* A translation and the entries it was made from; those in windows, by depth. */
struct guest_walk {
	u32 window; /* in: the first of GUEST_LEVELS slots, nobody else's while entries count */
	u64 gpa;
	u32 levels;
	const u64 *entry[GUEST_LEVELS];
	u64 value[GUEST_LEVELS];
};

/* guest_translate() of a linear address, whatever the mode makes of it; valid
 * until this processor's windows are used for another walk. */
[[nodiscard]] bool guest_walk(struct vp *vp, const struct vp_mode *mode, gva_t gva, u32 access,
	struct guest_walk *w, struct guest_fault *fault);

/* Whether the entries that led to the page still say the same. */
static inline __attribute__((always_inline)) bool guest_walk_holds(const struct guest_walk *w)
{
	static_assert(GUEST_LEVELS == 4);
	return READ_ONCE(*w->entry[0]) == w->value[0] && READ_ONCE(*w->entry[1]) == w->value[1] &&
	       READ_ONCE(*w->entry[2]) == w->value[2] && READ_ONCE(*w->entry[3]) == w->value[3];
}

enum guest_mark { GUEST_MARKED, GUEST_MARK_READ_ONLY, GUEST_MARK_CHANGED };
/*
 * Sets the accessed bits on the way of @w, and for a write the dirty bit at its
 * end. READ_ONLY: the partition may not write one of the tables, and nothing
 * was set; CHANGED: an entry is not what it was, so walk again.
 */
enum guest_mark guest_walk_mark(
	struct vp *vp, const struct vp_mode *mode, gva_t gva, struct guest_walk *w, bool write);

static inline bool guest_fault_gp(struct guest_fault *fault)
{
	*fault = (struct guest_fault){ .vector = 13 };
	return false;
}
