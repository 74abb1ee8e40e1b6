/* SPDX-License-Identifier: MIT */
/*
 * HvCallMapDeviceInterrupt and its unmap; the work is irq.c's.
 */
#include "hypervisor/hc.h"
#include "hypervisor/irq.h"
#include "hypervisor/vp.h"

enum hv_status hc_map_device_interrupt(struct hypercall *call)
{
	const struct hv_map_device_interrupt_input *in = call->input;
	struct hv_map_device_interrupt_output *out = call->output;
	u32 count;
	/* If any, a VP set's masks. */
	const u64 *masks = hc_variable_header(call, sizeof(*in), &count);

	if (!hc_is_own_partition(call, in->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	return irq_map(call->vp->partition, in, masks, count, &out->entry);
}

enum hv_status hc_unmap_device_interrupt(struct hypercall *call)
{
	const struct hv_unmap_device_interrupt_input *in = call->input;

	if (!hc_is_own_partition(call, in->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	return irq_unmap(call->vp->partition, in);
}
