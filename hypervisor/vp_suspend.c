/* SPDX-License-Identifier: MIT */
/*
 * Suspending a child's VP and letting it go on, for its parent's calls, on the
 * parent's processor under the child's manage lock. TLFS 6.0b, 7.8.2.
 */
#include "hv/vp.h"
#include "hypervisor/partition.h"
#include "hypervisor/registers.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

/* Flags that a parent may set; the rest are fixed. */
#define RFLAGS_SETTABLE 0x3f7fd5ull

/* What of the register page can be changed there. */
#define DIRTY_LOADED (HV_DIRTY_GPRS | HV_DIRTY_RIP | HV_DIRTY_SEGMENTS | HV_DIRTY_RFLAGS)

void vp_suspend(struct vp *vp, struct vp *self)
{
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_EXPLICIT);
	sched_wake(vp);
	sched_wait_stopped(vp, self);
}

void vp_release(struct vp *vp)
{
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_EXPLICIT);
	sched_wake(vp);
}

void vp_hold(struct vp *vp)
{
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_HELD);
}

void vp_hold_end(struct vp *vp)
{
	u32 old = atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_HELD);

	/* Started meanwhile: who did could not wake it. */
	if (!(old & VP_STOP_SUSPENDED & ~(u32)VP_STOP_HELD))
		sched_wake(vp);
}

/* The parent may change the page while we read it: each field is read once. */
static enum hv_status segments_load(struct vp *vp, const struct hv_register_page *page)
{
	static const struct {
		u32 name;
		u16 offset;
	} rows[] = {
		{ HV_X64_REGISTER_ES, offsetof(struct hv_register_page, es) },
		{ HV_X64_REGISTER_CS, offsetof(struct hv_register_page, cs) },
		{ HV_X64_REGISTER_SS, offsetof(struct hv_register_page, ss) },
		{ HV_X64_REGISTER_DS, offsetof(struct hv_register_page, ds) },
		{ HV_X64_REGISTER_FS, offsetof(struct hv_register_page, fs) },
		{ HV_X64_REGISTER_GS, offsetof(struct hv_register_page, gs) },
	};
	enum hv_status status = HV_STATUS_SUCCESS;

	for (u32 i = 0; i < ARRAY_SIZE(rows) && status == HV_STATUS_SUCCESS; i++) {
		union hv_register_value v = { 0 };

		memcpy(&v.segment, (const u8 *)page + rows[i].offset, sizeof(v.segment));
		status = register_set(vp, rows[i].name, &v, NULL);
	}
	return status;
}

static enum hv_status register_page_load(struct vp *vp)
{
	struct hv_register_page *page = vp->register_page;
	u32 dirty = READ_ONCE(page->dirty);
	enum hv_status status = HV_STATUS_SUCCESS;

	if (dirty & ~(u32)DIRTY_LOADED)
		status = HV_STATUS_INVALID_REGISTER_VALUE;
	else if (dirty & HV_DIRTY_SEGMENTS)
		status = segments_load(vp, page);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (dirty & HV_DIRTY_GPRS)
		memcpy(vp->regs.gpr, page->gpr, sizeof(vp->regs.gpr));
	if (dirty & HV_DIRTY_RIP)
		vp->regs.rip = READ_ONCE(page->rip);
	if (dirty & HV_DIRTY_RFLAGS)
		vp->regs.rflags = (READ_ONCE(page->rflags) & RFLAGS_SETTABLE) | RFLAGS_FIXED;
	page->dirty = 0;
	page->valid = 0;
	return HV_STATUS_SUCCESS;
}

enum hv_status vp_intercept_done(struct vp *vp)
{
	if (!(load_acquire(&vp->stop) & VP_STOP_INTERCEPT))
		return HV_STATUS_SUCCESS;
	if (vp->register_page) {
		enum hv_status status = register_page_load(vp);

		if (status != HV_STATUS_SUCCESS)
			return status;
	}
	synic_cancel(&vp->intercept);
	/* Pairs with the loads of stop in sched.c: the registers come first. */
	atomic_fetch_and(&vp->stop, ~(u32)VP_STOP_INTERCEPT);
	sched_go_on(vp);
	return HV_STATUS_SUCCESS;
}
