/* SPDX-License-Identifier: MIT */
/*
 * HvCallGetVpRegisters and HvCallSetVpRegisters: of a child's VPs, and the
 * synthetic registers of the caller's own VP, by the rules of its MSRs. On the
 * caller's processor. TLFS 6.0b, 7.10.
 */
#include "hv/vp.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/registers.h"
#include "hypervisor/vp.h"

static bool input_valid(const struct hv_vp_registers_input *in)
{
	return !in->target_vtl && HC_IS_ZERO(in->reserved);
}

/* The caller's own: what it could read or write by MSR. */
static enum hv_status own_msr(
	const struct hypercall *call, const struct hv_vp_registers_input *in, u32 name, u32 *msr)
{
	if (in->vp_index != HV_VP_SELF && in->vp_index != call->vp->index)
		return HV_STATUS_ACCESS_DENIED;
	*msr = register_msr(name);
	return *msr ? HV_STATUS_SUCCESS : HV_STATUS_ACCESS_DENIED;
}

static enum hv_status target(struct hypercall *call, const struct hv_vp_registers_input *in,
	u32 name, bool write, struct vp **vp)
{
	if (register_is_live(name, write))
		return hc_child_vp(call, in->partition_id, in->vp_index, vp);
	return hc_child_vp_stopped(call, in->partition_id, in->vp_index, vp);
}

enum hv_status hc_get_vp_registers(struct hypercall *call)
{
	const struct hv_vp_registers_input *in = call->input;
	u32 name = (u32)call->element_in[0], msr;
	union hv_register_value *v = call->output;
	enum hv_status status;
	struct vp *vp;

	if (!input_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	if (hc_is_own_partition(call, in->partition_id)) {
		status = own_msr(call, in, name, &msr);
		if (status == HV_STATUS_SUCCESS && !policy_msr_read(call->vp, msr, &v->u64))
			status = HV_STATUS_ACCESS_DENIED;
		return status;
	}
	status = target(call, in, name, false, &vp);
	return status == HV_STATUS_SUCCESS ? register_get(vp, name, v) : status;
}

enum hv_status hc_set_vp_registers(struct hypercall *call)
{
	const struct hv_vp_registers_input *in = call->input;
	const struct hv_register_assoc *e = (const void *)call->element_in;
	enum hv_status status;
	struct vp *vp;
	u32 msr;

	if (!input_valid(in) || !HC_IS_ZERO(e->reserved))
		return HV_STATUS_INVALID_PARAMETER;
	if (hc_is_own_partition(call, in->partition_id)) {
		status = own_msr(call, in, e->name, &msr);
		if (status == HV_STATUS_SUCCESS && !policy_msr_write(call->vp, msr, e->value.u64))
			status = HV_STATUS_INVALID_REGISTER_VALUE;
		return status;
	}
	status = target(call, in, e->name, true, &vp);
	return status == HV_STATUS_SUCCESS ? register_set(vp, e->name, &e->value, call->vp)
					   : status;
}
