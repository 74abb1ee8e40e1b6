/* SPDX-License-Identifier: MIT */
/*
 * Shared pages: a leaf in the parent's second-level tables. The frame table
 * still says that they are the hypervisor's, so they are no hypercall's
 * parameter blocks.
 */
#include "hypervisor/share_page.h"

#include "base/assert.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"

enum hv_status share_page(struct partition *p, const void *page, u32 access)
{
	spa_t spa = virt_to_spa(page);

	return slat_map(&p->parent->slat, GPA(spa.a), spa, PAGE_SIZE, access, MEMTYPE_WB, 1);
}

void share_page_end(struct partition *p, const void *page, struct vp *self)
{
	enum hv_status s = slat_unmap(&p->parent->slat, GPA(virt_to_spa(page).a), PAGE_SIZE);

	assert(s == HV_STATUS_SUCCESS);
	partition_flush(p->parent, self);
}
