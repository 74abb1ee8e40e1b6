/* SPDX-License-Identifier: MIT */
/*
 * Child partitions for the guest test kernels: a stub for each of the root's
 * calls, and short cuts that assert success. A stub gives the whole result
 * word; for a rep call that is its status and what was done.
 */
#pragma once

#include "base/types.h"
#include "hv/memory.h"
#include "hv/partition.h"
#include "tests/guest/lib/guest.h"

#define CHILD_DONE(n) HV_CONTROL_REPS(n, 0) /* the result of @n elements, all well */

/* One call each. */
u64 child_create(const struct hv_create_partition_input *in, u64 *id);
/* HV_CALL_INITIALIZE_PARTITION, _FINALIZE_, _DELETE_. */
u64 child_call(u64 code, u64 id);
u64 child_next(u64 parent, u64 previous, u64 *id);
u64 child_get(u64 id, u32 property, u64 *value);
u64 child_set(u64 id, u32 property, u64 value);
/* Page @i of these is gpfns[i], at most HV_DEPOSIT_MAX or _WITHDRAW_MAX. */
u64 child_deposit(u64 id, const u64 *gpfns, u32 count);
u64 child_withdraw(u64 id, u64 *gpfns, u32 count);
u64 child_balance(u64 id, u64 *available, u64 *in_use);
/* Elements are gpfns[i], at most HV_MAP_GPA_MAX. */
u64 child_map_list(u64 id, u64 base_gpfn, const u64 *gpfns, u32 count, u32 flags);
u64 child_map_sparse(u64 id, const struct hv_sparse_gpa *list, u32 count, u32 flags);
u64 child_unmap_list(u64 id, u64 base_gpfn, u32 count, u32 flags);
/* @flags: HV_ACCESS_CLEAR_* and so on; a byte of state for each page. */
u64 child_access_state(u64 id, u64 base_gpfn, u32 count, u64 flags, u8 *state);

/*
 * Short cuts. Pages for deposits come from a stack that withdrawn ones go back
 * to; it grows by guest_ram().
 */
void child_deposit_pages(u64 id, u64 count);
/* Everything that is free; gives how many pages that were. */
u64 child_withdraw_all(u64 id);
/* What child_make() asks for, to be changed; privileges: 0 those that it gets. */
extern struct hv_create_partition_input child_input;
extern u64 child_privileges;
/* Created, @pages deposited, active; the page for itself as well. */
u64 child_make(u64 pages);
/* Finalized, everything withdrawn, deleted; gives the pages withdrawn. */
u64 child_end(u64 id);
/* Whether all the pages of that stack are zeroed, as they came back. */
bool child_pages_zero(void);
/* Sizes and addresses in bytes, of any number; by 2 MiB with HV_MAP_LARGE. */
void child_map(u64 id, u64 gpa, u64 spa, u64 size, u32 flags);
void child_unmap(u64 id, u64 gpa, u64 size, u32 flags);
