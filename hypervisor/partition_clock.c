/* SPDX-License-Identifier: MIT */
/*
 * The clock of a partition as its VPs have it.
 */
#include "hypervisor/partition_clock.h"

#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"

void partition_clock_load(struct vp *vp)
{
	u64 offset = load_relaxed(&vp->partition->time.tsc_offset);

	if (vp->tsc_offset == offset)
		return;
	vp->tsc_offset = offset;
	virt->tsc_offset(vp, offset);
}

void partition_clock_serve(struct vp *vp)
{
	/* Pairs with who sets it, so that the changes before that are seen. */
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_TIMERS);
	partition_clock_load(vp);
	vlapic_timer_serve(vp);
	stimer_serve(vp);
}

void partition_clock_freeze(struct partition *p)
{
	spin_lock(&p->lock);
	reference_time_freeze(&p->time);
	spin_unlock(&p->lock);
}

/*
 * A VP that is in the guest has its old TSC until it is out of it. The page is a
 * formula of the new one, so it waits for all of them: who has seen the flush
 * sees the work that was there before.
 */
void partition_clock_thaw(struct partition *p, struct vp *self)
{
	if (!p->time.frozen)
		return;
	spin_lock(&p->lock);
	reference_time_thaw(&p->time);
	spin_unlock(&p->lock);
	stimer_time_changed(p);
	partition_flush(p, self);
	spin_lock(&p->lock);
	reference_time_settled(&p->time);
	spin_unlock(&p->lock);
}
