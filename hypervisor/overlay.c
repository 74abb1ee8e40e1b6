/* SPDX-License-Identifier: MIT */
/*
 * Overlays: what lay below is kept in the overlay itself, so that mapping and
 * unmapping below it changes what will be seen when it goes.
 */
#include "hypervisor/overlay.h"

#include "base/assert.h"
#include "hypervisor/cpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"

void overlay_init(struct overlay *o)
{
	*o = (struct overlay){ .on = false };
	list_init(&o->link);
}

struct overlay *overlay_find(const struct partition *p, gpa_t gpa)
{
	list_for_each(n, &p->overlays)
	{
		struct overlay *o = list_entry(n, struct overlay, link);

		if (o->gpa.a == ALIGN_DOWN(gpa.a, PAGE_SIZE))
			return o;
	}
	return NULL;
}

/*
 * The root's pages are known by their frames, which tells the fast path, and
 * keeps the page from being deposited while it lies below.
 */
static bool place_take(const struct partition *p, gpa_t gpa)
{
	if (overlay_find(p, gpa))
		return false;
	return !partition_is_root(p) || frame_overlay_begin(SPA(gpa.a), (u16)p->id);
}

static void place_give(const struct partition *p, gpa_t gpa)
{
	if (partition_is_root(p))
		frame_overlay_end(SPA(gpa.a));
}

/* Whether there is such an address: the tables would take its low bits for another. */
static bool is_gpa(gpa_t gpa)
{
	return gpa.a < BIT(MIN(this_cpu()->features.phys_bits, SLAT_GPA_BITS));
}

enum hv_status overlay_set(
	struct partition *p, struct overlay *o, gpa_t gpa, const void *page, u32 access)
{
	enum hv_status s;

	if (!is_gpa(gpa) || !place_take(p, gpa))
		return HV_STATUS_INVALID_PARAMETER;
	o->covers = slat_lookup(&p->slat, gpa, &o->below);
	s = slat_map(&p->slat, gpa, virt_to_spa(page), PAGE_SIZE, access, MEMTYPE_WB, 1);
	if (s != HV_STATUS_SUCCESS) {
		place_give(p, gpa);
		return s;
	}
	/* It may have been written to since we looked, and until all have forgotten it. */
	if (p->slat.log != SLAT_LOG_OFF)
		o->below.access |= SLAT_DIRTY;
	o->gpa = gpa;
	o->on = true;
	list_push_back(&p->overlays, &o->link);
	return HV_STATUS_SUCCESS;
}

/*
 * Replaces one leaf of 4 KiB, so no table is needed and it cannot fail. The
 * table that it stood in may have become superfluous.
 */
void overlay_clear(struct partition *p, struct overlay *o)
{
	enum hv_status s;

	if (!o->on)
		return;
	if (o->covers)
		s = slat_map(&p->slat, o->gpa, o->below.spa, PAGE_SIZE, o->below.access,
			o->below.type, 1);
	else
		s = slat_unmap(&p->slat, o->gpa, PAGE_SIZE);
	assert(s == HV_STATUS_SUCCESS);
	slat_promote(&p->slat, o->gpa);
	place_give(p, o->gpa);
	list_remove(&o->link);
	o->on = false;
}
