/* SPDX-License-Identifier: MIT */
/*
 * HvCallGetGpaPagesAccessState: which pages a child has written since the last
 * look. Writes of the root to its own pages are not seen here: it knows of
 * them. The processor's accessed bits are not used: each mapped page counts as
 * accessed.
 */
#include "hv/memory.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"

#define ACCESSED (HV_ACCESS_CLEAR_ACCESSED | HV_ACCESS_SET_ACCESSED)
#define DIRTY    (HV_ACCESS_CLEAR_DIRTY | HV_ACCESS_SET_DIRTY)

static bool flags_valid(u64 flags)
{
	return !(flags & ~(ACCESSED | DIRTY)) && (flags & ACCESSED) != ACCESSED &&
	       (flags & DIRTY) != DIRTY;
}

/* A page under an overlay is not written meanwhile, and keeps what it was. */
static bool change_below(struct overlay *o, bool set, bool clear, bool *dirty)
{
	if (!o->covers)
		return false;
	*dirty = o->below.access & SLAT_DIRTY;
	if (set)
		o->below.access |= SLAT_DIRTY;
	if (clear)
		o->below.access &= ~(u32)SLAT_DIRTY;
	return true;
}

static bool change(struct partition *p, gpa_t gpa, u64 flags, bool *dirty)
{
	bool set = flags & HV_ACCESS_SET_DIRTY, clear = flags & HV_ACCESS_CLEAR_DIRTY;
	struct overlay *o;
	bool mapped;

	spin_lock(&p->lock);
	o = overlay_find(p, gpa);
	mapped = o ? change_below(o, set, clear, dirty)
		   : slat_log_change(&p->slat, gpa, set, clear, dirty);
	spin_unlock(&p->lock);
	return mapped;
}

enum hv_status hc_get_gpa_pages_access_state(struct hypercall *call)
{
	const struct hv_access_state_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	u64 gpfn = in->base_gpfn + call->rep_index;
	bool dirty;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (call->target->slat.log != SLAT_LOG_ON)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!flags_valid(in->flags) || !partition_gpa_exists(gpfn))
		return HV_STATUS_INVALID_PARAMETER;
	if (!change(call->target, GPA(gpfn << PAGE_SHIFT), in->flags, &dirty))
		return HV_STATUS_SUCCESS;
	*(u64 *)call->output = HV_ACCESS_STATE_ACCESSED | (dirty ? HV_ACCESS_STATE_DIRTY : 0);
	if (in->flags & HV_ACCESS_CLEAR_DIRTY)
		call->flush = true;
	return HV_STATUS_SUCCESS;
}
