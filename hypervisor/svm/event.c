/* SPDX-License-Identifier: MIT */
/*
 * Events: delivering one with the entry, taking back one that an exit
 * interrupted, and finding out when the guest can take the next. On the VP's
 * processor, interrupts off. AMD APM volume 2, 15.20 and 15.21.
 *
 * Software events (INT n, INT3, INTO) are never injected. When an exit
 * interrupts one, RIP still points to the instruction, and running it again
 * delivers the event with the right return address; injecting it would need
 * the instruction's length, which only some processors tell.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/apic.h"
#include "hypervisor/cpu.h"
#include "hypervisor/vp.h"
#include "x86/cpu.h"
#include "x86/desc.h"

void svm_nmi_mask(struct svm_vp *s, bool on)
{
	if (on) {
		s->flags |= SVM_NMI_MASKED;
		s->vmcb->control.intercept_1 |= VMCB_INTERCEPT_1_IRET;
	} else {
		s->flags &= ~(u32)SVM_NMI_MASKED;
		s->vmcb->control.intercept_1 &= ~(u32)VMCB_INTERCEPT_1_IRET;
	}
}

/* INT3 and INTO are exceptions by type, but nothing else has their vectors. */
static bool is_software(u8 type, u8 vector)
{
	return type >= EVENT_SOFTWARE_INT ||
	       (type == EVENT_EXCEPTION && (vector == VEC_BP || vector == VEC_OF));
}

u64 svm_event_inject(struct vp *vp)
{
	const struct svm_vp *s = svm_of(vp);
	const struct event *e = &vp->event;
	u64 inject = VMCB_EVENT_VALID | (u64)e->type << 8 | e->vector;

	if (!e->valid || is_software(e->type, e->vector))
		return 0;
	if (e->type == EVENT_NMI)
		svm_nmi_mask(svm_of(vp), true);
	/* A physical interrupt to ourselves ends the guest right after the delivery. */
	if (e->type == EVENT_EXTERNAL && s->cpu->delivers_twice)
		apic_send(vp->cpu->apic_id, HV_VECTOR_KICK);
	if (e->has_error)
		inject |= VMCB_EVENT_ERROR | (u64)e->error << 32;
	return inject;
}

void svm_event_interrupted(struct vp *vp, u64 info)
{
	u8 type = VMCB_EVENT_TYPE(info);
	u8 vector = VMCB_EVENT_VECTOR(info);

	if (is_software(type, vector))
		return;
	if (type == EVENT_NMI)
		svm_nmi_mask(svm_of(vp), false);
	vp->event = (struct event){
		.valid = true,
		.type = type,
		.vector = vector,
		.has_error = info & VMCB_EVENT_ERROR,
		.error = info & VMCB_EVENT_ERROR ? (u32)(info >> 32) : 0,
	};
}

static bool in_shadow(const struct svm_vp *s)
{
	return s->vmcb->control.interrupt_state & VMCB_INTERRUPT_SHADOW;
}

bool svm_can_interrupt(struct vp *vp)
{
	return (vp->regs.rflags & RFLAGS_IF) && !in_shadow(svm_of(vp)) && !vp->event.valid;
}

bool svm_can_nmi(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	return !(s->flags & SVM_NMI_MASKED) && !in_shadow(s) && !vp->event.valid;
}

static void window_disarm(struct vmcb_control *c)
{
	c->intercept_1 &= ~(u32)VMCB_INTERCEPT_1_VINTR;
	c->intercept_cr &= ~(u32)VMCB_CR_WRITE(8);
	c->interrupt_control &= ~(u32)(VMCB_V_IRQ | VMCB_V_PRIORITY_MASK | VMCB_V_IGNORE_TPR);
}

void svm_interrupt_window(struct vp *vp, bool on, u8 priority)
{
	struct svm_vp *s = svm_of(vp);

	s->window_priority = priority;
	if (on) {
		s->flags |= SVM_WINDOW;
	} else {
		s->flags &= ~(u32)SVM_WINDOW;
		window_disarm(&s->vmcb->control);
	}
}

void svm_nmi_window(struct vp *vp, bool on)
{
	struct svm_vp *s = svm_of(vp);

	if (on)
		s->flags |= SVM_NMI_WINDOW;
	else
		s->flags &= ~(u32)SVM_NMI_WINDOW;
}

/*
 * A virtual interrupt that exits instead of being delivered. It serves only
 * while it beats the guest's TPR, for not every processor compares the two
 * alike when they are equal; otherwise the guest's next write to CR8 exits.
 * Done before each entry, because an exit may drop V_IRQ.
 */
static void window_arm(struct svm_vp *s)
{
	struct vmcb_control *c = &s->vmcb->control;

	window_disarm(c);
	if (s->window_priority == VIRT_WINDOW_ANY) {
		c->intercept_1 |= VMCB_INTERCEPT_1_VINTR;
		c->interrupt_control |=
			(u32)(VMCB_V_IRQ | VMCB_V_PRIORITY(0xf) | VMCB_V_IGNORE_TPR);
	} else if (s->window_priority > (c->interrupt_control & VMCB_V_TPR)) {
		c->intercept_1 |= VMCB_INTERCEPT_1_VINTR;
		c->interrupt_control |= (u32)VMCB_V_IRQ | VMCB_V_PRIORITY(s->window_priority);
	} else {
		c->intercept_cr |= (u32)VMCB_CR_WRITE(8);
	}
}

/*
 * An NMI waits. If it is masked, the IRET that ends the mask exits. An
 * interrupt shadow is left by a step. Else what it waits for is the injection
 * under way: a physical interrupt to ourselves ends the guest right after it,
 * and exit.c makes that a window.
 */
static void nmi_window_arm(struct vp *vp, struct svm_vp *s)
{
	if (s->flags & (SVM_NMI_MASKED | SVM_STEP))
		return;
	if (in_shadow(s) && !s->vmcb->control.inject)
		s->flags |= SVM_STEP;
	else
		apic_send(vp->cpu->apic_id, HV_VECTOR_KICK);
}

void svm_event_arm(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	if (s->flags & SVM_FRESH)
		svm_entry_keep(vp);
	/* An injection leaves the shadow behind. */
	if (s->flags & SVM_STEP && !s->step_iret && s->vmcb->control.inject)
		s->flags &= ~(u32)SVM_STEP;
	if (s->flags & SVM_NMI_WINDOW)
		nmi_window_arm(vp, s);
	/* A window would open before the one instruction. */
	if (s->flags & SVM_STEP) {
		window_disarm(&s->vmcb->control);
		svm_step_begin(vp);
	} else if (s->flags & SVM_WINDOW) {
		window_arm(s);
	}
}
