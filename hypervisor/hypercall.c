/* SPDX-License-Identifier: MIT */
/*
 * The dispatcher of hypercalls: registers of both ABIs, the control word, the
 * parameter blocks, repetition, the result. Runs on the VP's processor. A
 * block that is not RAM of the caller, readable or writable as needed, gives
 * HV_STATUS_INVALID_PARAMETER: the root has no parent to send an intercept to.
 * TLFS 6.0b chapter 3.
 */
#include "hypervisor/hypercall.h"

#include "hv/cpuid.h"
#include "hv/devint.h"
#include "hv/msr.h"
#include "hypervisor/guest.h"
#include "hypervisor/hc.h"
#include "hypervisor/hypercall_control.h"
#include "hypervisor/partition.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define CALL_PRIVILEGE(bit) ((bit) << 32)

/* By code. */
static const struct hypercall_row table[] = {
	[HV_CALL_NOTIFY_LONG_SPIN_WAIT] = { "NotifyLongSpinWait", .input_size = 8,
		.handle = hc_notify_long_spin_wait },
	[HV_CALL_GET_PARTITION_ID] = { "GetPartitionId", .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_PARTITION_ID),
		.handle = hc_get_partition_id },
	[HV_CALL_MAP_STATS_PAGE] = { "MapStatsPage",
		.input_size = sizeof(struct hv_stats_page_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_STATS_PAGES), .handle = hc_map_stats_page },
	[HV_CALL_UNMAP_STATS_PAGE] = { "UnmapStatsPage",
		.input_size = sizeof(struct hv_stats_page_input),
		.privileges = CALL_PRIVILEGE(HV_ACCESS_STATS_PAGES),
		.handle = hc_unmap_stats_page },
	[HV_CALL_MAP_DEVICE_INTERRUPT] = { "MapDeviceInterrupt",
		.input_size = sizeof(struct hv_map_device_interrupt_input),
		.output_size = sizeof(struct hv_map_device_interrupt_output), .variable = true,
		.privileges = CALL_PRIVILEGE(HV_CPU_MANAGEMENT),
		.handle = hc_map_device_interrupt },
	[HV_CALL_UNMAP_DEVICE_INTERRUPT] = { "UnmapDeviceInterrupt",
		.input_size = sizeof(struct hv_unmap_device_interrupt_input),
		.privileges = CALL_PRIVILEGE(HV_CPU_MANAGEMENT),
		.handle = hc_unmap_device_interrupt },
	[HV_CALL_START_VIRTUAL_PROCESSOR] = { "StartVirtualProcessor",
		.input_size = sizeof(struct hv_start_vp_input),
		.privileges = CALL_PRIVILEGE(HV_START_VIRTUAL_PROCESSOR),
		.handle = hc_start_virtual_processor },
	[HV_CALL_GET_VP_INDEX_FROM_APIC_ID] = { "GetVpIndexFromApicId",
		.input_size = sizeof(struct hv_vp_index_from_apic_id_input), .rep_in = 4,
		.rep_out = 4, .handle = hc_get_vp_index_from_apic_id },
};

/* Room for the largest input and output there is, without elements. */
#define INPUT_MAX  1024u
#define OUTPUT_MAX 64u

static_assert(sizeof(struct hv_start_vp_input) <= INPUT_MAX);
static_assert(sizeof(struct hv_map_device_interrupt_output) <= OUTPUT_MAX);

/* The registers of a call, whatever the ABI. */
struct registers {
	u64 control;
	u64 input;  /* GPA, or first fast parameter */
	u64 output; /* GPA, or second */
};

static u64 pair(const struct vp *vp, u32 high, u32 low)
{
	return vp->regs.gpr[high] << 32 | (u32)vp->regs.gpr[low];
}

static void registers_read(const struct vp *vp, bool wide, struct registers *r)
{
	if (wide) {
		r->control = vp->regs.gpr[GPR_RCX];
		r->input = vp->regs.gpr[GPR_RDX];
		r->output = vp->regs.gpr[GPR_R8];
	} else {
		r->control = pair(vp, GPR_RDX, GPR_RAX);
		r->input = pair(vp, GPR_RBX, GPR_RCX);
		r->output = pair(vp, GPR_RDI, GPR_RSI);
	}
}

static void result_write(struct vp *vp, bool wide, u64 result)
{
	if (wide) {
		vp->regs.gpr[GPR_RAX] = result;
	} else {
		vp->regs.gpr[GPR_RAX] = (u32)result;
		vp->regs.gpr[GPR_RDX] = result >> 32;
	}
}

static u64 result_word(enum hv_status status, u32 reps)
{
	return (u64)status | (u64)reps << 32;
}

/* Elements one by one: decoded, committed, counted. */
static u64 call_rep(struct hypercall *call, const struct hypercall_row *row,
	const struct hypercall_control *c, const struct registers *r)
{
	u64 elements_in = r->input + row->input_size + c->header_size;
	u64 elements_out = r->output + row->output_size;
	u64 out;

	call->output = &out;
	for (u32 i = c->rep_start; i < c->rep_count; i++) {
		enum hv_status status;

		out = 0;
		call->rep_index = i;
		call->element_in = 0;
		if (!guest_read(call->vp, GPA(elements_in + i * row->rep_in), &call->element_in,
			    row->rep_in))
			return result_word(HV_STATUS_INVALID_PARAMETER, i);
		status = row->handle(call);
		if (status != HV_STATUS_SUCCESS)
			return result_word(status, i);
		if (!guest_write(
			    call->vp, GPA(elements_out + i * row->rep_out), &out, row->rep_out))
			return result_word(HV_STATUS_INVALID_PARAMETER, i);
	}
	return result_word(HV_STATUS_SUCCESS, c->rep_count);
}

/* Before anything is done: may the output be written at all? */
static bool output_writable(struct vp *vp, const struct hypercall_control *c, u64 output)
{
	spa_t spa;

	return c->output_size == 0 ||
	       partition_gpa_to_spa(vp->partition, GPA(output), SLAT_WRITE, &spa);
}

/* Apart, so that its buffers cost a fast call nothing. */
__attribute__((noinline)) static u64 call_memory(struct vp *vp, const struct hypercall_row *row,
	const struct hypercall_control *c, const struct registers *r)
{
	u64 input[INPUT_MAX / 8];
	u64 output[OUTPUT_MAX / 8] = { 0 };
	struct hypercall call = {
		.vp = vp,
		.input = input,
		.input_size = row->input_size + c->header_size,
		.output = output,
	};
	enum hv_status status = hypercall_blocks_check(c, r->input, r->output);

	if (status != HV_STATUS_SUCCESS)
		return result_word(status, 0);
	if (call.input_size > INPUT_MAX)
		return result_word(HV_STATUS_INVALID_HYPERCALL_INPUT, 0);
	if (!output_writable(vp, c, r->output) ||
		(call.input_size && !guest_read(vp, GPA(r->input), input, call.input_size)))
		return result_word(HV_STATUS_INVALID_PARAMETER, 0);
	if (c->rep)
		return call_rep(&call, row, c, r);
	status = row->handle(&call);
	if (status == HV_STATUS_SUCCESS && row->output_size &&
		!guest_write(vp, GPA(r->output), output, row->output_size))
		status = HV_STATUS_INVALID_PARAMETER;
	return result_word(status, 0);
}

static u64 call_fast(struct vp *vp, const struct hypercall_row *row,
	const struct hypercall_control *c, const struct registers *r)
{
	const u64 input[] = { r->input, r->output };
	struct hypercall call = { .vp = vp, .input = input, .input_size = c->input_size };

	return result_word(row->handle(&call), 0);
}

static u64 call(struct vp *vp, const struct registers *r)
{
	u16 code = HV_CONTROL_CODE(r->control);
	const struct hypercall_row *row = code < ARRAY_SIZE(table) ? &table[code] : NULL;
	struct hypercall_control c;
	enum hv_status status;

	if (!row || !row->handle)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (row->privileges & ~vp->partition->privileges)
		return HV_STATUS_ACCESS_DENIED;
	status = hypercall_control_decode(row, r->control, &c);
	if (status != HV_STATUS_SUCCESS)
		return status;
	return likely(c.fast) ? call_fast(vp, row, &c, r) : call_memory(vp, row, &c, r);
}

/* Real mode, user mode, or no hypercall page: there is no such instruction. */
static bool call_allowed(const struct vp *vp, const struct vp_mode *mode)
{
	return mode->cpl == 0 && mode->cr0 & CR0_PE &&
	       vp->partition->hypercall_msr & HV_MSR_HYPERCALL_ENABLE;
}

void hypercall_handle(struct vp *vp, const struct exit *exit)
{
	struct vp_mode mode;
	struct registers r;
	u64 result;
	u8 length;

	virt->mode(vp, &mode);
	if (!call_allowed(vp, &mode)) {
		vp_inject_ud(vp);
		return;
	}
	if (!vp_length(vp, exit, &length))
		return;
	registers_read(vp, mode.cs_long, &r);
	result = call(vp, &r);
	trace(TRACE_HYPERCALL, vp, r.control, result);
	result_write(vp, mode.cs_long, result);
	vp_advance(vp, length);
}
