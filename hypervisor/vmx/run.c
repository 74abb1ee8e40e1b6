/* SPDX-License-Identifier: MIT */
/*
 * One stay in the guest, from what the VP is to what the processor has and
 * back. The hot path of every exit: it writes only what changed, and reads
 * what every handler needs. On the VP's processor, interrupts off, the VP
 * loaded. Intel SDM volume 3, chapter 27, 29.4 for the invalidations.
 */
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"

/* raw.reason of an entry that was refused before any check of guest state. */
#define REFUSED BIT(32)

/* Flags that exist; others in a value from outside would fail the entry. */
#define RFLAGS_EXIST 0x3f7fd5ull

void vmx_flush(struct vp *vp)
{
	vmx_of(vp)->pending |= VMX_FLUSH_EPT;
}

void vmx_flush_guest(struct vp *vp)
{
	vmx_of(vp)->pending |= VMX_FLUSH_VPID;
}

/* Kept out of vmx_run(), which would save registers for it on each exit. */
__attribute__((noinline)) static void pending_apply(struct vmx *vmx)
{
	bool ok = true;

	if (vmx->pending & VMX_FLUSH_EPT)
		ok = vmx_inv_ept(vmx_caps_inv_ept_type(&vmx_caps), vmcs_read(VMCS_EPTP));
	/* Without a VPID each entry and exit drops them anyway. */
	if ((vmx->pending & VMX_FLUSH_VPID) && vmx->vpid)
		ok = vmx_inv_vpid(vmx_caps_inv_vpid_type(&vmx_caps), vmx->vpid) && ok;
	if (vmx->pending & VMX_TPR_THRESHOLD)
		vmcs_write(VMCS_TPR_THRESHOLD, vmx->tpr_threshold);
	vmx->pending = 0;
	assert(ok);
}

static void regs_write(const struct vp *vp, struct vmx *vmx)
{
	if (vp->regs.rip != vmx->rip)
		vmcs_write(VMCS_GUEST_RIP, vp->regs.rip);
	if (vp->regs.gpr[GPR_RSP] != vmx->rsp)
		vmcs_write(VMCS_GUEST_RSP, vp->regs.gpr[GPR_RSP]);
	if (vp->regs.rflags != vmx->rflags)
		vmcs_write(VMCS_GUEST_RFLAGS, (vp->regs.rflags & RFLAGS_EXIST) | RFLAGS_FIXED);
}

static inline void regs_read(struct vp *vp, struct vmx *vmx)
{
	vp->regs.rip = vmx->rip = vmcs_read(VMCS_GUEST_RIP);
	vp->regs.gpr[GPR_RSP] = vmx->rsp = vmcs_read(VMCS_GUEST_RSP);
	vp->regs.rflags = vmx->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
}

/* Controls or host state are wrong: our bug, so say what we know. */
__attribute__((noinline)) static void refused(struct vp *vp, struct exit *exit)
{
	u64 error = 0;

	if (!vmx_read(VMCS_INSTRUCTION_ERROR, &error))
		error = 0;
	log_error("vmx: p%u.v%u: entry refused error=%u launched=%d", (u32)vp->partition->id,
		vp->index, (u32)error, vmx_of(vp)->launched);
	exit->kind = EXIT_ENTRY_FAILED;
	exit->length = 0;
	exit->raw.reason = REFUSED | error;
	exit->raw.info = 0;
	/* What regs_write() wrote is in the VMCS. */
	regs_read(vp, vmx_of(vp));
}

void vmx_run(struct vp *vp, struct exit *exit)
{
	struct vmx *vmx = vmx_of(vp);

	if (unlikely(vp->event.valid))
		vmx_event_inject(vp);
	if (unlikely(vmx->pending))
		pending_apply(vmx);
	regs_write(vp, vmx);
	if (unlikely(vmx_enter(&vp->regs, &vmx->host_rsp, vmx->launched))) {
		refused(vp, exit);
		return;
	}
	regs_read(vp, vmx);
	vmx_exit_decode(vp, exit);
	if (unlikely(!vmx->launched))
		vmx->launched = exit->kind != EXIT_ENTRY_FAILED;
}
