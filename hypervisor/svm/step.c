/* SPDX-License-Identifier: MIT */
/*
 * Running one guest instruction and no more: the IRET that ends an NMI's
 * handler, or an instruction in an interrupt shadow. AMD-V before virtual NMIs
 * tells of an IRET only before it runs; and one emulator's VMRUN forgets the
 * shadow, so that an interrupt would come between STI and HLT, and the HLT
 * never end.
 * On the VP's processor, interrupts off, inside run().
 *
 * The guest's TF is on for that one entry. Every exit ends the step: by the
 * debug exception that follows the instruction, or by anything else before
 * it, and then TF goes back and a later entry tries again. Faults exit too,
 * so that no frame with our TF reaches the guest's stack. What could still
 * store it, right after STI or MOV SS, is PUSHF, a software interrupt or SYSCALL.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/vp.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define DR6_NONE 0xffff0ff0ull
#define DR6_HITS 0xfull
#define DR6_BD   BIT(13)
#define DR6_BS   BIT(14)

/* The end, and every fault; INT3 and INTO are instructions of their own. */
#define STEP_EXCEPTIONS                                                                      \
	(BIT(VEC_DE) | BIT(VEC_DB) | BIT(VEC_BR) | BIT(VEC_UD) | BIT(VEC_NM) | BIT(VEC_TS) | \
		BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_MF) |        \
		BIT(VEC_AC) | BIT(VEC_XM))

void svm_step_begin(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);
	struct vmcb *v = s->vmcb;

	s->step_rip = vp->regs.rip;
	s->step_tf = vp->regs.rflags & RFLAGS_TF;
	s->step_dr6 = v->save.dr6;
	v->save.rflags |= RFLAGS_TF;
	/* What is in it afterwards is this instruction's. */
	v->save.dr6 = DR6_NONE;
	v->control.intercept_exception |= (u32)STEP_EXCEPTIONS;
	if (s->step_iret)
		v->control.intercept_1 &= ~(u32)VMCB_INTERCEPT_1_IRET;
}

/* What the debug exception tells of this instruction; one emulator leaves it out. */
static u64 debug_news(const struct svm_vp *s)
{
	u64 news = s->vmcb->save.dr6 & ~DR6_NONE;

	return news ? news : DR6_BS;
}

/* True if the debug exception is only ours; else the guest gets its part of it. */
static bool debug_is_ours(struct svm_vp *s, u64 news)
{
	if (!s->step_tf)
		news &= ~DR6_BS;
	s->vmcb->save.dr6 = s->step_dr6 | news;
	return !(news & (DR6_HITS | DR6_BD | DR6_BS));
}

bool svm_step_end(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);
	struct vmcb_control *c = &s->vmcb->control;
	bool debug = (u32)c->exit_code == VMEXIT_EXCEPTION + VEC_DB;
	u64 news = debug ? debug_news(s) : 0;
	/* It may have led back to itself. */
	bool done = vp->regs.rip != s->step_rip || news & DR6_BS;
	bool iret = s->step_iret;

	s->flags &= ~(u32)SVM_STEP;
	s->step_iret = false;
	c->intercept_exception = s->exceptions;
	/* IRET has loaded the guest's own flags; any other keeps what we set. */
	if (!s->step_tf && !(done && iret))
		vp->regs.rflags &= ~RFLAGS_TF;
	if (iret && done)
		s->flags &= ~(u32)SVM_NMI_MASKED;
	else if (iret)
		c->intercept_1 |= VMCB_INTERCEPT_1_IRET;
	else if (!done)
		/* Forgotten by the entry, it is not there at this exit. */
		c->interrupt_state |= VMCB_INTERRUPT_SHADOW;
	if (debug)
		return debug_is_ours(s, news) && done;
	s->vmcb->save.dr6 = s->step_dr6;
	return false;
}
