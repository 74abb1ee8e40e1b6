/* SPDX-License-Identifier: MIT */
/*
 * The partition that a hypercall manages: found, checked, referred to and
 * locked when its handler asks, let go by the dispatcher. On the caller's
 * processor.
 */
#include "hypervisor/hc.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

bool hc_is_own_partition(const struct hypercall *call, u64 id)
{
	return id == HV_PARTITION_SELF || id == call->vp->partition->id;
}

enum hv_status hc_child(struct hypercall *call, u64 id)
{
	struct partition *p;

	if (call->target)
		return HV_STATUS_SUCCESS;
	p = partition_find(id);
	if (!p)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (p->parent != call->vp->partition) {
		partition_put(p);
		return HV_STATUS_ACCESS_DENIED;
	}
	partition_manage(p, call->vp);
	call->target = p;
	/* Deleted while we waited. */
	return p->deleted ? HV_STATUS_INVALID_PARTITION_ID : HV_STATUS_SUCCESS;
}

enum hv_status hc_owner(struct hypercall *call, u64 id, struct partition **p)
{
	enum hv_status status;

	if (hc_is_own_partition(call, id)) {
		*p = call->vp->partition;
		return HV_STATUS_SUCCESS;
	}
	status = hc_child(call, id);
	*p = call->target;
	return status;
}

enum hv_status hc_child_in(struct hypercall *call, u64 id, enum partition_state state)
{
	enum hv_status status = hc_child(call, id);

	if (status == HV_STATUS_SUCCESS && call->target->state != state)
		status = HV_STATUS_INVALID_PARTITION_STATE;
	return status;
}

enum hv_status hc_child_vp(struct hypercall *call, u64 id, u32 index, struct vp **vp)
{
	enum hv_status status = hc_child_in(call, id, PARTITION_ACTIVE);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (index >= HV_MAX_PROCESSORS || !call->target->vps[index])
		return HV_STATUS_INVALID_VP_INDEX;
	*vp = call->target->vps[index];
	return HV_STATUS_SUCCESS;
}

/* For another reason than that this call holds it. */
static bool is_at_rest(u32 stop)
{
	return stop & VP_STOP_SUSPENDED & ~(u32)VP_STOP_HELD;
}

enum hv_status hc_child_vp_stopped(struct hypercall *call, u64 id, u32 index, struct vp **vp)
{
	enum hv_status status = hc_child_vp(call, id, index, vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!is_at_rest(load_acquire(&(*vp)->stop)))
		return HV_STATUS_INVALID_VP_STATE;
	/* What else stops it is ended by calls like this one only. */
	if (!(load_acquire(&(*vp)->stop) & (VP_STOP_EXPLICIT | VP_STOP_INTERCEPT)) && !call->held) {
		vp_hold(*vp);
		call->held = *vp;
	}
	sched_wait_stopped(*vp, call->vp);
	/* An INIT that came before is seen, unless it waits for an instruction's end. */
	if (load_acquire(&(*vp)->startup) && !(load_acquire(&(*vp)->stop) & VP_STOP_INTERCEPT))
		vp_startup_take(*vp);
	return is_at_rest(load_acquire(&(*vp)->stop)) ? HV_STATUS_SUCCESS
						      : HV_STATUS_INVALID_VP_STATE;
}

void hc_release(struct hypercall *call)
{
	struct partition *p = call->target;

	if (!p)
		return;
	if (call->held)
		vp_hold_end(call->held);
	call->held = NULL;
	call->target = NULL;
	partition_manage_end(p);
	partition_put(p);
}
