/* SPDX-License-Identifier: MIT */
/*
 * Entering a VP and leaving it: the path that every exit takes. Also address
 * space identifiers (ASIDs), by which the TLB keeps a VP's translations apart
 * from others' and across exits. On the VP's processor, interrupts off.
 * AMD APM volume 2, 15.5, 15.16.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/svm/exit.h"
#include "hypervisor/svm/run_regs.h"
#include "hypervisor/vp.h"
#include "x86/cr.h"

#define CHECK_REG(r) static_assert(offsetof(struct vp_regs, gpr[GPR_##r]) == REGS_##r)
CHECK_REG(RCX);
CHECK_REG(RDX);
CHECK_REG(RBX);
CHECK_REG(RBP);
CHECK_REG(RSI);
CHECK_REG(RDI);
CHECK_REG(R8);
CHECK_REG(R9);
CHECK_REG(R10);
CHECK_REG(R11);
CHECK_REG(R12);
CHECK_REG(R13);
CHECK_REG(R14);
CHECK_REG(R15);

/*
 * A VP gets a new ASID when it comes to a processor, and when what its old one
 * stands for must be forgotten: no flush instruction needs naming an ASID.
 */
static void asid_assign(struct svm_vp *s)
{
	struct svm_cpu *c = s->cpu;

	if (c->asid_next >= c->asid_count) {
		c->generation++;
		c->asid_next = 1;
		s->vmcb->control.tlb_control = VMCB_TLB_FLUSH_ALL;
	}
	s->vmcb->control.asid = c->asid_next++;
	s->generation = c->generation;
}

static inline void take_out(struct vp *vp, const struct vmcb_save *save)
{
	vp->regs.gpr[GPR_RAX] = save->rax;
	vp->regs.gpr[GPR_RSP] = save->rsp;
	vp->regs.rip = save->rip;
	vp->regs.rflags = save->rflags;
}

void svm_catch_up(struct vp *vp, u64 rip)
{
	const struct svm_vp *s = svm_of(vp);

	if (rip >= (u64)svm_enter && rip < (u64)svm_enter_end)
		take_out(vp, &s->vmcb->save);
}

static void enter(struct vp *vp, struct svm_vp *s)
{
	struct vmcb_control *c = &s->vmcb->control;
	struct vmcb_save *save = &s->vmcb->save;
	const struct svm_cpu *cpu = s->cpu;

	save->rax = vp->regs.gpr[GPR_RAX];
	save->rsp = vp->regs.gpr[GPR_RSP];
	save->rip = vp->regs.rip;
	save->rflags = vp->regs.rflags;
	c->inject = unlikely(vp->event.valid) ? svm_event_inject(vp) : 0;
	if (unlikely(s->generation != cpu->generation))
		asid_assign(s);
	if (unlikely(s->flags))
		svm_event_arm(vp);
	svm_enter(&vp->regs, s->vmcb_spa, cpu->host_spa);
	c->tlb_control = 0;
	take_out(vp, save);
	vp->event.valid = false;
	if (unlikely(c->exit_event & VMCB_EVENT_VALID))
		svm_event_interrupted(vp, c->exit_event);
}

void svm_run(struct vp *vp, struct exit *exit)
{
	do
		enter(vp, svm_of(vp));
	while (unlikely(!svm_exit_decode(vp, exit)));
}

/* The VMCB is written back at each exit, so leaving a processor is nothing. */
void svm_save(struct vp *vp)
{
	(void)vp;
}

void svm_load(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);
	struct svm_cpu *c = this_cpu()->virt_host;

	if (s->cpu != c) {
		s->cpu = c;
		s->generation = 0;
		svm_entry_doubt(vp);
	}
	/* VMRUN does so, too, but not on every emulator. */
	cr2_write(s->vmcb->save.cr2);
	if (partition_is_root(vp->partition))
		return;
	svm_exceptions_update(vp);
}

void svm_tsc_offset(struct vp *vp, u64 offset)
{
	svm_of(vp)->vmcb->control.tsc_offset = offset;
}

void svm_flush(struct vp *vp)
{
	struct svm_vp *s = svm_of(vp);

	s->generation = 0;
}
