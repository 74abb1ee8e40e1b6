/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors: making them, telling them of work, faults and the end
 * of emulated instructions. vp_notify() is for any processor, vp_create() for
 * the boot processor, the rest for the VP's own on an exit. Running a VP is
 * in vp_run.c.
 */
#include "hypervisor/vp.h"

#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/event.h"
#include "hypervisor/fpu.h"
#include "hypervisor/frame.h"
#include "hypervisor/guest.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define DR6_BS BIT(14) /* single step */

static u64 pages_of(size_t bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
}

static void vp_free(struct vp *vp, u64 fpu_pages)
{
	if (vp->stats)
		pool_free(vp->stats, 1);
	if (vp->fpu)
		pool_free(vp->fpu, fpu_pages);
	pool_free(vp, pages_of(sizeof(*vp)));
}

static_assert(HV_VP_COUNTER_MAX * sizeof(u64) == PAGE_SIZE);
static_assert(HV_VP_COUNTER_EXITS + 2 * EXIT_KIND_COUNT <= HV_VP_COUNTER_MAX);

enum hv_status vp_create(
	struct partition *p, u32 index, u32 apic_id, struct cpu *cpu, struct vp **out)
{
	u64 fpu_pages = pages_of(fpu_size(cpu));
	enum hv_status status = HV_STATUS_INSUFFICIENT_MEMORY;
	struct vp *vp;

	if (index >= HV_MAX_PROCESSORS)
		return HV_STATUS_INVALID_VP_INDEX;
	if (p->vps[index])
		return HV_STATUS_OBJECT_IN_USE;
	vp = pool_alloc(pages_of(sizeof(*vp)));
	if (!vp)
		return status;
	vp->index = index;
	vp->tag = (u32)p->id | index << 16;
	vp->apic_id = apic_id;
	vp->partition = p;
	vp->cpu = cpu;
	vp->fpu = pool_alloc(fpu_pages);
	vp->stats = pool_alloc(1);
	if (vp->fpu && vp->stats) {
		fpu_init(vp);
		vlapic_init(&vp->vlapic, apic_id, index == 0);
		status = virt->vp_create(vp);
	}
	if (status != HV_STATUS_SUCCESS) {
		vp_free(vp, fpu_pages);
		return status;
	}
	frame_mark(virt_to_spa(vp->stats), PAGE_SIZE, FRAME_SHARED, 0);
	p->vps[index] = vp;
	p->vp_count++;
	*out = vp;
	return HV_STATUS_SUCCESS;
}

void vp_notify(struct vp *vp, u32 work)
{
	/* Pairs with the loads of work in vp_run() and vp_wakes(). */
	u32 before = atomic_fetch_or(&vp->work, work);

	/* Who set it before has kicked, and it has not been looked at since. */
	if ((before & work) != work)
		cpu_kick(vp->cpu);
}

bool vp_wakes(struct vp *vp)
{
	u32 work;

	switch (load_acquire(&vp->state)) {
	case VP_RUNNABLE:
		return true;
	case VP_HALTED:
		break;
	default:
		return false;
	}
	if (vp->event.valid)
		return true;
	work = load_acquire(&vp->work);
	if (work & VP_WORK_NMI && virt->can_nmi(vp))
		return true;
	/*
	 * This is the look at the IRR that the bit asks for: left set where no
	 * interrupt may wake us yet, it would keep the next one from kicking.
	 */
	if (work & VP_WORK_INTERRUPT)
		atomic_fetch_and(&vp->work, ~(u32)VP_WORK_INTERRUPT);
	return virt->can_interrupt(vp) && vlapic_pending(vp) != VLAPIC_NONE;
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

	if (!event_merge(&vp->event, &next))
		die_root(vp, "triple fault");
	if (vp->event.has_error && in_real_mode(vp)) {
		vp->event.has_error = false;
		vp->event.error = 0;
	}
}

void vp_inject_pf(struct vp *vp, u64 address, u32 error)
{
	union hv_register_value cr2 = { .u64 = address };

	if (virt->set(vp, HV_X64_REGISTER_CR2, &cr2) != HV_STATUS_SUCCESS)
		die_root(vp, "page-fault address not settable");
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
