/* SPDX-License-Identifier: MIT */
/*
 * Handlers of hypercalls. Each checks the copied input (decode), then does the
 * work, which cannot fail (commit). On the caller's processor. Errors are
 * those of the TLFS section named, and PARAMETER for reserved fields.
 */
#pragma once

#include "hypervisor/hypercall.h"
#include "hypervisor/partition.h"
#include "lib/string.h"

struct vp;

/* hc_self.c. The first two always succeed. */
enum hv_status hc_notify_long_spin_wait(struct hypercall *call);
enum hv_status hc_get_partition_id(struct hypercall *call);
/* INVALID_PARTITION_ID; NOT_FOUND for an APIC id that no VP has. */
enum hv_status hc_get_vp_index_from_apic_id(struct hypercall *call);

/*
 * hc_flush.c and hc_ipi.c, of the caller's partition. VPs of a set that do not
 * exist are left out. INVALID_PARAMETER: flags, vectors, sets that cannot be.
 */
enum hv_status hc_flush_space(struct hypercall *call);
enum hv_status hc_flush_list(struct hypercall *call);
enum hv_status hc_flush_space_ex(struct hypercall *call);
enum hv_status hc_flush_list_ex(struct hypercall *call);
enum hv_status hc_send_cluster_ipi(struct hypercall *call);
enum hv_status hc_send_cluster_ipi_ex(struct hypercall *call);

/* hc_stats.c. INVALID_PARTITION_ID, INVALID_VP_INDEX, INSUFFICIENT_MEMORY. */
enum hv_status hc_map_stats_page(struct hypercall *call);
enum hv_status hc_unmap_stats_page(struct hypercall *call);

/*
 * hc_partition.c. INVALID_PARTITION_ID, ACCESS_DENIED (not the caller's child),
 * INVALID_PARTITION_STATE.
 */
/* INSUFFICIENT_MEMORY: a page of the caller's own deposit; NO_RESOURCES: ids. */
enum hv_status hc_create_partition(struct hypercall *call);
/* INSUFFICIENT_MEMORY. */
enum hv_status hc_initialize_partition(struct hypercall *call);
enum hv_status hc_finalize_partition(struct hypercall *call);
/* OBJECT_IN_USE: memory is still deposited. */
enum hv_status hc_delete_partition(struct hypercall *call);
enum hv_status hc_get_next_child_partition(struct hypercall *call);

/*
 * hc_property.c. UNKNOWN_PROPERTY; OPERATION_DENIED: it cannot be set;
 * PROPERTY_VALUE_OUT_OF_RANGE; INVALID_PARTITION_STATE: not in this state;
 * and for what a value needs: INSUFFICIENT_MEMORY, INVALID_VP_INDEX.
 */
enum hv_status hc_get_partition_property(struct hypercall *call);
enum hv_status hc_set_partition_property(struct hypercall *call);
enum hv_status hc_set_partition_property_ex(struct hypercall *call);

/*
 * hc_time.c. Those of hc_child_in(); INVALID_PARTITION_STATE also while the
 * child's time is not frozen.
 */
enum hv_status hc_restore_partition_time(struct hypercall *call);

/* hc_access.c. INVALID_PARTITION_STATE: writes are not logged. */
enum hv_status hc_get_gpa_pages_access_state(struct hypercall *call);

/*
 * hc_deposit.c; a child of the caller, or the caller itself. Deposit:
 * INVALID_PARAMETER, OBJECT_IN_USE as frame_claim_deposit() says,
 * INVALID_PARTITION_STATE after Finalize. Withdraw: NO_RESOURCES, no page is free.
 */
enum hv_status hc_deposit_memory(struct hypercall *call);
void hc_deposit_memory_finish(struct hypercall *call);
enum hv_status hc_withdraw_memory(struct hypercall *call);
void hc_withdraw_memory_finish(struct hypercall *call);
enum hv_status hc_get_memory_balance(struct hypercall *call);

/*
 * hc_map.c. INVALID_PARAMETER: flags, alignment, GPAs that the child does not
 * have or that are its APICs', sources that are not RAM of the caller;
 * OBJECT_IN_USE: the source is mapped elsewhere, or something else is mapped
 * at the target; INSUFFICIENT_MEMORY: the child's deposit is short of tables.
 */
enum hv_status hc_map_gpa_pages(struct hypercall *call);
enum hv_status hc_map_sparse_gpa_pages(struct hypercall *call);
enum hv_status hc_unmap_gpa_pages(struct hypercall *call);
void hc_map_finish(struct hypercall *call);

/* hc_interrupt.c. INVALID_PARTITION_ID and what irq.h says. */
enum hv_status hc_map_device_interrupt(struct hypercall *call);
enum hv_status hc_unmap_device_interrupt(struct hypercall *call);

/*
 * hc_registers.c, per element; besides those of hc_child_vp_stopped(), or of
 * hc_child_vp() for what a running VP has: UNKNOWN_REGISTER_NAME;
 * INVALID_REGISTER_VALUE; ACCESS_DENIED: the register is only to be read, or a
 * VP may not reach it, or another VP, of its own partition.
 */
enum hv_status hc_get_vp_registers(struct hypercall *call);
enum hv_status hc_set_vp_registers(struct hypercall *call);

/*
 * hc_gpa.c; a child's memory. What the access met is in the output's result.
 * Translation needs the VP at rest. INVALID_PARAMETER: flags, sizes.
 */
enum hv_status hc_translate_virtual_address(struct hypercall *call);
enum hv_status hc_read_gpa(struct hypercall *call);
enum hv_status hc_write_gpa(struct hypercall *call);

/*
 * hc_start_vp.c; a VP of the caller's own partition, or of its child.
 * INVALID_PARTITION_ID, INVALID_VP_INDEX, INVALID_VP_STATE unless it waits to
 * be started, INVALID_REGISTER_VALUE.
 */
enum hv_status hc_start_virtual_processor(struct hypercall *call);

/*
 * hc_vp.c; besides those of hc_child*(): INVALID_VP_INDEX, OBJECT_IN_USE,
 * INSUFFICIENT_MEMORY; NO_RESOURCES for a ninth CPUID leaf.
 */
enum hv_status hc_create_vp(struct hypercall *call);
enum hv_status hc_delete_vp(struct hypercall *call);
enum hv_status hc_install_intercept(struct hypercall *call);

/*
 * hc_port.c. Of ports and connections, of the caller or of an active child:
 * those of port.h; INVALID_PORT_ID or INVALID_CONNECTION_ID for one that cannot
 * be, INVALID_VP_INDEX, FEATURE_UNAVAILABLE for monitors and doorbells;
 * INVALID_PARTITION_ID, ACCESS_DENIED of the other end.
 */
enum hv_status hc_create_port(struct hypercall *call);
enum hv_status hc_delete_port(struct hypercall *call);
enum hv_status hc_connect_port(struct hypercall *call);
enum hv_status hc_disconnect_port(struct hypercall *call);
/* As port_post() and port_signal(). */
enum hv_status hc_post_message(struct hypercall *call);
enum hv_status hc_signal_event(struct hypercall *call);
/* Those of hc_child_vp(), synic_signal(), synic_post_now(). */
enum hv_status hc_signal_event_direct(struct hypercall *call);
enum hv_status hc_post_message_direct(struct hypercall *call);

/*
 * hc_assert.c; besides those of hc_child_in(): INVALID_PARAMETER for reserved
 * fields, an unknown type, an illegal vector.
 */
enum hv_status hc_assert_virtual_interrupt(struct hypercall *call);
enum hv_status hc_clear_virtual_interrupt(struct hypercall *call);

/* hc_state_page.c; INVALID_VP_STATE unless the VP is at rest, and to unmap what is not mapped. */
enum hv_status hc_map_vp_state_page(struct hypercall *call);
enum hv_status hc_unmap_vp_state_page(struct hypercall *call);

/*
 * hc_vp_state.c; besides those of hc_child_vp_stopped(): INVALID_PARAMETER: reserved
 * fields, an unknown type, a number of pages or bytes that is not the type's, a
 * page that is not RAM of the caller; INSUFFICIENT_MEMORY: of a page of the child's
 * deposit, given back at the end; INSUFFICIENT_BUFFERS: more messages wait than
 * there is room for; OPERATION_DENIED: it is only to be read; and those
 * of fpu_state_set(), vlapic_state_set(), stimer_state_set().
 */
enum hv_status hc_get_vp_state(struct hypercall *call);
enum hv_status hc_set_vp_state(struct hypercall *call);

/*
 * The variable header, what the caller gave behind the fixed input of @fixed
 * bytes, and how many words that is.
 */
static inline const u64 *hc_variable_header(const struct hypercall *call, size_t fixed, u32 *count)
{
	*count = (u32)((call->input_size - fixed) / sizeof(u64));
	return (const u64 *)((const u8 *)call->input + fixed);
}

/* Whether a reserved array is as it has to be. */
#define HC_IS_ZERO(array) mem_is_zero(array, sizeof(array))

/* hc_target.c */

/* Whether @id names the caller's own partition. */
bool hc_is_own_partition(const struct hypercall *call, u64 id);
/*
 * Makes the caller's child @id call->target, managed by this call alone until
 * its end; again at once for later elements. INVALID_PARTITION_ID: there is
 * no such partition; ACCESS_DENIED: it is not the caller's child.
 */
enum hv_status hc_child(struct hypercall *call, u64 id);
/* The same, and the child must be in @state, else INVALID_PARTITION_STATE. */
enum hv_status hc_child_in(struct hypercall *call, u64 id, enum partition_state state);
/* And its VP @index: INVALID_VP_INDEX. The child must be active. */
enum hv_status hc_child_vp(struct hypercall *call, u64 id, u32 index, struct vp **vp);
/* The same, and its registers must be at rest, else INVALID_VP_STATE; waits for
 * a processor that is just leaving it. */
enum hv_status hc_child_vp_stopped(struct hypercall *call, u64 id, u32 index, struct vp **vp);
/* The caller itself, or its child as above, to own a deposit. */
enum hv_status hc_owner(struct hypercall *call, u64 id, struct partition **p);
/* Lets call->target go, if there is one. For the dispatcher. */
void hc_release(struct hypercall *call);
