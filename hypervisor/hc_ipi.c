/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by which a VP interrupts any number of VPs of its own partition,
 * itself included: fixed, edge-triggered. TLFS 6.0b, 10.5.
 */
#include "hypervisor/hc.h"
#include "hypervisor/vlapic.h"
#include "hypervisor/vp.h"
#include "lib/vpset.h"
#include "x86/apic.h"

/* The first eight bytes of both forms. */
static bool head_valid(const struct hv_cluster_ipi_input *in)
{
	return in->vector >= APIC_VECTOR_MIN && in->vector <= APIC_VECTOR_MAX &&
	       in->target_vtl == 0 && HC_IS_ZERO(in->reserved);
}

static void send(const struct hypercall *call, u8 vector, const struct vpset *set)
{
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = vpset_has(set, i) ? partition_vp(call->vp->partition, i) : NULL;

		if (vp)
			vlapic_interrupt(vp, vector, false);
	}
}

enum hv_status hc_send_cluster_ipi(struct hypercall *call)
{
	const struct hv_cluster_ipi_input *in = call->input;
	struct vpset set = { { in->processor_mask } };

	if (!head_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	send(call, (u8)in->vector, &set);
	return HV_STATUS_SUCCESS;
}

static_assert(offsetof(struct hv_cluster_ipi_ex_input, set) ==
	      offsetof(struct hv_cluster_ipi_input, processor_mask));

enum hv_status hc_send_cluster_ipi_ex(struct hypercall *call)
{
	const struct hv_cluster_ipi_ex_input *in = call->input;
	struct vpset set;
	u32 count;
	const u64 *banks = hc_variable_header(call, sizeof(*in), &count);

	if (!head_valid(call->input) || !vpset_decode(&in->set, banks, count, &set))
		return HV_STATUS_INVALID_PARAMETER;
	send(call, (u8)in->vector, &set);
	return HV_STATUS_SUCCESS;
}
