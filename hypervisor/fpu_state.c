/* SPDX-License-Identifier: MIT */
/*
 * FPU state as it is saved: an XSAVE area of compacted form, where components
 * stand behind each other without those that are left out. A VP's own area has
 * the standard form, or is FXSAVE's. At rest, under the child's manage lock.
 * Intel SDM volume 1, 13.4.
 */
#include "hv/vp_state.h"
#include "hypervisor/cpu.h"
#include "hypervisor/fpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cr.h"
#include "x86/xsave.h"

#define ALWAYS (XCR0_X87 | XCR0_SSE)
#define FIRST  2u /* of the components behind the header */

/* Components that the VP can have have a place. */
static bool states_valid(const struct vp *vp, u64 states)
{
	u64 all = vp->partition->xsave_states | ALWAYS;

	return (states & ALWAYS) == ALWAYS && !(states & ~all);
}

static struct hv_xsave_header *header_of(const void *area)
{
	return (struct hv_xsave_header *)((u8 *)area + FXSAVE_SIZE);
}

enum hv_status fpu_state_get(const struct vp *vp, u64 states, void *out)
{
	const struct cpuid_table *t = &vp->partition->cpuid;
	const u8 *own = vp->fpu;
	u64 present = vp->cpu->features.xsave ? header_of(own)->present : ALWAYS;

	if (!states_valid(vp, states))
		return HV_STATUS_INVALID_PARAMETER;
	memcpy(out, own, FXSAVE_SIZE);
	*header_of(out) = (struct hv_xsave_header){
		.present = present & states,
		.format = HV_XSAVE_COMPACTED | states,
	};
	for (u32 i = FIRST; i < CPUID_TABLE_XSAVE; i++)
		if (present & states & BIT(i))
			memcpy((u8 *)out + cpuid_table_compacted(t, states, i),
				own + t->xsave[i].ebx, t->xsave[i].eax);
	return HV_STATUS_SUCCESS;
}

/* What the processor would refuse to load. */
static bool block_valid(const struct vp *vp, u64 states, const void *in)
{
	const struct hv_xsave_header *h = header_of(in);
	u32 mxcsr;

	memcpy(&mxcsr, (const u8 *)in + FXSAVE_MXCSR, sizeof(mxcsr));
	return mem_is_zero(h->reserved, sizeof(h->reserved)) &&
	       h->format == (HV_XSAVE_COMPACTED | states) && !(h->present & ~states) &&
	       !(mxcsr & ~vp->cpu->features.mxcsr_mask);
}

enum hv_status fpu_state_set(struct vp *vp, u64 states, const void *in)
{
	const struct cpuid_table *t = &vp->partition->cpuid;
	u64 present = header_of(in)->present;
	u8 *own = vp->fpu;

	if (!states_valid(vp, states) || !block_valid(vp, states, in))
		return HV_STATUS_INVALID_PARAMETER;
	memset(own, 0, PAGE_SIZE);
	memcpy(own, in, FXSAVE_SIZE);
	if (!vp->cpu->features.xsave)
		return HV_STATUS_SUCCESS;
	header_of(own)->present = present;
	for (u32 i = FIRST; i < CPUID_TABLE_XSAVE; i++)
		if (present & BIT(i))
			memcpy(own + t->xsave[i].ebx,
				(const u8 *)in + cpuid_table_compacted(t, states, i),
				t->xsave[i].eax);
	return HV_STATUS_SUCCESS;
}
