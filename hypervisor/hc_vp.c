/* SPDX-License-Identifier: MIT */
/*
 * HvCallCreateVp and DeleteVp for children, and HvCallInstallIntercept. On the
 * parent's processor, under the child's manage lock. TLFS 6.0b, 7.10 and 8.5.
 */
#include "hv/vp.h"
#include "hypervisor/cpu.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/desc.h"

/* VPs begin spread over the processors; later they go where there is room. */
static struct cpu *first_processor(u32 index)
{
	return cpus[index % cpu_count];
}

static bool create_input_valid(const struct hv_create_vp_input *in)
{
	return HC_IS_ZERO(in->reserved) && !in->subnode_type && !in->subnode_id &&
	       !in->proximity.flags && !in->flags;
}

enum hv_status hc_create_vp(struct hypercall *call)
{
	const struct hv_create_vp_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	struct vp *vp;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!create_input_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	return vp_create(
		call->target, in->vp_index, in->vp_index, first_processor(in->vp_index), &vp);
}

enum hv_status hc_delete_vp(struct hypercall *call)
{
	const struct hv_delete_vp_input *in = call->input;
	struct vp *vp;
	enum hv_status status = hc_child_vp(call, in->partition_id, in->vp_index, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->reserved)
		return HV_STATUS_INVALID_PARAMETER;
	vp_suspend(vp, call->vp);
	vp_delete(vp, call->vp);
	return HV_STATUS_SUCCESS;
}

static enum hv_status install_cpuid(struct partition_intercepts *i, u32 leaf, bool on)
{
	u32 n = 0;

	while (n < i->cpuid_count && i->cpuid[n] != leaf)
		n++;
	if (on && n == PARTITION_CPUID_INTERCEPTS)
		return HV_STATUS_NO_RESOURCES;
	if (on) {
		i->cpuid[n] = leaf;
		i->cpuid_count = MAX(i->cpuid_count, n + 1);
	} else if (n < i->cpuid_count) {
		i->cpuid[n] = i->cpuid[i->cpuid_count - 1];
		i->cpuid_count--;
	}
	return HV_STATUS_SUCCESS;
}

/* Machine checks are the hypervisor's, and NMIs no exceptions. */
static enum hv_status install_exception(struct partition_intercepts *i, u64 vector, bool on)
{
	if (vector >= VEC_EXCEPTIONS || vector == VEC_NMI || vector == VEC_MC)
		return HV_STATUS_INVALID_PARAMETER;
	if (on)
		i->exceptions |= 1u << vector;
	else
		i->exceptions &= ~(1u << vector);
	return HV_STATUS_SUCCESS;
}

static enum hv_status install(
	struct partition_intercepts *i, const struct hv_install_intercept_input *in)
{
	switch (in->type) {
	case HV_INTERCEPT_MSR:
		if (in->access & HV_INTERCEPT_EXEC || in->parameter)
			return HV_STATUS_INVALID_PARAMETER;
		i->msr = (u8)in->access;
		return HV_STATUS_SUCCESS;
	case HV_INTERCEPT_CPUID:
		if (in->access & ~(u32)HV_INTERCEPT_EXEC || in->parameter >> 32)
			return HV_STATUS_INVALID_PARAMETER;
		return install_cpuid(i, (u32)in->parameter, in->access);
	case HV_INTERCEPT_EXCEPTION:
		if (in->access & ~(u32)HV_INTERCEPT_EXEC)
			return HV_STATUS_INVALID_PARAMETER;
		return install_exception(i, in->parameter, in->access);
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

/* Those that run take it up when they come to their processors the next time. */
static void take_up(struct partition *p)
{
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (p->vps[i])
			sched_reload(p->vps[i]);
}

enum hv_status hc_install_intercept(struct hypercall *call)
{
	const struct hv_install_intercept_input *in = call->input;
	enum hv_status status = hc_child(call, in->partition_id);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (call->target->state == PARTITION_FINALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (in->access & ~(u32)(HV_INTERCEPT_READ | HV_INTERCEPT_WRITE | HV_INTERCEPT_EXEC))
		return HV_STATUS_INVALID_PARAMETER;
	status = install(&call->target->intercepts, in);
	if (status == HV_STATUS_SUCCESS)
		take_up(call->target);
	return status;
}
