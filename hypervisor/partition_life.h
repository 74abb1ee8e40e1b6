/* SPDX-License-Identifier: MIT */
/*
 * A child partition's life as its parent's hypercalls lead it: created,
 * active, finalized, deleted. On the caller's processor; all but creation
 * under the child's manage lock. TLFS 6.0b chapter 5.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"

struct hv_creation_properties;
struct partition;
struct vp;

/* What all children share; boot, once. */
void partition_children_init(void);

/*
 * A child of @parent, in the table, paid by a page of the parent's deposit.
 * INSUFFICIENT_MEMORY; NO_RESOURCES: there are as many partitions as may be.
 */
enum hv_status partition_create(struct partition *parent, u64 flags,
	const struct hv_creation_properties *properties, struct partition **child);
/* Gives it an address space. INSUFFICIENT_MEMORY. */
enum hv_status partition_initialize(struct partition *p);
/*
 * Takes from it a part of all that it holds, for about 50 us. True when that
 * is over, and all of its deposit free. @self: the caller's VP.
 */
[[nodiscard]] bool partition_finalize(struct partition *p, struct vp *self);
/* Out of the table; its page goes to the parent when the last lets go. */
void partition_delete(struct partition *p);
