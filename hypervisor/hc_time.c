/* SPDX-License-Identifier: MIT */
/*
 * HvCallRestorePartitionTime: a child's TSC and reference time as they were
 * saved, while its clock is frozen.
 * On the caller's processor. TLFS, HvCallRestorePartitionTime.
 */
#include "hypervisor/hc.h"

enum hv_status hc_restore_partition_time(struct hypercall *call)
{
	const struct hv_restore_time_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	struct partition *p = call->target;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved)
		return HV_STATUS_INVALID_PARAMETER;
	if (!p->time.frozen)
		return HV_STATUS_INVALID_PARTITION_STATE;
	spin_lock(&p->lock);
	reference_time_restore(&p->time, in->reference_time, in->tsc, in->tsc_sequence);
	spin_unlock(&p->lock);
	return HV_STATUS_SUCCESS;
}
