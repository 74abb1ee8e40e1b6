/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls about the caller itself: its spinning, its partition, its VPs'
 * numbers. TLFS 6.0b, 9.4, 5.4 and 7.8.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

/* Whoever holds what the caller waits for may be among those who wait for its processor. */
enum hv_status hc_notify_long_spin_wait(struct hypercall *call)
{
	if (unlikely(load_relaxed(&call->vp->cpu->run_queue.policy.count)))
		sched_give_way(call->vp);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_partition_id(struct hypercall *call)
{
	*(u64 *)call->output = call->vp->partition->id;
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_vp_index_from_apic_id(struct hypercall *call)
{
	const struct hv_vp_index_from_apic_id_input *in = call->input;
	const struct partition *p = call->vp->partition;

	if (!hc_is_own_partition(call, in->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	if (in->target_vtl != 0 || !HC_IS_ZERO(in->reserved))
		return HV_STATUS_INVALID_PARAMETER;
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		const struct vp *vp = partition_vp(p, i);

		if (!vp || vp->apic_id != (u32)call->element_in[0])
			continue;
		*(u64 *)call->output = i;
		return HV_STATUS_SUCCESS;
	}
	return HV_STATUS_NOT_FOUND;
}
