/* SPDX-License-Identifier: MIT */
/*
 * Making and ending virtual processors: their pages, all of them single ones
 * of the partition's, and their first state. Boot, and hypercalls of the
 * parent under the child's manage lock.
 */
#include "base/assert.h"
#include "hypervisor/cpu.h"
#include "hypervisor/fpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_clock.h"
#include "hypervisor/pool.h"
#include "hypervisor/port.h"
#include "hypervisor/sched.h"
#include "hypervisor/share_page.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

static_assert(HV_VP_COUNTER_MAX * sizeof(u64) == PAGE_SIZE);
static_assert(HV_STIMER_COUNT * sizeof(struct stimer) <= PAGE_SIZE);
static_assert(HV_VP_COUNTER_EXITS + 2 * EXIT_KIND_COUNT <= HV_VP_COUNTER_MAX);

static void page_free(struct partition *p, void *page)
{
	if (page)
		partition_page_free(p, page);
}

static void vp_free(struct vp *vp)
{
	struct partition *p = vp->partition;

	page_free(p, vp->stats);
	page_free(p, vp->fpu);
	page_free(p, vp->synic.page);
	page_free(p, vp->stimers);
	page_free(p, vp->assist_page);
	page_free(p, vp->synic.flags);
	page_free(p, vp);
}

/* The pages beside the VP's own; false: one is missing. */
static bool pages_alloc(struct vp *vp)
{
	struct partition *p = vp->partition;

	vp->fpu = partition_page_alloc(p);
	vp->stats = partition_page_alloc(p);
	vp->stimers = partition_page_alloc(p);
	synic_init(&vp->synic, partition_page_alloc(p), partition_page_alloc(p));
	return vp->fpu && vp->stats && vp->stimers && vp->synic.page && vp->synic.flags;
}

static void state_init(struct vp *vp, u32 index, u32 apic_id, struct cpu *cpu)
{
	struct partition *p = vp->partition;

	vp->index = index;
	vp->tag = (u32)p->id | index << 16;
	vp->apic_id = apic_id;
	vp->cpu = cpu;
	vp->memo_key = vp_memo_key(vp);
	vp->stop = VP_STOP_STARTUP;
	vp_startup_set(vp, index != 0);
	sched_vp_init(vp);
	list_init(&vp->intercept.link);
	overlay_init(&vp->assist_overlay);
	vlapic_level_init(vp);
	if (partition_is_root(p))
		return;
	/* The first VP starts as a processor after power-on does, once it may. */
	vp->stop = index == 0 ? VP_STOP_EXPLICIT : VP_STOP_EXPLICIT | VP_STOP_STARTUP;
}

static enum hv_status fill(struct vp *vp, u32 apic_id)
{
	assert(fpu_size(vp->cpu) <= PAGE_SIZE);
	if (!pages_alloc(vp))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	fpu_init(vp);
	stimer_init(vp);
	vlapic_init(&vp->vlapic, apic_id, vp->index == 0);
	return virt->vp_create(vp);
}

enum hv_status vp_create(
	struct partition *p, u32 index, u32 apic_id, struct cpu *cpu, struct vp **out)
{
	enum hv_status status;
	struct vp *vp;

	if (index >= HV_MAX_PROCESSORS)
		return HV_STATUS_INVALID_VP_INDEX;
	if (p->vps[index])
		return HV_STATUS_OBJECT_IN_USE;
	vp = partition_page_alloc(p);
	if (!vp)
		return HV_STATUS_INSUFFICIENT_MEMORY;
	vp->partition = p;
	state_init(vp, index, apic_id, cpu);
	status = fill(vp, apic_id);
	if (status != HV_STATUS_SUCCESS) {
		vp_free(vp);
		return status;
	}
	partition_clock_load(vp);
	if (partition_is_root(p))
		frame_mark(virt_to_spa(vp->stats), PAGE_SIZE, FRAME_SHARED, 0);
	/* Pairs with the loads of those who send it interrupts. */
	store_release(&p->vps[index], vp);
	p->vp_count++;
	p->vp_limit = MAX(p->vp_limit, index + 1);
	*out = vp;
	return HV_STATUS_SUCCESS;
}

/*
 * The order matters: other VPs stop finding it, what they had under way ends,
 * then nothing is left but its timer, its messages and its pages.
 */
void vp_delete(struct vp *vp, struct vp *self)
{
	struct partition *p = vp->partition;

	assert(load_acquire(&vp->stop) & VP_STOP_SUSPENDED && !load_acquire(&vp->running));
	store_release(&p->vps[vp->index], NULL);
	p->vp_count--;
	while (p->vp_limit > 0 && !p->vps[p->vp_limit - 1])
		p->vp_limit--;
	partition_flush(p, self);
	port_vp_end(vp);
	vlapic_timer_end(vp);
	stimer_end(vp);
	synic_cancel(&vp->intercept);
	synic_cancel(&vp->eoi);
	vp_state_pages_end(vp, self);
	share_page_end(p, vp->stats, self);
	spin_lock(&p->lock);
	overlay_clear(p, &vp->synic.overlay);
	overlay_clear(p, &vp->assist_overlay);
	overlay_clear(p, &vp->synic.flags_overlay);
	spin_unlock(&p->lock);
	partition_flush(p, self);
	virt->vp_delete(vp);
	vp_free(vp);
}
