/* SPDX-License-Identifier: MIT */
/*
 * Overlay pages: pages of the hypervisor's that lie over a page of a
 * partition's GPA space, mapped or not, and are taken away again without a
 * trace. TLFS 6.0b, 5.2.1. Under partition.lock; the caller flushes.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/status.h"
#include "hypervisor/slat.h"
#include "lib/list.h"

struct partition;

struct overlay {
	struct list_node link; /* partition.overlays while it is on */
	gpa_t gpa;
	bool on;
	bool covers; /* something is mapped below */
	struct slat_mapping below;
};

void overlay_init(struct overlay *o);
/*
 * Lays @page over the page at @gpa; @access: SLAT_*. INVALID_PARAMETER: no
 * place for it (the root's must be its own RAM; one overlay to a page);
 * INSUFFICIENT_MEMORY: no second-level table. Nothing has changed then.
 */
enum hv_status overlay_set(
	struct partition *p, struct overlay *o, gpa_t gpa, const void *page, u32 access);
/* Takes it away; harmless if it is not on. */
void overlay_clear(struct partition *p, struct overlay *o);
/* The overlay at @gpa, or NULL. */
struct overlay *overlay_find(const struct partition *p, gpa_t gpa);
