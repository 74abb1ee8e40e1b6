/* SPDX-License-Identifier: MIT */
/*
 * The handlers of fake_hc.h.
 */
#include "fake_hc.h"

#include <stddef.h>

const char *fake_hc_called, *fake_hc_finished;
u32 fake_hc_calls, fake_hc_finishes;
u32 fake_hc_input_size, fake_hc_first, fake_hc_end;
u64 fake_hc_input, fake_hc_element;
enum hv_status fake_hc_status;

void fake_hc_reset(void)
{
	fake_hc_called = fake_hc_finished = NULL;
	fake_hc_calls = fake_hc_finishes = 0;
	fake_hc_input_size = fake_hc_first = fake_hc_end = 0;
	fake_hc_input = fake_hc_element = 0;
	fake_hc_status = HV_STATUS_SUCCESS;
}

static enum hv_status called(const struct hypercall *call, const char *name)
{
	fake_hc_called = name;
	fake_hc_calls++;
	fake_hc_input_size = call->input_size;
	fake_hc_input = call->input_size ? *(const u64 *)call->input : 0;
	fake_hc_element = call->element_in[0];
	return fake_hc_status;
}

static void finished(const struct hypercall *call, const char *name)
{
	fake_hc_finished = name;
	fake_hc_finishes++;
	fake_hc_first = call->rep_first;
	fake_hc_end = call->rep_index;
}

#define HANDLER(name)                                    \
	enum hv_status hc_##name(struct hypercall *call) \
	{                                                \
		return called(call, #name);              \
	}
#define FINISH(name)                           \
	void hc_##name(struct hypercall *call) \
	{                                      \
		finished(call, #name);         \
	}

HANDLER(flush_space)
HANDLER(flush_list)
HANDLER(flush_space_ex)
HANDLER(flush_list_ex)
HANDLER(send_cluster_ipi)
HANDLER(send_cluster_ipi_ex)
HANDLER(create_partition)
HANDLER(initialize_partition)
HANDLER(finalize_partition)
HANDLER(delete_partition)
HANDLER(get_partition_property)
HANDLER(set_partition_property)
HANDLER(set_partition_property_ex)
HANDLER(restore_partition_time)
HANDLER(get_next_child_partition)
HANDLER(deposit_memory)
FINISH(deposit_memory_finish)
HANDLER(withdraw_memory)
FINISH(withdraw_memory_finish)
HANDLER(get_memory_balance)
HANDLER(map_gpa_pages)
HANDLER(map_sparse_gpa_pages)
HANDLER(unmap_gpa_pages)
FINISH(map_finish)
HANDLER(get_gpa_pages_access_state)
HANDLER(install_intercept)
HANDLER(create_vp)
HANDLER(delete_vp)
HANDLER(get_vp_registers)
HANDLER(set_vp_registers)
HANDLER(translate_virtual_address)
HANDLER(read_gpa)
HANDLER(write_gpa)
HANDLER(create_port)
HANDLER(delete_port)
HANDLER(connect_port)
HANDLER(disconnect_port)
HANDLER(post_message)
HANDLER(signal_event)
HANDLER(signal_event_direct)
HANDLER(post_message_direct)
HANDLER(clear_virtual_interrupt)
HANDLER(assert_virtual_interrupt)
HANDLER(map_stats_page)
HANDLER(unmap_stats_page)
HANDLER(start_virtual_processor)
HANDLER(map_vp_state_page)
HANDLER(unmap_vp_state_page)
HANDLER(get_vp_state)
HANDLER(set_vp_state)
