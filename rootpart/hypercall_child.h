/* SPDX-License-Identifier: MIT */
/*
 * Typed stubs of the hypercalls that manage a child partition. Each returns 0
 * or the negative errno of the status; -ENOMEM: the child's deposit is short,
 * nothing of that element was changed. Any task.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "hv/interrupt.h"
#include "hv/memory.h"
#include "hv/partition.h"
#include "hv/vp.h"

/* With @flags HV_CREATE_*; the page that it needs comes from the root's own deposit. */
[[nodiscard]] int hypercall_create_partition(
	u64 flags, const struct hv_creation_properties *disabled, u64 *id);
[[nodiscard]] int hypercall_initialize_partition(u64 id);
[[nodiscard]] int hypercall_finalize_partition(u64 id);
[[nodiscard]] int hypercall_delete_partition(u64 id);
/* First child: @previous 0; -ENOENT behind the last. */
[[nodiscard]] int hypercall_next_child(u64 previous, u64 *id);
[[nodiscard]] int hypercall_get_property(u64 id, u32 code, u64 *value);
[[nodiscard]] int hypercall_set_property(u64 id, u32 code, u64 value);
/* Processors, bit per index, that VP @vp may run on. */
[[nodiscard]] int hypercall_set_affinity(u64 id, u32 vp, u64 processors);

/* @count GPFNs of pages of ours; *@done of them were taken. At most HV_DEPOSIT_MAX. */
[[nodiscard]] int hypercall_deposit(u64 id, const u64 *gpfns, u32 count, u32 *done);
/* Up to @count, at most HV_WITHDRAW_MAX, pages come back: *@done GPFNs; -ENOSPC: no more. */
[[nodiscard]] int hypercall_withdraw(u64 id, u64 *gpfns, u32 count, u32 *done);
[[nodiscard]] int hypercall_memory_balance(u64 id, struct hv_memory_balance_output *balance);

/*
 * Maps @count pages (2 MiB ones with HV_MAP_LARGE) that follow each other from
 * @gpa on to ours from @source on. *@done are mapped.
 */
[[nodiscard]] int hypercall_map_gpa(
	u64 id, gpa_t gpa, gpa_t source, u32 count, u32 flags, u32 *done);
[[nodiscard]] int hypercall_unmap_gpa(u64 id, gpa_t gpa, u32 count, u32 flags, u32 *done);

[[nodiscard]] int hypercall_create_vp(u64 id, u32 vp);
[[nodiscard]] int hypercall_get_registers(
	u64 id, u32 vp, const u32 *names, union hv_register_value *values, u32 count);
[[nodiscard]] int hypercall_set_registers(
	u64 id, u32 vp, const struct hv_register_assoc *registers, u32 count);
/* One of them, 64 bits. */
[[nodiscard]] int hypercall_set_register(u64 id, u32 vp, u32 name, u64 value);
[[nodiscard]] int hypercall_get_register(u64 id, u32 vp, u32 name, u64 *value);
/*
 * An interrupt to the child's local APICs, as from an IOAPIC or MSI; @control
 * has its type and HV_ASSERT_*. The EOI of a level comes as HV_MESSAGE_APIC_EOI.
 */
[[nodiscard]] int hypercall_assert_interrupt(u64 id, u64 control, u64 destination, u32 vector);
[[nodiscard]] int hypercall_map_state_page(u64 id, u32 vp, enum hv_vp_state_page type, gpa_t *gpa);
[[nodiscard]] int hypercall_unmap_state_page(u64 id, u32 vp, enum hv_vp_state_page type);
[[nodiscard]] int hypercall_translate(
	u64 id, u32 vp, u64 gva, u64 flags, struct hv_translate_output *out);
