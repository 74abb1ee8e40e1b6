/* SPDX-License-Identifier: MIT */
/*
 * Pages of a child's deposit that its parent sees, at GPA = SPA in its own
 * space: counters and state pages of VPs. On the parent's processor, under
 * the child's manage lock.
 */
#pragma once

#include "base/types.h"
#include "hv/status.h"

struct partition;
struct vp;

/*
 * Lets the parent of @p see @page, by @access (SLAT_*). INSUFFICIENT_MEMORY
 * cannot come: the root's tables are reserved in full.
 */
enum hv_status share_page(struct partition *p, const void *page, u32 access);
/* Takes it away again; no processor of the parent's reaches it when this returns. */
void share_page_end(struct partition *p, const void *page, struct vp *self);
