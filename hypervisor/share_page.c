/* SPDX-License-Identifier: MIT */
/*
 * Sharing pages with the parent. The parent's own tables tell what is shared:
 * at the address of a deposited page there is nothing else.
 */
#include "hypervisor/share_page.h"

#include "base/assert.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"

enum hv_status share_page(struct partition *p, void *page, u32 access)
{
	spa_t spa = virt_to_spa(page);

	return slat_map(&p->parent->slat, GPA(spa.a), spa, PAGE_SIZE, access, MEMTYPE_WB, 1);
}

void share_page_end(struct partition *p, void *page, struct vp *self)
{
	gpa_t gpa = GPA(virt_to_spa(page).a);
	struct slat_mapping m;
	enum hv_status s;

	if (!slat_lookup(&p->parent->slat, gpa, &m))
		return;
	s = slat_unmap(&p->parent->slat, gpa, PAGE_SIZE);
	/* It is a leaf of its own: nothing is to be split. */
	assert(s == HV_STATUS_SUCCESS);
	partition_flush(p->parent, self);
}
