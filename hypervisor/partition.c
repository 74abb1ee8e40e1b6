/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor may touch for a partition, its pages, forgetting of
 * mappings, and the lock of those who manage it. Any processor.
 */
#include "hypervisor/partition.h"

#include "hypervisor/cpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/guest.h"
#include "hypervisor/pool.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "hypervisor/window.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

static_assert(sizeof(struct partition) <= PAGE_SIZE);

void *partition_page_alloc(struct partition *p)
{
	return partition_is_root(p) ? pool_alloc(1) : deposit_take(&p->deposit);
}

void partition_page_free(struct partition *p, void *page)
{
	if (partition_is_root(p))
		pool_free(page, 1);
	else
		deposit_give(&p->deposit, page);
}

bool partition_gpa_exists(u64 gpfn)
{
	return gpfn < BIT(MIN(this_cpu()->features.phys_bits, SLAT_GPA_BITS) - PAGE_SHIFT);
}

/* What the second-level tables say, if it is RAM that the partition may have. */
static bool gpa_mapped(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	struct slat_mapping m;
	const struct frame *f;

	if (!slat_lookup(&p->slat, gpa, &m))
		return false;
	*spa = m.spa;
	f = frame_get(m.spa);
	if (!f || access & ~m.access)
		return false;
	/* A write on the partition's behalf is seen like its own. */
	if (access & SLAT_WRITE && (m.access & (SLAT_LOGGED | SLAT_DIRTY)) == SLAT_LOGGED)
		slat_log_write(&p->slat, gpa);
	return true;
}

bool partition_gpa_to_spa(struct partition *p, gpa_t gpa, u32 access, spa_t *spa)
{
	const struct frame *f;

	if (!partition_is_root(p))
		return gpa_mapped(p, gpa, access, spa);
	/* The root's own pages are mapped one to one with all rights. */
	*spa = SPA(gpa.a);
	f = frame_get(*spa);
	if (!f)
		return false;
	if (likely(f->type == FRAME_ROOT && !f->flags))
		return f->owner == p->id;
	if (f->type == FRAME_ROOT || f->type == FRAME_SHARED)
		return gpa_mapped(p, gpa, access, spa);
	return false;
}

static void flush_self(struct vp *self)
{
	virt->flush(self);
	window_flush();
	guest_memos_forget(this_cpu());
	self->memo_key = vp_memo_key(self);
}

/* The part of @self's own partition that somebody waits for. */
void partition_serve_flush(struct vp *self)
{
	u32 work = load_acquire(&self->work) & (u32)(VP_WORK_FLUSH | VP_WORK_TLB);

	if (!work)
		return;
	if (work & VP_WORK_FLUSH)
		flush_self(self);
	if (work & VP_WORK_TLB)
		virt->flush_guest(self);
	/* Pairs with is_flushing() on the processor that asked. */
	atomic_fetch_and(&self->work, ~work);
}

/* A VP that does not run does its work before it enters the guest again. */
static bool is_flushing(const struct vp *vp, u32 work)
{
	return vp && load_acquire(&vp->work) & work && load_acquire(&vp->running);
}

/* Each look is at the VP that is there then: it may be deleted once we have served a flush. */
static void wait_flushed(const struct partition *p, u32 index, u32 work, struct vp *self)
{
	while (is_flushing(partition_vp(p, index), work)) {
		partition_serve_flush(self);
		cpu_pause();
	}
}

void partition_flush(struct partition *p, struct vp *self)
{
	if (self->partition == p)
		flush_self(self);
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(p, i);

		if (vp && vp != self)
			vp_notify(vp, VP_WORK_FLUSH);
	}
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (partition_vp(p, i) != self)
			wait_flushed(p, i, VP_WORK_FLUSH, self);
}

/* One that halts is not woken for it. */
static void tell_guest_flush(struct vp *vp)
{
	if (!(atomic_fetch_or(&vp->work, VP_WORK_TLB) & VP_WORK_TLB))
		sched_kick(vp);
}

void partition_flush_guest(struct vp *self, const struct vpset *set)
{
	const struct partition *p = self->partition;

	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = vpset_has(set, i) ? partition_vp(p, i) : NULL;

		if (vp == self)
			virt->flush_guest(self);
		else if (vp)
			tell_guest_flush(vp);
	}
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++)
		if (vpset_has(set, i) && partition_vp(p, i) != self)
			wait_flushed(p, i, VP_WORK_TLB, self);
}

void partition_flush_tables(struct partition *p, struct vp *self)
{
	struct frame_list stale = slat_stale(&p->slat);

	partition_flush(p, self);
	slat_free(&p->slat, stale);
}

/* Never waits for the lock: who has it may wait for @self to stop. */
void partition_flush_overlays(struct partition *p, struct vp *self)
{
	if (!p->slat.stale.first || !spin_trylock(&p->manage)) {
		partition_flush(p, self);
		return;
	}
	partition_flush_tables(p, self);
	spin_unlock(&p->manage);
}

void partition_manage(struct partition *p, struct vp *self)
{
	while (!spin_trylock(&p->manage)) {
		partition_serve_flush(self);
		cpu_pause();
	}
}

void partition_manage_end(struct partition *p)
{
	spin_unlock(&p->manage);
}
