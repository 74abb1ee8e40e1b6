/* SPDX-License-Identifier: MIT */
/*
 * Rules of the control word and of parameter blocks. Called by hypercall.c on
 * the VP's processor; no state.
 */
#include "hypervisor/hypercall_control.h"

#include "hv/hypercall.h"

static u32 total(u32 fixed, u32 header, u32 element, u32 count)
{
	return fixed + header + element * count;
}

enum hv_status hypercall_control_decode(
	const struct hypercall_row *row, u64 control, struct hypercall_control *out)
{
	bool rep = row->rep || row->rep_in || row->rep_out;
	struct hypercall_control c = {
		.fast = control & HV_CONTROL_FAST,
		.rep = rep,
		.header_size = HV_CONTROL_VARHEAD(control) * 8,
		.rep_count = HV_CONTROL_REP_COUNT(control),
		.rep_start = HV_CONTROL_REP_START(control),
	};

	/* Nothing nests here, so that bit is reserved too. */
	if (control & (HV_CONTROL_RESERVED | HV_CONTROL_NESTED))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (c.header_size != 0 && !row->variable)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (rep ? c.rep_start >= c.rep_count : c.rep_count != 0 || c.rep_start != 0)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	c.input_size = total(row->input_size, c.header_size, row->rep_in, c.rep_count);
	c.output_size = total(row->output_size, 0, row->rep_out, c.rep_count);
	/* Fast calls have their input in registers and give no output. */
	if (c.fast && (c.input_size > HYPERCALL_FAST_MAX || c.output_size != 0))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	*out = c;
	return HV_STATUS_SUCCESS;
}

static bool in_one_page(u64 start, u32 size)
{
	return size <= PAGE_SIZE - (start & PAGE_MASK);
}

enum hv_status hypercall_blocks_check(const struct hypercall_control *c, u64 input, u64 output)
{
	bool has_in = !c->fast && c->input_size != 0;
	bool has_out = c->output_size != 0;

	if ((has_in && !IS_ALIGNED(input, 8)) || (has_out && !IS_ALIGNED(output, 8)))
		return HV_STATUS_INVALID_ALIGNMENT;
	if ((has_in && !in_one_page(input, c->input_size)) ||
		(has_out && !in_one_page(output, c->output_size)))
		return HV_STATUS_INVALID_PARAMETER;
	if (has_in && has_out && input < output + c->output_size && output < input + c->input_size)
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}
