/* SPDX-License-Identifier: MIT */
/*
 * What a parent is shown of a child's VP at an intercept, straight from the
 * current VMCS, without a look-up by name. On the VP's processor, right after
 * an exit.
 */
#include "hypervisor/vmx/vmx.h"

#include "hv/message.h"
#include "hv/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"

/* Numbers of segments, as in register names. */
enum { ES, CS, SS, DS, FS, GS };

void vmx_intercept_header(struct vp *vp, struct hv_intercept_header *h)
{
	u64 cr0 = vmx_cr0();
	u32 execution = HV_SEG_DPL((u32)vmcs_read(VMCS_GUEST_SS_RIGHTS));

	(void)vp;
	if (cr0 & CR0_PE)
		execution |= HV_EXECUTION_CR0_PE;
	if (cr0 & CR0_AM)
		execution |= HV_EXECUTION_CR0_AM;
	if (vmcs_read(VMCS_GUEST_EFER) & EFER_LMA)
		execution |= HV_EXECUTION_EFER_LMA;
	if (vmcs_read(VMCS_GUEST_DR7) & 0xff)
		execution |= HV_EXECUTION_DEBUG;
	if (vmcs_read(VMCS_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW)
		execution |= HV_EXECUTION_SHADOW;
	h->execution = (u16)execution;
	h->cs = vmx_segment(CS);
}

void vmx_register_page(struct vp *vp, struct hv_register_page *page)
{
	page->es = vmx_segment(ES);
	page->cs = vmx_segment(CS);
	page->ss = vmx_segment(SS);
	page->ds = vmx_segment(DS);
	page->fs = vmx_segment(FS);
	page->gs = vmx_segment(GS);
	page->cr0 = vmx_cr0();
	page->cr3 = vmcs_read(VMCS_GUEST_CR3);
	page->cr4 = vmx_cr4(vp);
	page->efer = vmcs_read(VMCS_GUEST_EFER);
	page->dr7 = vmcs_read(VMCS_GUEST_DR7);
	page->pending_interruption = vmx_event_pack(&vp->event);
	page->interrupt_state = vmx_interrupt_state();
}
