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
#include "hv/interrupt.h"
#include "hv/memory.h"
#include "hv/msr.h"
#include "hv/port.h"
#include "hv/vp.h"
#include "hv/vp_state.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/guest.h"
#include "hypervisor/hc.h"
#include "hypervisor/hypercall_control.h"
#include "hypervisor/partition.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/xsave.h"

#define CALL_PRIVILEGE(bit) ((bit) << 32)
#define YIELD_NS            50000u
/* No result: the call is not over, and is made again from element rep_index on. */
#define RESULT_RESUME (~0ull)

/* By code. */
static const struct hypercall_row table[] = {
	[HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE] = { "FlushVirtualAddressSpace",
		.input_size = sizeof(struct hv_flush_input), .handle = hc_flush_space },
	[HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST] = { "FlushVirtualAddressList",
		.input_size = sizeof(struct hv_flush_input), .rep_in = 8, .handle = hc_flush_list },
	[HV_CALL_NOTIFY_LONG_SPIN_WAIT] = { "NotifyLongSpinWait", .input_size = 8, .fast = true,
		.handle = hc_notify_long_spin_wait },
	[HV_CALL_SEND_CLUSTER_IPI] = { "SendSyntheticClusterIpi",
		.input_size = sizeof(struct hv_cluster_ipi_input), .fast = true,
		.handle = hc_send_cluster_ipi },
	[HV_CALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX] = { "FlushVirtualAddressSpaceEx",
		.input_size = sizeof(struct hv_flush_ex_input), .variable = true,
		.handle = hc_flush_space_ex },
	[HV_CALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX] = { "FlushVirtualAddressListEx",
		.input_size = sizeof(struct hv_flush_ex_input), .rep_in = 8, .variable = true,
		.handle = hc_flush_list_ex },
	[HV_CALL_SEND_CLUSTER_IPI_EX] = { "SendSyntheticClusterIpiEx",
		.input_size = sizeof(struct hv_cluster_ipi_ex_input), .variable = true,
		.handle = hc_send_cluster_ipi_ex },
	[HV_CALL_CREATE_PARTITION] = { "CreatePartition",
		.input_size = sizeof(struct hv_create_partition_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS), .handle = hc_create_partition },
	[HV_CALL_INITIALIZE_PARTITION] = { "InitializePartition",
		.input_size = sizeof(struct hv_partition_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_initialize_partition },
	[HV_CALL_FINALIZE_PARTITION] = { "FinalizePartition",
		.input_size = sizeof(struct hv_partition_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_finalize_partition },
	[HV_CALL_DELETE_PARTITION] = { "DeletePartition",
		.input_size = sizeof(struct hv_partition_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS), .handle = hc_delete_partition },
	[HV_CALL_GET_PARTITION_PROPERTY] = { "GetPartitionProperty",
		.input_size = sizeof(struct hv_get_property_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_get_partition_property },
	[HV_CALL_SET_PARTITION_PROPERTY] = { "SetPartitionProperty",
		.input_size = sizeof(struct hv_set_property_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_set_partition_property },
	[HV_CALL_GET_PARTITION_ID] = { "GetPartitionId", .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_PARTITION_ID),
		.handle = hc_get_partition_id },
	[HV_CALL_GET_NEXT_CHILD_PARTITION] = { "GetNextChildPartition",
		.input_size = sizeof(struct hv_next_child_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_get_next_child_partition },
	[HV_CALL_DEPOSIT_MEMORY] = { "DepositMemory",
		.input_size = sizeof(struct hv_partition_input), .rep_in = 8,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_MEMORY_POOL), .handle = hc_deposit_memory,
		.finish = hc_deposit_memory_finish },
	[HV_CALL_WITHDRAW_MEMORY] = { "WithdrawMemory",
		.input_size = sizeof(struct hv_withdraw_memory_input), .rep_out = 8,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_MEMORY_POOL), .handle = hc_withdraw_memory,
		.finish = hc_withdraw_memory_finish },
	[HV_CALL_GET_MEMORY_BALANCE] = { "GetMemoryBalance",
		.input_size = sizeof(struct hv_memory_balance_input),
		.output_size = sizeof(struct hv_memory_balance_output),
		.privileges = CALL_PRIVILEGE(HV_ACCESS_MEMORY_POOL),
		.handle = hc_get_memory_balance },
	[HV_CALL_MAP_GPA_PAGES] = { "MapGpaPages", .input_size = sizeof(struct hv_map_gpa_input),
		.rep_in = 8, .handle = hc_map_gpa_pages, .finish = hc_map_finish },
	[HV_CALL_UNMAP_GPA_PAGES] = { "UnmapGpaPages",
		.input_size = sizeof(struct hv_unmap_gpa_input), .rep = true,
		.handle = hc_unmap_gpa_pages, .finish = hc_map_finish },
	[HV_CALL_MAP_SPARSE_GPA_PAGES] = { "MapSparseGpaPages",
		.input_size = sizeof(struct hv_map_sparse_input),
		.rep_in = sizeof(struct hv_sparse_gpa), .handle = hc_map_sparse_gpa_pages,
		.finish = hc_map_finish },
	[HV_CALL_INSTALL_INTERCEPT] = { "InstallIntercept",
		.input_size = sizeof(struct hv_install_intercept_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_install_intercept },
	[HV_CALL_CREATE_VP] = { "CreateVp", .input_size = sizeof(struct hv_create_vp_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS), .handle = hc_create_vp },
	[HV_CALL_DELETE_VP] = { "DeleteVp", .input_size = sizeof(struct hv_delete_vp_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS), .handle = hc_delete_vp },
	[HV_CALL_GET_VP_REGISTERS] = { "GetVpRegisters",
		.input_size = sizeof(struct hv_vp_registers_input), .rep_in = 4, .rep_out = 16,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_VP_REGISTERS),
		.handle = hc_get_vp_registers },
	[HV_CALL_SET_VP_REGISTERS] = { "SetVpRegisters",
		.input_size = sizeof(struct hv_vp_registers_input),
		.rep_in = sizeof(struct hv_register_assoc),
		.privileges = CALL_PRIVILEGE(HV_ACCESS_VP_REGISTERS),
		.handle = hc_set_vp_registers },
	[HV_CALL_TRANSLATE_VIRTUAL_ADDRESS] = { "TranslateVirtualAddress",
		.input_size = sizeof(struct hv_translate_input),
		.output_size = sizeof(struct hv_translate_output),
		.handle = hc_translate_virtual_address },
	[HV_CALL_READ_GPA] = { "ReadGpa", .input_size = sizeof(struct hv_read_gpa_input),
		.output_size = sizeof(struct hv_read_gpa_output), .handle = hc_read_gpa },
	[HV_CALL_WRITE_GPA] = { "WriteGpa", .input_size = sizeof(struct hv_write_gpa_input),
		.output_size = 8, .handle = hc_write_gpa },
	[HV_CALL_CLEAR_VIRTUAL_INTERRUPT] = { "ClearVirtualInterrupt",
		.input_size = sizeof(struct hv_partition_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_clear_virtual_interrupt },
	[HV_CALL_DELETE_PORT] = { "DeletePort", .input_size = sizeof(struct hv_delete_port_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PORT), .handle = hc_delete_port },
	[HV_CALL_DISCONNECT_PORT] = { "DisconnectPort",
		.input_size = sizeof(struct hv_disconnect_port_input),
		.privileges = CALL_PRIVILEGE(HV_CONNECT_PORT), .handle = hc_disconnect_port },
	[HV_CALL_POST_MESSAGE] = { "PostMessage",
		.input_size = sizeof(struct hv_post_message_input),
		.privileges = CALL_PRIVILEGE(HV_POST_MESSAGES), .handle = hc_post_message },
	[HV_CALL_SIGNAL_EVENT] = { "SignalEvent",
		.input_size = sizeof(struct hv_signal_event_input), .fast = true,
		.privileges = CALL_PRIVILEGE(HV_SIGNAL_EVENTS), .handle = hc_signal_event },
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
	[HV_CALL_ASSERT_VIRTUAL_INTERRUPT] = { "AssertVirtualInterrupt",
		.input_size = sizeof(struct hv_assert_interrupt_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_assert_virtual_interrupt },
	[HV_CALL_CREATE_PORT] = { "CreatePort", .input_size = sizeof(struct hv_create_port_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PORT), .handle = hc_create_port },
	[HV_CALL_CONNECT_PORT] = { "ConnectPort",
		.input_size = sizeof(struct hv_connect_port_input),
		.privileges = CALL_PRIVILEGE(HV_CONNECT_PORT), .handle = hc_connect_port },
	[HV_CALL_START_VIRTUAL_PROCESSOR] = { "StartVirtualProcessor",
		.input_size = sizeof(struct hv_start_vp_input),
		.privileges = CALL_PRIVILEGE(HV_START_VIRTUAL_PROCESSOR),
		.handle = hc_start_virtual_processor },
	[HV_CALL_GET_VP_INDEX_FROM_APIC_ID] = { "GetVpIndexFromApicId",
		.input_size = sizeof(struct hv_vp_index_from_apic_id_input), .rep_in = 4,
		.rep_out = 4, .handle = hc_get_vp_index_from_apic_id },
	[HV_CALL_SIGNAL_EVENT_DIRECT] = { "SignalEventDirect",
		.input_size = sizeof(struct hv_signal_event_direct_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_SIGNAL_EVENTS), .handle = hc_signal_event_direct },
	[HV_CALL_POST_MESSAGE_DIRECT] = { "PostMessageDirect",
		.input_size = sizeof(struct hv_post_message_direct_input),
		.privileges = CALL_PRIVILEGE(HV_POST_MESSAGES), .handle = hc_post_message_direct },
	[HV_CALL_GET_GPA_PAGES_ACCESS_STATE] = { "GetGpaPagesAccessState",
		.input_size = sizeof(struct hv_access_state_input), .rep_out = 1,
		.handle = hc_get_gpa_pages_access_state, .finish = hc_map_finish },
	[HV_CALL_MAP_VP_STATE_PAGE] = { "MapVpStatePage",
		.input_size = sizeof(struct hv_map_state_page_input), .output_size = 8,
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_map_vp_state_page },
	[HV_CALL_UNMAP_VP_STATE_PAGE] = { "UnmapVpStatePage",
		.input_size = sizeof(struct hv_unmap_state_page_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_unmap_vp_state_page },
	[HV_CALL_GET_VP_STATE] = { "GetVpState", .input_size = sizeof(struct hv_vp_state_input),
		.output_size = sizeof(union hv_vp_state_block), .variable = true,
		.privileges = CALL_PRIVILEGE(HV_ACCESS_VP_REGISTERS), .handle = hc_get_vp_state },
	[HV_CALL_SET_VP_STATE] = { "SetVpState", .input_size = sizeof(struct hv_vp_state_input),
		.variable = true, .privileges = CALL_PRIVILEGE(HV_ACCESS_VP_REGISTERS),
		.handle = hc_set_vp_state },
	[HV_CALL_RESTORE_PARTITION_TIME] = { "RestorePartitionTime",
		.input_size = sizeof(struct hv_restore_time_input),
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_restore_partition_time },
	[HV_CALL_SET_PARTITION_PROPERTY_EX] = { "SetPartitionPropertyEx",
		.input_size = sizeof(struct hv_set_property_ex_input), .variable = true,
		.privileges = CALL_PRIVILEGE(HV_CREATE_PARTITIONS),
		.handle = hc_set_partition_property_ex },
};

static_assert(sizeof(struct hv_start_vp_input) <= HYPERCALL_INPUT_MAX);
static_assert(HYPERCALL_FAST_MAX <= HYPERCALL_INPUT_MAX);
static_assert(sizeof(struct hv_register_assoc) == HYPERCALL_ELEMENT_IN * sizeof(u64));
static_assert(sizeof(union hv_register_value) == HYPERCALL_ELEMENT_OUT * sizeof(u64));
static_assert(sizeof(struct hv_map_device_interrupt_output) <= HYPERCALL_OUTPUT_MAX);
static_assert(sizeof(union hv_vp_state_block) <= HYPERCALL_OUTPUT_MAX);

static u64 pair(const struct vp *vp, u32 high, u32 low)
{
	return vp->regs.gpr[high] << 32 | (u32)vp->regs.gpr[low];
}

static void registers_read(const struct vp *vp, bool wide, struct hypercall *call)
{
	if (likely(wide)) {
		call->control = vp->regs.gpr[GPR_RCX];
		call->input_gpa = vp->regs.gpr[GPR_RDX];
		call->output_gpa = vp->regs.gpr[GPR_R8];
	} else {
		call->control = pair(vp, GPR_RDX, GPR_RAX);
		call->input_gpa = pair(vp, GPR_RBX, GPR_RCX);
		call->output_gpa = pair(vp, GPR_RDI, GPR_RSI);
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

/* RIP stays at the call; one that repeats begins at another element the next time. */
static void control_write(struct vp *vp, bool wide, const struct hypercall *call)
{
	u64 control =
		(call->control & ~HV_CONTROL_REPS(0, 0xfff)) | HV_CONTROL_REPS(0, call->rep_index);

	if (!HV_CONTROL_REP_COUNT(control))
		return;
	if (wide)
		vp->regs.gpr[GPR_RCX] = control;
	else
		vp->regs.gpr[GPR_RDX] = control >> 32;
}

static u64 result_word(enum hv_status status, u32 reps)
{
	return (u64)status | (u64)reps << 32;
}

/* The input of element @i: from the copy, where the whole input fitted, else from memory. */
static bool element_read(struct hypercall *call, const struct hypercall_row *row,
	const struct hypercall_control *c, u32 i)
{
	u32 offset = row->input_size + c->header_size + i * row->rep_in;

	if (c->input_size > HYPERCALL_INPUT_MAX)
		return guest_read(
			call->vp, GPA(call->input_gpa + offset), call->element_in, row->rep_in);
	memcpy(call->element_in, (const u8 *)call->input_block + offset, row->rep_in);
	return true;
}

/* One element, from and to memory. */
static enum hv_status call_element(struct hypercall *call, const struct hypercall_row *row,
	const struct hypercall_control *c, u32 i)
{
	u64 out = call->output_gpa + row->output_size + i * row->rep_out;
	enum hv_status status;

	if (row->rep_in && !element_read(call, row, c, i))
		return HV_STATUS_INVALID_PARAMETER;
	call->output_block[0] = call->output_block[1] = 0;
	status = row->handle(call);
	if (status == HV_STATUS_SUCCESS && row->rep_out &&
		!guest_write(call->vp, GPA(out), call->output_block, row->rep_out))
		status = HV_STATUS_INVALID_PARAMETER;
	return status;
}

/*
 * Elements one by one: decoded, committed, counted. After 50 us the rest waits:
 * the guest makes the same call again, with the element to begin at.
 */
static u64 call_rep(
	struct hypercall *call, const struct hypercall_row *row, const struct hypercall_control *c)
{
	u64 end = rdtsc() + clock_ns_to_tsc(YIELD_NS);
	enum hv_status status = HV_STATUS_SUCCESS;
	u32 i = c->rep_start;

	call->rep_first = i;
	call->flush = false;
	call->moving = (struct frame_list){ 0 };
	do {
		call->rep_index = i;
		status = call_element(call, row, c, i);
		if (status != HV_STATUS_SUCCESS)
			break;
		i++;
	} while (i < c->rep_count && rdtsc() < end);
	call->rep_index = i;
	if (row->finish && i > call->rep_first)
		row->finish(call);
	return status == HV_STATUS_SUCCESS && i < c->rep_count ? RESULT_RESUME
							       : result_word(status, i);
}

/* Before anything is done: may the output be written at all? */
static bool output_writable(const struct hypercall *call, const struct hypercall_control *c)
{
	spa_t spa;

	return c->output_size == 0 ||
	       partition_gpa_to_spa(call->vp->partition, GPA(call->output_gpa), SLAT_WRITE, &spa);
}

/* The input to our copy. A list that is too long for it is read element by element. */
static enum hv_status memory_read(
	struct hypercall *call, const struct hypercall_row *row, const struct hypercall_control *c)
{
	enum hv_status status = hypercall_blocks_check(c, call->input_gpa, call->output_gpa);
	u32 copied = c->input_size;

	if (status != HV_STATUS_SUCCESS)
		return status;
	if (copied > HYPERCALL_INPUT_MAX)
		copied = row->input_size + c->header_size;
	if (copied > HYPERCALL_INPUT_MAX)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (!output_writable(call, c) ||
		(copied && !guest_read(call->vp, GPA(call->input_gpa), call->input_block, copied)))
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

/*
 * The same of a fast call. XMM registers hold the guest's values throughout an
 * exit, since we use none.
 */
static enum hv_status registers_copy(struct hypercall *call, const struct hypercall_control *c)
{
	memcpy(call->input_block, call->fast, sizeof(call->fast));
	if (c->input_size > sizeof(call->fast))
		xmm_read(call->input_block + ARRAY_SIZE(call->fast));
	return HV_STATUS_SUCCESS;
}

static u64 call_copied(
	struct hypercall *call, const struct hypercall_row *row, const struct hypercall_control *c)
{
	enum hv_status status;

	call->input = call->input_block;
	call->input_size = row->input_size + c->header_size;
	call->output = call->output_block;
	memset(call->output_block, 0, row->output_size);
	if (c->rep)
		return call_rep(call, row, c);
	status = row->handle(call);
	if (status == HV_STATUS_SUCCESS && row->output_size &&
		!guest_write(call->vp, GPA(call->output_gpa), call->output_block, row->output_size))
		status = HV_STATUS_INVALID_PARAMETER;
	return result_word(status, 0);
}

static u64 call_fast(struct hypercall *call, const struct hypercall_row *row)
{
	call->input = call->fast;
	call->input_size = row->input_size;
	call->output = NULL;
	return result_word(row->handle(call), 0);
}

/* Everything but the plain fast call: repetition, headers, memory. Apart, for its stack. */
__attribute__((noinline)) static u64 call_general(
	struct hypercall *call, const struct hypercall_row *row)
{
	struct hypercall_control c;
	enum hv_status status = hypercall_control_decode(row, call->control, &c);
	u64 result;

	if (status == HV_STATUS_SUCCESS)
		status = c.fast ? registers_copy(call, &c) : memory_read(call, row, &c);
	result = status == HV_STATUS_SUCCESS ? call_copied(call, row, &c) : result_word(status, 0);
	if (result == HYPERCALL_AGAIN)
		result = RESULT_RESUME;
	hc_release(call);
	trace(TRACE_HYPERCALL, call->vp, call->control, result);
	return result;
}

static u64 dispatch(struct hypercall *call)
{
	u16 code = HV_CONTROL_CODE(call->control);
	const struct hypercall_row *row = &table[code < ARRAY_SIZE(table) ? code : 0];

	/* Code 0 has no row. */
	if (!row->handle)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (row->privileges & ~call->vp->partition->privileges)
		return HV_STATUS_ACCESS_DENIED;
	/* A control word of nothing but code and "fast" has nothing to decode. */
	if (likely(call->control == (code | HV_CONTROL_FAST) && row->fast))
		return call_fast(call, row);
	return call_general(call, row);
}

__attribute__((noinline)) static bool in_kernel(struct vp *vp)
{
	struct vp_mode mode;

	virt->mode(vp, &mode);
	return mode.cpl == 0 && mode.cr0 & CR0_PE;
}

/* Real mode, user mode, or no hypercall page: there is no such instruction. */
static bool call_allowed(struct vp *vp, bool wide)
{
	return vp->partition->hypercall_msr & HV_MSR_HYPERCALL_ENABLE &&
	       (likely(wide) || in_kernel(vp));
}

/* As if the call had not been made yet; a stepping debugger's trap comes when it is over. */
__attribute__((noinline)) static void make_again(
	struct vp *vp, bool wide, const struct hypercall *call, u64 rip)
{
	control_write(vp, wide, call);
	vp->regs.rip = rip;
	vp->event.valid = false;
}

void hypercall_handle(struct vp *vp, const struct exit *exit)
{
	struct hypercall *call = &vp->call;
	bool wide = virt->in_kernel64(vp);
	u64 rip = vp->regs.rip;
	u64 result;

	if (unlikely(!call_allowed(vp, wide))) {
		vp_inject_ud(vp);
		return;
	}
	if (!vp_skip(vp, exit))
		return;
	call->vp = vp;
	registers_read(vp, wide, call);
	result = dispatch(call);
	if (likely(result != RESULT_RESUME))
		result_write(vp, wide, result);
	else
		make_again(vp, wide, call, rip);
}
