/* SPDX-License-Identifier: MIT */
/*
 * Handlers of hypercalls. Each checks the copied input (decode), then does the
 * work, which cannot fail (commit). On the caller's processor. Errors are
 * those of the TLFS section named, and PARAMETER for reserved fields.
 */
#pragma once

#include "hypervisor/hypercall.h"

struct partition;

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

/* Whether @id names the caller's own partition: the only one there is. */
bool hc_is_own_partition(const struct hypercall *call, u64 id);
