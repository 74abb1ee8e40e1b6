/* SPDX-License-Identifier: MIT */
/*
 * An entry that VMRUN refuses, for a state that a child's parent made up. The
 * processor may leave its own state in the VMCB then (emulators do), and the
 * event that was to be delivered is gone from it: what was to be entered is
 * kept for the first entry after a change, or on another processor, and put back.
 * Later ones enter what the processor itself made. AMD APM volume 2, 15.5.1.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "lib/string.h"

void svm_entry_doubt(struct vp *vp)
{
	if (!partition_is_root(vp->partition))
		svm_of(vp)->flags |= SVM_FRESH;
}

void svm_entry_keep(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	memcpy(s->entered, &s->vmcb->save, SVM_SAVE_SIZE);
	s->entered_event = vp->event;
}

void svm_entry_undo(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);
	struct vmcb_save *save = &s->vmcb->save;

	memcpy(save, s->entered, SVM_SAVE_SIZE);
	vp->regs.gpr[GPR_RAX] = save->rax;
	vp->regs.gpr[GPR_RSP] = save->rsp;
	vp->regs.rip = save->rip;
	vp->regs.rflags = save->rflags;
	vp->event = s->entered_event;
	if (vp->event.valid && vp->event.type == EVENT_NMI)
		svm_nmi_mask(s, false);
}
