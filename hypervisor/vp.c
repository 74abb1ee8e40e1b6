/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors: telling them of work, faults and the end of emulated
 * instructions. vp_notify() is for any processor, the rest for the VP's own on
 * an exit. Making and ending a VP is vp_life.c's, running it vp_run.c's.
 */
#include "hypervisor/vp.h"

#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/event.h"
#include "hypervisor/guest.h"
#include "hypervisor/intercept.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/sched.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define DR6_BS BIT(14) /* single step */

void vp_notify(struct vp *vp, u32 work)
{
	/* Pairs with the loads of work in vp_run() and vp_wakes(). */
	u32 before = atomic_fetch_or(&vp->work, work);

	/* Who set it before has woken it, and it has not been looked at since. */
	if ((before & work) != work)
		sched_wake(vp);
}

u64 vp_memo_key(const struct vp *vp)
{
	static u64 last;
	u64 n = atomic_fetch_add(&last, 1) + 1;
	u64 child = !partition_is_root(vp->partition);

	return n / 4 * 8 + child * 4 + n % 4;
}

void vp_fail(struct vp *vp, const char *why)
{
	if (partition_is_root(vp->partition))
		die_root(vp, why);
	log_limited(LOG_WARN, "vp: p%u.v%u: %s rip=0x%lx", (u32)vp->partition->id, vp->index, why,
		vp->regs.rip);
	intercept_invalid_state(vp);
}

bool vp_wakes(struct vp *vp)
{
	int vector;
	u32 work;
	u32 stop = load_acquire(&vp->stop);

	if (!(stop & VP_STOP_HALT))
		return stop == 0;
	if (stop & VP_STOP_SUSPENDED)
		return false;
	if (vp->event.valid || load_acquire(&vp->startup))
		return true;
	work = load_acquire(&vp->work);
	if (work & VP_WORK_NMI && virt->can_nmi(vp))
		return true;
	/* What ends that wakes it too: sched.c need not look until then. */
	vp->work_blocked = work & VP_WORK_NMI;
	/*
	 * This is the look at the IRR that the bit asks for: left set where no
	 * interrupt may wake us yet, it would keep the next one from kicking.
	 */
	if (work & VP_WORK_INTERRUPT)
		atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INTERRUPT);
	if (!vp->idle && !virt->can_interrupt(vp))
		return false;
	vector = vp->idle ? vlapic_highest_irr(&vp->vlapic) : vlapic_pending(vp);
	return vector != VLAPIC_NONE || vlapic_has_extint(&vp->vlapic);
}

void vp_triple_fault(struct vp *vp)
{
	if (partition_is_root(vp->partition))
		die_root(vp, "triple fault");
	intercept_triple_fault(vp);
}

/* Real mode pushes no error codes. */
static bool in_real_mode(struct vp *vp)
{
	union hv_register_value cr0;

	return virt->get(vp, HV_X64_REGISTER_CR0, &cr0) == HV_STATUS_SUCCESS && !(cr0.u64 & CR0_PE);
}

void vp_inject_exception(struct vp *vp, u8 vector, bool has_error, u32 error)
{
	struct event next = {
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = has_error,
		.error = error,
	};

	if (!event_merge(&vp->event, &next)) {
		vp_triple_fault(vp);
		return;
	}
	if (vp->event.has_error && in_real_mode(vp)) {
		vp->event.has_error = false;
		vp->event.error = 0;
	}
}

void vp_inject_pf(struct vp *vp, u64 address, u32 error)
{
	union hv_register_value cr2 = { .u64 = address };

	if (virt->set(vp, HV_X64_REGISTER_CR2, &cr2) != HV_STATUS_SUCCESS) {
		vp_fail(vp, "page-fault address not settable");
		return;
	}
	vp_inject_exception(vp, VEC_PF, true, error);
}

/* The fault that fetching the instruction gives; apart from the fast path. */
__attribute__((noinline)) static bool length_fetch(struct vp *vp, u8 *length)
{
	struct guest_fault fault;

	if (guest_length(vp, length, &fault))
		return true;
	if (fault.vector == VEC_PF)
		vp_inject_pf(vp, fault.address, fault.error);
	else
		vp_inject_exception(vp, fault.vector, true, fault.error);
	return false;
}

bool vp_length(struct vp *vp, const struct exit *exit, u8 *length)
{
	*length = exit->length ? exit->length : guest_length_known(vp);
	return likely(*length) || length_fetch(vp, length);
}

/* The trap that a stepping debugger expects behind every instruction. */
__attribute__((noinline)) static void single_step(struct vp *vp)
{
	union hv_register_value dr6;

	if (virt->get(vp, HV_X64_REGISTER_DR6, &dr6) != HV_STATUS_SUCCESS)
		return;
	dr6.u64 |= DR6_BS;
	if (virt->set(vp, HV_X64_REGISTER_DR6, &dr6) == HV_STATUS_SUCCESS)
		vp_inject_exception(vp, VEC_DB, false, 0);
}

void vp_advance(struct vp *vp, u8 length)
{
	virt->advance(vp, length);
	if (unlikely(vp->regs.rflags & RFLAGS_TF))
		single_step(vp);
}

__attribute__((noinline)) static bool skip_unknown(struct vp *vp)
{
	u8 length;

	if (!length_fetch(vp, &length))
		return false;
	vp_advance(vp, length);
	return true;
}

bool vp_skip(struct vp *vp, const struct exit *exit)
{
	u8 length = exit->length ? exit->length : guest_length_known(vp);

	if (unlikely(!length))
		return skip_unknown(vp);
	vp_advance(vp, length);
	return true;
}
