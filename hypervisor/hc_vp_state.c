/* SPDX-License-Identifier: MIT */
/*
 * HvCallGetVpState and HvCallSetVpState: a child's VP at rest, in blocks. What
 * goes through pages of the caller's is made, or checked, in a page of the
 * child's deposit that the call borrows, so that nothing is half done and
 * nothing is looked at twice. On the parent's processor, under the child's
 * manage lock. Layouts: hv/vp_state.h.
 */
#include "hv/vp_state.h"

#include "hypervisor/fpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/hc.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

/* One page of a block. */
struct part {
	struct vp *vp;
	u64 xsave_states;
	u32 number; /* of the page in the block */
	u32 count;  /* pages of the block */
	void *page; /* zeroed before it is filled */
};

struct kind {
	u32 type;
	bool many; /* pages */
	enum hv_status (*get)(const struct part *part);
	/* NULL: only to be read. */
	enum hv_status (*set)(const struct part *part);
};

static enum hv_status apic_get(const struct part *part)
{
	vlapic_state_get(part->vp, part->page);
	return HV_STATUS_SUCCESS;
}

static enum hv_status apic_set(const struct part *part)
{
	return vlapic_state_set(part->vp, part->page);
}

static enum hv_status xsave_get(const struct part *part)
{
	return fpu_state_get(part->vp, part->xsave_states, part->page);
}

static enum hv_status xsave_set(const struct part *part)
{
	return fpu_state_set(part->vp, part->xsave_states, part->page);
}

static enum hv_status message_page_get(const struct part *part)
{
	synic_message_page_get(part->vp, part->page);
	return HV_STATUS_SUCCESS;
}

static enum hv_status message_page_set(const struct part *part)
{
	synic_message_page_set(part->vp, part->page);
	return HV_STATUS_SUCCESS;
}

static enum hv_status event_flags_get(const struct part *part)
{
	synic_event_flags_get(part->vp, part->page);
	return HV_STATUS_SUCCESS;
}

static enum hv_status event_flags_set(const struct part *part)
{
	synic_event_flags_set(part->vp, part->page);
	return HV_STATUS_SUCCESS;
}

/* The last page has room for all that there is. */
static enum hv_status waiting_get(const struct part *part)
{
	u32 first = part->number * HV_SINT_COUNT;
	u32 left = synic_waiting_get(part->vp, first, part->page, HV_SINT_COUNT);

	return part->number + 1 == part->count && left ? HV_STATUS_INSUFFICIENT_BUFFERS
						       : HV_STATUS_SUCCESS;
}

static const struct kind kinds[] = {
	{ (u32)HV_VP_STATE_LOCAL_APIC, false, apic_get, apic_set },
	{ (u32)HV_VP_STATE_XSAVE, false, xsave_get, xsave_set },
	{ (u32)HV_VP_STATE_MESSAGE_PAGE, false, message_page_get, message_page_set },
	{ (u32)HV_VP_STATE_EVENT_FLAGS_PAGE, false, event_flags_get, event_flags_set },
	{ (u32)HV_VP_STATE_WAITING_MESSAGES, true, waiting_get, NULL },
};

static const struct kind *kind_of(u32 type)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static enum hv_status begin(struct hypercall *call, struct vp **vp)
{
	const struct hv_vp_state_input *in = call->input;

	if (in->target_vtl || !HC_IS_ZERO(in->reserved) || in->reserved_2 || in->xsave_flags)
		return HV_STATUS_INVALID_PARAMETER;
	return hc_child_vp_stopped(call, in->partition_id, in->vp_index, vp);
}

static enum hv_status page_get(
	struct hypercall *call, const struct kind *kind, const struct part *part, gpa_t gpa)
{
	enum hv_status status;

	memset(part->page, 0, PAGE_SIZE);
	status = kind->get(part);
	if (status == HV_STATUS_SUCCESS && !guest_write(call->vp, gpa, part->page, PAGE_SIZE))
		status = HV_STATUS_INVALID_PARAMETER;
	return status;
}

static enum hv_status page_set(
	struct hypercall *call, const struct kind *kind, const struct part *part, gpa_t gpa)
{
	if (!kind->set)
		return HV_STATUS_OPERATION_DENIED;
	if (!guest_read(call->vp, gpa, part->page, PAGE_SIZE))
		return HV_STATUS_INVALID_PARAMETER;
	return kind->set(part);
}

typedef enum hv_status (*page_work)(
	struct hypercall *call, const struct kind *kind, const struct part *part, gpa_t gpa);

/* All pages of the list that is the variable header, one by one through the one borrowed. */
static enum hv_status pages_move(struct hypercall *call, struct vp *vp, page_work work)
{
	const struct hv_vp_state_input *in = call->input;
	const struct kind *kind = kind_of(in->type);
	enum hv_status status = HV_STATUS_SUCCESS;
	struct part part = { .vp = vp, .xsave_states = in->xsave_states };
	const u64 *gpfns = hc_variable_header(call, sizeof(*in), &part.count);

	if (!kind || part.count == 0 || (part.count > 1 && !kind->many))
		return HV_STATUS_INVALID_PARAMETER;
	part.page = partition_page_alloc(vp->partition);
	if (!part.page)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	for (; status == HV_STATUS_SUCCESS && part.number < part.count; part.number++)
		status = gpfns[part.number] >> (64 - PAGE_SHIFT)
				 ? HV_STATUS_INVALID_PARAMETER
				 : work(call, kind, &part, GPA(gpfns[part.number] << PAGE_SHIFT));
	partition_page_free(vp->partition, part.page);
	return status;
}

enum hv_status hc_get_vp_state(struct hypercall *call)
{
	const struct hv_vp_state_input *in = call->input;
	union hv_vp_state_block *out = call->output;
	struct vp *vp;
	enum hv_status status = begin(call, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->type != HV_VP_STATE_TIMERS)
		return pages_move(call, vp, page_get);
	if (call->input_size != sizeof(*in))
		return HV_STATUS_INVALID_PARAMETER;
	stimer_state_get(vp, &out->timers);
	return HV_STATUS_SUCCESS;
}

enum hv_status hc_set_vp_state(struct hypercall *call)
{
	const struct hv_vp_state_input *in = call->input;
	u32 words;
	const void *block = hc_variable_header(call, sizeof(*in), &words);
	struct vp *vp;
	enum hv_status status = begin(call, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (in->type != HV_VP_STATE_TIMERS)
		return pages_move(call, vp, page_set);
	if (words * sizeof(u64) != sizeof(struct hv_stimers_state))
		return HV_STATUS_INVALID_PARAMETER;
	return stimer_state_set(vp, block);
}
