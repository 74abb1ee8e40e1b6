/* SPDX-License-Identifier: MIT */
/*
 * Handlers of exits, and the table that finds them. Called by vp_run() on the
 * VP's processor with interrupts off. What has a file of its own (control
 * registers, hypercalls, the APIC page) is only named here.
 */
#include "hypervisor/exit.h"

#include "hypervisor/control.h"
#include "hypervisor/die.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/intercept.h"
#include "hypervisor/log.h"
#include "hypervisor/mmio.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/root.h"
#include "hypervisor/trace.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/desc.h"

static void handle_nothing(struct vp *vp, const struct exit *exit)
{
	(void)vp;
	(void)exit;
}

/* Opening interrupts for a moment lets the IDT's handlers take it. */
static void handle_interrupt(struct vp *vp, const struct exit *exit)
{
	(void)vp;
	(void)exit;
	irq_take_pending();
}

static void handle_nmi(struct vp *vp, const struct exit *exit)
{
	(void)exit;
	/* The NMI by which another processor's end stops this one. */
	while (dying())
		cpu_halt();
	die(NULL, "NMI while p%u.v%u was at %016lx", (u32)vp->partition->id, vp->index,
		vp->regs.rip);
}

static void handle_interrupt_window(struct vp *vp, const struct exit *exit)
{
	(void)exit;
	virt->interrupt_window(vp, false, 0);
	atomic_fetch_or(&vp->work, VP_WORK_INTERRUPT);
}

/* VP_WORK_NMI is still set. */
static void handle_nmi_window(struct vp *vp, const struct exit *exit)
{
	(void)exit;
	virt->nmi_window(vp, false);
}

static void handle_cpuid(struct vp *vp, const struct exit *exit)
{
	u64 *gpr = vp->regs.gpr;
	struct cpuid_regs *r = &vp->cpuid;

	if (unlikely(vp->partition->intercepts.cpuid_count) && intercept_cpuid(vp, exit))
		return;
	if (!vp_skip(vp, exit))
		return;
	policy_cpuid(vp, (u32)gpr[GPR_RAX], (u32)gpr[GPR_RCX], r);
	gpr[GPR_RAX] = r->eax;
	gpr[GPR_RBX] = r->ebx;
	gpr[GPR_RCX] = r->ecx;
	gpr[GPR_RDX] = r->edx;
}

static void handle_hlt(struct vp *vp, const struct exit *exit)
{
	if (!vp_skip(vp, exit) || vp->event.valid)
		return;
	vp->idle = false;
	atomic_fetch_or(&vp->stop, (u32)VP_STOP_HALT);
	if (partition_is_root(vp->partition))
		return;
	/* Only an NMI could end this: its parent may want to know. */
	if (!(vp->regs.rflags & RFLAGS_IF))
		intercept_halt(vp);
	/* It waited for a window, which the HLT came before: sched.c looks at work only. */
	else if (vlapic_highest_irr(&vp->vlapic) != VLAPIC_NONE || vlapic_has_extint(&vp->vlapic))
		atomic_fetch_or(&vp->work, VP_WORK_INTERRUPT);
}

static void handle_rdmsr(struct vp *vp, const struct exit *exit)
{
	u64 v;
	u8 length;

	if (!vp_length(vp, exit, &length))
		return;
	if (!policy_msr_read(vp, exit->msr.msr, &v)) {
		if (!intercept_msr(vp, exit, length, false))
			vp_inject_gp(vp);
		return;
	}
	vp->regs.gpr[GPR_RAX] = (u32)v;
	vp->regs.gpr[GPR_RDX] = v >> 32;
	vp_advance(vp, length);
}

static void handle_wrmsr(struct vp *vp, const struct exit *exit)
{
	u64 v = (u32)vp->regs.gpr[GPR_RAX] | vp->regs.gpr[GPR_RDX] << 32;
	u8 length;

	if (!vp_length(vp, exit, &length))
		return;
	if (policy_msr_write(vp, exit->msr.msr, v))
		vp_advance(vp, length);
	else if (!intercept_msr(vp, exit, length, true))
		vp_inject_gp(vp);
}

/* Of the root's ports only those exit that it may not touch. */
static void handle_io(struct vp *vp, const struct exit *exit)
{
	if (!partition_is_root(vp->partition)) {
		intercept_io(vp, exit);
		return;
	}
	log_limited(LOG_WARN, "io: p%u.v%u: refused %s port=0x%x size=%u rip=0x%lx",
		(u32)vp->partition->id, vp->index, exit->io.in ? "in" : "out", exit->io.port,
		exit->io.size, vp->regs.rip);
	vp_inject_gp(vp);
}

static bool lies_at(const struct overlay *o, gpa_t gpa)
{
	return o->on && o->gpa.a == ALIGN_DOWN(gpa.a, PAGE_SIZE);
}

/* They only read, and what lies below them is not meant: TLFS 3.13, 12.6. */
static bool is_read_only_page(struct partition *p, gpa_t gpa)
{
	bool is;

	spin_lock(&p->lock);
	is = lies_at(&p->hypercall_overlay, gpa) || lies_at(&p->reference_tsc_overlay, gpa);
	spin_unlock(&p->lock);
	return is;
}

static void child_slat_fault(struct vp *vp, const struct exit *exit)
{
	u32 access = exit->slat.access;

	/* The first write to a logged page, or a page that has just come. */
	if (slat_retry(&vp->partition->slat, exit->slat.gpa, access))
		return;
	if (access & ACCESS_WRITE && is_read_only_page(vp->partition, exit->slat.gpa))
		vp_inject_gp(vp);
	else
		intercept_memory(vp, exit);
}

static void handle_slat_fault(struct vp *vp, const struct exit *exit)
{
	u32 access = exit->slat.access;

	trace(TRACE_FAULT, vp, exit->slat.gpa.a, access);
	if (mmio_is_apic(vp, exit)) {
		mmio_handle(vp, exit);
		return;
	}
	if (!partition_is_root(vp->partition)) {
		child_slat_fault(vp, exit);
		return;
	}
	/* The access is simply made again. */
	if (root_map_device(vp->partition, exit->slat.gpa, access))
		return;
	log_limited(LOG_WARN, "slat: p%u.v%u: refused gpa=0x%lx access=%s%s%s%s rip=0x%lx",
		(u32)vp->partition->id, vp->index, exit->slat.gpa.a,
		access & ACCESS_READ ? "r" : "", access & ACCESS_WRITE ? "w" : "",
		access & ACCESS_EXEC ? "x" : "", exit->slat.walk ? " walk=1" : "", vp->regs.rip);
	vp_inject_gp(vp);
}

/* A back end that needs to see an exception for itself hands it on. */
static void handle_exception(struct vp *vp, const struct exit *exit)
{
	if (exit->exception.vector == VEC_MC)
		die(NULL, "machine check while p%u.v%u was at %016lx", (u32)vp->partition->id,
			vp->index, vp->regs.rip);
	if (unlikely(vp->partition->intercepts.exceptions >> exit->exception.vector & 1) &&
		intercept_exception(vp, exit))
		return;
	/* INT3 and INTO run again: their parent has just lost interest. */
	if (exit->exception.vector == VEC_BP || exit->exception.vector == VEC_OF)
		return;
	if (exit->exception.vector == VEC_PF)
		vp_inject_pf(vp, exit->exception.address, exit->exception.error);
	else
		vp_inject_exception(vp, exit->exception.vector, exit->exception.has_error,
			exit->exception.error);
}

static void handle_triple_fault(struct vp *vp, const struct exit *exit)
{
	(void)exit;
	vp_triple_fault(vp);
}

/* INVD would drop what others wrote, the hypervisor included. */
static void handle_cache(struct vp *vp, const struct exit *exit)
{
	if (!vp_skip(vp, exit))
		return;
	wbinvd();
}

static void handle_forbidden(struct vp *vp, const struct exit *exit)
{
	(void)exit;
	vp_inject_ud(vp);
}

static void handle_internal(struct vp *vp, const struct exit *exit)
{
	log_limited(LOG_ERROR, "%s: p%u.v%u: unexpected exit reason=0x%lx info=0x%lx", virt->name,
		(u32)vp->partition->id, vp->index, exit->raw.reason, exit->raw.info);
	if (partition_is_root(vp->partition))
		virt->dump(vp);
	vp_fail(vp, "exit that the hypervisor does not know");
}

static void handle_entry_failed(struct vp *vp, const struct exit *exit)
{
	log_limited(LOG_ERROR, "%s: p%u.v%u: entry failed reason=0x%lx info=0x%lx", virt->name,
		(u32)vp->partition->id, vp->index, exit->raw.reason, exit->raw.info);
	if (partition_is_root(vp->partition))
		virt->dump(vp);
	vp_fail(vp, "state that the processor does not enter");
}

static void (*const handlers[EXIT_KIND_COUNT])(struct vp *, const struct exit *) = {
	[EXIT_NONE] = handle_nothing,
	[EXIT_INTERRUPT] = handle_interrupt,
	[EXIT_NMI] = handle_nmi,
	[EXIT_INTERRUPT_WINDOW] = handle_interrupt_window,
	[EXIT_NMI_WINDOW] = handle_nmi_window,
	[EXIT_CPUID] = handle_cpuid,
	[EXIT_HLT] = handle_hlt,
	[EXIT_HYPERCALL] = hypercall_handle,
	[EXIT_RDMSR] = handle_rdmsr,
	[EXIT_WRMSR] = handle_wrmsr,
	[EXIT_IO] = handle_io,
	[EXIT_SLAT_FAULT] = handle_slat_fault,
	[EXIT_CR_ACCESS] = control_access,
	[EXIT_XSETBV] = control_xsetbv,
	[EXIT_EXCEPTION] = handle_exception,
	[EXIT_TRIPLE_FAULT] = handle_triple_fault,
	[EXIT_CACHE] = handle_cache,
	[EXIT_FORBIDDEN] = handle_forbidden,
	[EXIT_PREEMPT] = handle_interrupt,
	[EXIT_INTERNAL] = handle_internal,
	[EXIT_ENTRY_FAILED] = handle_entry_failed,
};

void exit_handle(struct vp *vp, const struct exit *exit)
{
	handlers[exit->kind](vp, exit);
}
