/* SPDX-License-Identifier: MIT */
/*
 * What a parent is shown of a child's VP at an intercept, straight from the
 * VMCB, without a look-up by name. On the VP's processor, right after an exit.
 */
#include "hypervisor/svm/svm.h"

#include "hv/message.h"
#include "hv/vp.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"
#include "x86/msr.h"

static struct hv_segment segment(const struct vmcb_segment *s)
{
	return (struct hv_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.attributes = svm_attributes_unpack(s->attributes),
	};
}

void svm_intercept_header(struct vp *vp, struct hv_intercept_header *h)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_save *save = &s->vmcb->save;
	u32 execution = save->cpl;

	if (save->cr0 & CR0_PE)
		execution |= HV_EXECUTION_CR0_PE;
	if (save->cr0 & CR0_AM)
		execution |= HV_EXECUTION_CR0_AM;
	if (save->efer & EFER_LMA)
		execution |= HV_EXECUTION_EFER_LMA;
	if (save->dr7 & 0xff)
		execution |= HV_EXECUTION_DEBUG;
	if (s->vmcb->control.interrupt_state & VMCB_INTERRUPT_SHADOW)
		execution |= HV_EXECUTION_SHADOW;
	h->execution = (u16)execution;
	h->cs = segment(&save->cs);
}

void svm_register_page(struct vp *vp, struct hv_register_page *page)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_save *save = &s->vmcb->save;

	page->es = segment(&save->es);
	page->cs = segment(&save->cs);
	page->ss = segment(&save->ss);
	page->ds = segment(&save->ds);
	page->fs = segment(&save->fs);
	page->gs = segment(&save->gs);
	page->cr0 = save->cr0;
	page->cr3 = save->cr3;
	page->cr4 = save->cr4;
	page->efer = save->efer & ~EFER_SVME;
	page->dr7 = save->dr7;
	page->pending_interruption = svm_event_pack(&vp->event);
	page->interrupt_state = svm_interrupt_state(s);
}
