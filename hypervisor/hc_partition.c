/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of a child's life cycle. TLFS 6.0b, 5.4; layouts as in Linux's
 * root-partition headers.
 */
#include "hv/partition.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition_life.h"
#include "hypervisor/partition_table.h"
#include "hypervisor/vp.h"

#define CREATE_FLAGS \
	(HV_CREATE_LARGE_PAGES | HV_CREATE_LOCAL_APIC | HV_CREATE_INTERCEPT_PAGE | HV_CREATE_X2APIC)

enum hv_status hc_create_partition(struct hypercall *call)
{
	const struct hv_create_partition_input *in = call->input;
	struct partition *child;
	enum hv_status status;

	if (in->flags & ~CREATE_FLAGS || in->proximity.id != 0 || in->proximity.flags != 0 ||
		in->reserved != 0 || in->isolation != 0)
		return HV_STATUS_INVALID_PARAMETER;
	status = partition_create(call->vp->partition, in->flags, &in->properties, &child);
	if (status == HV_STATUS_SUCCESS)
		*(u64 *)call->output = child->id;
	return status;
}

enum hv_status hc_initialize_partition(struct hypercall *call)
{
	const struct hv_partition_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_CREATED);

	return status == HV_STATUS_SUCCESS ? partition_initialize(call->target) : status;
}

enum hv_status hc_finalize_partition(struct hypercall *call)
{
	const struct hv_partition_input *in = call->input;
	enum hv_status status = hc_child(call, in->partition_id);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (call->target->state != PARTITION_ACTIVE && call->target->state != PARTITION_FINALIZING)
		return HV_STATUS_INVALID_PARTITION_STATE;
	return partition_finalize(call->target, call->vp) ? HV_STATUS_SUCCESS : HYPERCALL_AGAIN;
}

enum hv_status hc_delete_partition(struct hypercall *call)
{
	const struct hv_partition_input *in = call->input;
	enum hv_status status = hc_child(call, in->partition_id);
	u64 free_pages, used_pages;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (call->target->state != PARTITION_CREATED && call->target->state != PARTITION_FINALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	deposit_balance(&call->target->deposit, &free_pages, &used_pages);
	if (free_pages + used_pages != 0)
		return HV_STATUS_OBJECT_IN_USE;
	partition_delete(call->target);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_get_next_child_partition(struct hypercall *call)
{
	const struct hv_next_child_input *in = call->input;

	if (!hc_is_own_partition(call, in->parent_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	*(u64 *)call->output = partition_table_next_child(call->vp->partition, in->previous_id);
	return HV_STATUS_SUCCESS;
}
