/* SPDX-License-Identifier: MIT */
/*
 * Handlers of hypercalls. Each checks the copied input (decode), then does the
 * work, which cannot fail (commit). On the caller's processor. Errors are
 * those of the TLFS section named, and PARAMETER for reserved fields.
 */
#pragma once

#include "hypervisor/hypercall.h"
#include "hypervisor/partition.h"

struct vp;

/* hc_self.c. The first two always succeed. */
enum hv_status hc_notify_long_spin_wait(struct hypercall *call);
enum hv_status hc_get_partition_id(struct hypercall *call);
/* INVALID_PARTITION_ID; NOT_FOUND for an APIC id that no VP has. */
enum hv_status hc_get_vp_index_from_apic_id(struct hypercall *call);

/* hc_stats.c. INVALID_PARTITION_ID, INVALID_VP_INDEX, INSUFFICIENT_MEMORY. */
enum hv_status hc_map_stats_page(struct hypercall *call);
enum hv_status hc_unmap_stats_page(struct hypercall *call);

/* hc_interrupt.c. INVALID_PARTITION_ID and what irq.h says. */
enum hv_status hc_map_device_interrupt(struct hypercall *call);
enum hv_status hc_unmap_device_interrupt(struct hypercall *call);

/*
 * hc_start_vp.c. INVALID_PARTITION_ID, INVALID_VP_INDEX, INVALID_VP_STATE
 * unless it is stopped, INVALID_REGISTER_VALUE.
 */
enum hv_status hc_start_virtual_processor(struct hypercall *call);

/*
 * hc_vp.c; besides those of hc_child*(): INVALID_VP_INDEX, OBJECT_IN_USE,
 * INSUFFICIENT_MEMORY; NO_RESOURCES for a ninth CPUID leaf.
 */
enum hv_status hc_create_vp(struct hypercall *call);
enum hv_status hc_delete_vp(struct hypercall *call);
enum hv_status hc_install_intercept(struct hypercall *call);

/* hc_state_page.c; INVALID_VP_STATE unless the VP is at rest, and to unmap what is not mapped. */
enum hv_status hc_map_vp_state_page(struct hypercall *call);
enum hv_status hc_unmap_vp_state_page(struct hypercall *call);

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
/* Lets call->target go, if there is one. For the dispatcher. */
void hc_release(struct hypercall *call);
