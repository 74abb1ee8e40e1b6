/* SPDX-License-Identifier: MIT */
/*
 * Making and ending child partitions. The order of the end: VPs, so that
 * nothing runs or walks tables any more; ports and connections; overlays; then
 * memory, in parts.
 */
#include "hypervisor/partition_life.h"

#include "base/assert.h"
#include "hv/cpuid.h"
#include "hypervisor/clock.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_table.h"
#include "hypervisor/policy.h"
#include "hypervisor/virt.h"
#include "hypervisor/vp.h"
#include "x86/cpu.h"

#define FINALIZE_NS 50000u

/* What a child gets unless its parent says otherwise. */
#define CHILD_PRIVILEGES_MSRS                                                            \
	(HV_ACCESS_VP_RUNTIME | HV_ACCESS_REFERENCE_COUNT | HV_ACCESS_SYNIC |            \
		HV_ACCESS_APIC_MSRS | HV_ACCESS_HYPERCALL_MSRS | HV_ACCESS_VP_INDEX |    \
		HV_ACCESS_FREQUENCY_MSRS | HV_ACCESS_SYNTHETIC_TIMER | HV_ACCESS_RESET | \
		HV_ACCESS_REFERENCE_TSC | HV_ACCESS_GUEST_IDLE)
#define CHILD_PRIVILEGES_CALLS (HV_POST_MESSAGES | HV_SIGNAL_EVENTS)

/* Has the bitmaps of all children. */
static struct partition template;

void partition_children_init(void)
{
	enum hv_status s;

	template.parent = root_partition;
	s = virt->bitmaps_create(&template);
	assert(s == HV_STATUS_SUCCESS);
}

enum hv_status partition_create(struct partition *parent, u64 flags,
	const struct hv_creation_properties *properties, struct partition **child)
{
	struct partition *p = deposit_take(&parent->deposit);

	if (!p)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	p->parent = parent;
	p->create_flags = flags;
	p->state = PARTITION_CREATED;
	p->privileges = CHILD_PRIVILEGES_MSRS | CHILD_PRIVILEGES_CALLS << 32;
	reference_time_start(&p->time);
	p->cpu_cap = HV_CPU_ALL;
	p->cpu_weight = HV_CPU_WEIGHT_DEFAULT;
	p->msr_bitmap = template.msr_bitmap;
	p->io_bitmap = template.io_bitmap;
	list_init(&p->overlays);
	overlay_init(&p->hypercall_overlay);
	overlay_init(&p->reference_tsc_overlay);
	policy_child_init(p, properties);
	if (!partition_table_add(p)) {
		deposit_give(&parent->deposit, p);
		return HV_STATUS_NO_RESOURCES;
	}
	*child = p;
	return HV_STATUS_SUCCESS;
}

enum hv_status partition_initialize(struct partition *p)
{
	enum hv_status status = slat_init_deposit(&p->slat, virt->slat, &p->deposit);

	if (status == HV_STATUS_SUCCESS)
		p->state = PARTITION_ACTIVE;
	return status;
}

/* One of those that are left; false: there was none. */
static bool end_vp(struct partition *p, struct vp *self)
{
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = p->vps[i];

		if (!vp)
			continue;
		vp_suspend(vp, self);
		vp_delete(vp, self);
		return true;
	}
	return false;
}

static void end_overlays(struct partition *p)
{
	spin_lock(&p->lock);
	overlay_clear(p, &p->hypercall_overlay);
	overlay_clear(p, &p->reference_tsc_overlay);
	reference_time_page(&p->time, NULL);
	assert(list_empty(&p->overlays));
	spin_unlock(&p->lock);
	if (p->hypercall_page)
		partition_page_free(p, p->hypercall_page);
	p->hypercall_page = NULL;
	p->hypercall_msr = 0;
	if (p->reference_tsc_page)
		partition_page_free(p, p->reference_tsc_page);
	p->reference_tsc_page = NULL;
	p->reference_tsc_msr = 0;
}

bool partition_finalize(struct partition *p, struct vp *self)
{
	u64 end = rdtsc() + clock_ns_to_tsc(FINALIZE_NS);

	p->state = PARTITION_FINALIZING;
	while (end_vp(p, self))
		if (rdtsc() >= end)
			return false;
	while (port_end_one(p))
		if (rdtsc() >= end)
			return false;
	end_overlays(p);
	while (!slat_drain(&p->slat))
		if (rdtsc() >= end)
			return false;
	assert(p->deposit.used_pages == 0);
	p->state = PARTITION_FINALIZED;
	return true;
}

void partition_delete(struct partition *p)
{
	p->deleted = true;
	partition_table_remove(p);
}
