/* SPDX-License-Identifier: MIT */
/*
 * HvCallAssertVirtualInterrupt and ClearVirtualInterrupt: a parent gives
 * interrupts to its child's VPs, as chipset and devices do. On the parent's
 * processor, under the child's manage lock, so that no VP goes meanwhile.
 * TLFS 6.0b, 10.3.
 */
#include "hv/interrupt.h"
#include "hypervisor/hc.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"

#define NO_DELIVERY 0xffu

/* By type: how it is delivered, and the lowest vector; the types are APIC_DM_* but for the pins. */
static const struct {
	u8 mode;
	u8 vector_min;
} types[] = {
	[HV_ASSERT_FIXED] = { APIC_DM_FIXED, APIC_VECTOR_MIN },
	[HV_ASSERT_LOWEST_PRIORITY] = { APIC_DM_LOWEST, APIC_VECTOR_MIN },
	[HV_ASSERT_SMI] = { NO_DELIVERY, 0 },
	[HV_ASSERT_REMOTE_READ] = { NO_DELIVERY, 0 },
	[HV_ASSERT_NMI] = { APIC_DM_NMI, 0 },
	[HV_ASSERT_INIT] = { APIC_DM_INIT, 0 },
	[HV_ASSERT_SIPI] = { APIC_DM_STARTUP, 0 },
	[HV_ASSERT_EXTINT] = { APIC_DM_EXTINT, 0 },
	[HV_ASSERT_LOCAL_0] = { VLAPIC_DM_LINT0, 0 },
	[HV_ASSERT_LOCAL_1] = { VLAPIC_DM_LINT1, 0 },
};

static bool input_valid(const struct hv_assert_interrupt_input *in)
{
	u32 type = HV_ASSERT_TYPE(in->control);

	return !(in->control & HV_ASSERT_RESERVED) && type < ARRAY_SIZE(types) &&
	       types[type].mode != NO_DELIVERY && !(in->destination >> 32) &&
	       in->vector >= types[type].vector_min && in->vector <= APIC_VECTOR_MAX &&
	       !in->target_vtl && HC_IS_ZERO(in->reserved);
}

enum hv_status hc_assert_virtual_interrupt(struct hypercall *call)
{
	const struct hv_assert_interrupt_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);
	struct vlapic_message m;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!input_valid(in))
		return HV_STATUS_INVALID_PARAMETER;
	m = (struct vlapic_message){
		.dest = (u32)in->destination,
		.vector = (u8)in->vector,
		.mode = types[HV_ASSERT_TYPE(in->control)].mode,
		.logical = in->control & HV_ASSERT_LOGICAL,
		.level = in->control & HV_ASSERT_LEVEL,
	};
	vlapic_send(call->target, &m);
	return HV_STATUS_SUCCESS;
}

/* An ExtINT that no VP has acknowledged yet. */
enum hv_status hc_clear_virtual_interrupt(struct hypercall *call)
{
	const struct hv_partition_input *in = call->input;
	enum hv_status status = hc_child_in(call, in->partition_id, PARTITION_ACTIVE);

	if (status != HV_STATUS_SUCCESS)
		return status;
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (call->target->vps[i])
			vlapic_extint_clear(&call->target->vps[i]->vlapic);
	return HV_STATUS_SUCCESS;
}
