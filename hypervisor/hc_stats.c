/* SPDX-License-Identifier: MIT */
/*
 * HvCallMapStatsPage and its unmap: a page of counters of the caller's own VP
 * or of a child's, mapped read-only into the root at its own address. TLFS 6.0b
 * has no text on them; layouts as in Linux's root-partition headers.
 */
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/share_page.h"
#include "hypervisor/vp.h"

/* Areas of a VP's statistics: ours are all in the first. */
#define AREA_SELF 0u

static enum hv_status decode(struct hypercall *call, struct vp **vp)
{
	const struct hv_stats_page_input *in = call->input;
	u32 index = in->vp_index == HV_VP_SELF ? call->vp->index : in->vp_index;

	if (in->type != HV_STATS_OBJECT_VP || in->reserved != 0 || in->flags != 0 ||
		in->area != AREA_SELF || in->reserved2 != 0)
		return HV_STATUS_INVALID_PARAMETER;
	if (!hc_is_own_partition(call, in->partition_id))
		return hc_child_vp(call, in->partition_id, in->vp_index, vp);
	*vp = index < HV_MAX_PROCESSORS ? partition_vp(call->vp->partition, index) : NULL;
	return *vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

enum hv_status hc_map_stats_page(struct hypercall *call)
{
	struct vp *vp;
	enum hv_status status = decode(call, &vp);
	spa_t spa;

	if (status != HV_STATUS_SUCCESS)
		return status;
	spa = virt_to_spa(vp->stats);
	if (call->target)
		status = share_page(call->target, vp->stats, SLAT_READ);
	else
		status = slat_map(&call->vp->partition->slat, GPA(spa.a), spa, PAGE_SIZE, SLAT_READ,
			MEMTYPE_WB, 1);
	if (status == HV_STATUS_SUCCESS)
		*(u64 *)call->output = spa.a >> PAGE_SHIFT;
	return status;
}

enum hv_status hc_unmap_stats_page(struct hypercall *call)
{
	struct vp *vp;
	enum hv_status status = decode(call, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (call->target) {
		share_page_end(call->target, vp->stats, call->vp);
		return HV_STATUS_SUCCESS;
	}
	status = slat_unmap(&call->vp->partition->slat, GPA(virt_to_spa(vp->stats).a), PAGE_SIZE);
	if (status == HV_STATUS_SUCCESS)
		partition_flush(call->vp->partition, call->vp);
	return status;
}
