/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor may touch for a partition, and forgetting of mappings.
 * Called on exits of any processor.
 */
#include "hypervisor/partition.h"

#include "hv/msr.h"
#include "hypervisor/frame.h"
#include "hypervisor/pool.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

/* Whether the hypercall page lies over the page of @gpa. */
static bool is_overlay(const struct partition *p, gpa_t gpa)
{
	u64 msr = READ_ONCE(p->hypercall_msr);

	return (msr & (~PAGE_MASK | HV_MSR_HYPERCALL_ENABLE)) ==
	       (ALIGN_DOWN(gpa.a, PAGE_SIZE) | HV_MSR_HYPERCALL_ENABLE);
}

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	struct slat_mapping m;
	const struct frame *f;

	if (unlikely(is_overlay(p, gpa))) {
		*spa = SPA(virt_to_spa(p->hypercall_page).a | (gpa.a & PAGE_MASK));
		return !(access & SLAT_WRITE);
	}
	/* The root's own pages are mapped one to one with all rights. */
	*spa = SPA(gpa.a);
	f = frame_get(*spa);
	if (!f)
		return false;
	if (likely(f->type == FRAME_ROOT))
		return f->owner == p->id;
	if (f->type != FRAME_SHARED || !slat_lookup(&p->slat, gpa, &m))
		return false;
	return m.spa.a == spa->a && (m.access & access) == access;
}

/* What a processor does that waits for others who may wait for it. */
static void flush_own(struct vp *vp)
{
	if (!(load_acquire(&vp->work) & VP_WORK_FLUSH))
		return;
	virt->flush(vp);
	window_flush();
	/* Pairs with wait_flushed() on the processor that asked. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_FLUSH);
}

/* A VP that is not runnable does its work before it enters the guest again. */
static void wait_flushed(const struct vp *vp, struct vp *self)
{
	while (load_acquire(&vp->work) & VP_WORK_FLUSH && load_acquire(&vp->state) == VP_RUNNABLE) {
		flush_own(self);
		cpu_pause();
	}
}

void partition_flush(struct partition *p, struct vp *self)
{
	virt->flush(self);
	window_flush();
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (p->vps[i] && p->vps[i] != self)
			vp_notify(p->vps[i], VP_WORK_FLUSH);
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (p->vps[i] && p->vps[i] != self)
			wait_flushed(p->vps[i], self);
}
