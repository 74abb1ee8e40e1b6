/* SPDX-License-Identifier: MIT */
/*
 * Which VMCS is current where: making and deleting the control block of a VP,
 * moving a VP to and from a processor, and borrowing a VMCS that is loaded
 * nowhere for a look. cpu->virt_host is the struct vmx that is loaded on that
 * processor. A VMCS that is not loaded is always clear, so any processor may
 * take it. Intel SDM volume 3, 25.1 and 25.11.
 */
#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/pool.h"
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define RESET_DR6 0xffff0ff0u
#define RESET_RIP 0xfff0u

static const u32 live_msrs[LIVE_COUNT] = {
	[LIVE_STAR] = MSR_STAR,
	[LIVE_LSTAR] = MSR_LSTAR,
	[LIVE_CSTAR] = MSR_CSTAR,
	[LIVE_SFMASK] = MSR_SFMASK,
	[LIVE_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
};

static void clear(struct vmx *vmx)
{
	bool ok = vmx_clear(virt_to_spa(vmx->vmcs).a);

	assert(ok);
	vmx->launched = false;
}

static void make_current(const struct vmx *vmx)
{
	bool ok = vmx_pointer_load(virt_to_spa(vmx->vmcs).a);

	assert(ok);
}

void vmx_borrow_unloaded(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	assert(!vmx->loaded);
	make_current(vmx);
}

void vmx_return_unloaded(struct vp *vp)
{
	const struct vmx *own = this_cpu()->virt_host;

	clear(vmx_of(vp));
	if (own)
		make_current(own);
}

static void pages_free(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	if (vmx->vmcs)
		partition_page_free(vp->partition, vmx->vmcs);
	if (vmx->vapic)
		partition_page_free(vp->partition, vmx->vapic);
	vmx->vmcs = NULL;
	vmx->vapic = NULL;
}

static bool pages_alloc(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	vmx->vmcs = partition_page_alloc(vp->partition);
	vmx->vapic = partition_page_alloc(vp->partition);
	if (vmx->vmcs && vmx->vapic)
		return true;
	pages_free(vp);
	return false;
}

enum hv_status vmx_vp_create(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	if (!pages_alloc(vp))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	vmx->dr6 = RESET_DR6;
	if (vmx_controls.proc2 & PROC2_VPID)
		vmx->vpid = vmx_vpid_alloc();
	*(u32 *)vmx->vmcs = VMX_BASIC_REVISION(vmx_caps.basic);
	vp->regs.rip = RESET_RIP;
	vp->regs.rflags = RFLAGS_FIXED;
	clear(vmx);
	vmx_borrow(vp);
	vmcs_setup(vp);
	vmx_return(vp);
	return HV_STATUS_SUCCESS;
}

void vmx_vp_delete(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	assert(!vmx->loaded);
	if (vmx->vpid)
		vmx_vpid_free(vmx->vpid);
	pages_free(vp);
}

static void live_load(const struct vp *vp)
{
	const struct vmx *vmx = vmx_of(vp);

	for (size_t i = 0; i < LIVE_COUNT; i++)
		msr_write(live_msrs[i], vmx->live[i]);
	dr6_write(vmx->dr6);
	cr2_write(vp->cr2);
}

static void live_save(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	for (size_t i = 0; i < LIVE_COUNT; i++)
		vmx->live[i] = msr_read(live_msrs[i]);
	vmx->dr6 = dr6_read();
	vp->cr2 = cr2_read();
}

u64 vmx_live_get(const struct vmx *vmx, enum vmx_live which)
{
	return vmx->loaded ? msr_read(live_msrs[which]) : vmx->live[which];
}

void vmx_live_set(struct vmx *vmx, enum vmx_live which, u64 v)
{
	if (vmx->loaded)
		msr_write(live_msrs[which], v);
	else
		vmx->live[which] = v;
}

void vmx_load(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);
	struct cpu *cpu = this_cpu();

	assert(!vmx->loaded && !cpu->virt_host);
	make_current(vmx);
	if (vmx->cpu != cpu) {
		/* What this processor cached of an earlier stay is out of date. */
		vmcs_setup_host();
		vmx->host_rsp = 0;
		vmx->pending |= VMX_FLUSH_EPT | VMX_FLUSH_VPID;
		vmx->cpu = cpu;
	}
	if (!partition_is_root(vp->partition))
		vmx_exceptions_update(vp);
	live_load(vp);
	vmx->loaded = true;
	cpu->virt_host = vmx;
}

void vmx_save(struct vp *vp)
{
	struct vmx *vmx = vmx_of(vp);

	assert(vmx->loaded && this_cpu()->virt_host == vmx);
	live_save(vp);
	clear(vmx);
	vmx->loaded = false;
	this_cpu()->virt_host = NULL;
}

void vmx_tsc_offset(struct vp *vp, u64 offset)
{
	vmx_borrow(vp);
	vmcs_write(VMCS_TSC_OFFSET, offset);
	vmx_return(vp);
}
