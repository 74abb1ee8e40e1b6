/* SPDX-License-Identifier: MIT */
/*
 * Pages of a child's deposit that its parent may see: mapped in the parent's
 * GPA space at GPA = SPA. They stay the hypervisor's: no hypercall takes them
 * as a parameter. On the parent's processor, under the child's manage lock.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"

struct partition;
struct vp;

/*
 * Lets the parent of @p see @page by @access (SLAT_*); again is no error.
 * INSUFFICIENT_MEMORY: no second-level table.
 */
enum hv_status share_page(struct partition *p, void *page, u32 access);
/*
 * Ends it; no processor of the parent sees the page any more when it returns.
 * Cheap if it is not shared. @self: the caller's VP. No other lock is held.
 */
void share_page_end(struct partition *p, void *page, struct vp *self);
