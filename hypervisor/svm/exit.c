/* SPDX-License-Identifier: MIT */
/*
 * From AMD-V's exit codes to the neutral exit record, by one const table.
 * Called after each exit, on the VP's processor. AMD APM volume 2, appendix C,
 * and the section of each intercept in chapter 15.
 */
#include "hypervisor/svm/exit.h"

#include "hypervisor/guest.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/paging.h"

/* Vectors of exceptions that push an error code. */
#define ERROR_CODES                                                                          \
	(BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | \
		BIT(VEC_AC) | BIT(VEC_CP))

/* Behind 0F. */
#define MOV_TO_CR 0x22u

static void decode_raw(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	(void)vp;
	exit->raw.reason = c->exit_code;
	exit->raw.info = c->exit_info_1;
}

static void decode_cr(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	(void)vp;
	exit->cr.cr = (u8)(c->exit_code & 0xf);
	exit->cr.write = true;
	exit->cr.clts = false;
	exit->cr.lmsw = false;
	exit->cr.known = c->exit_info_1 & VMCB_CR_DECODED;
	exit->cr.gpr = VMCB_CR_GPR(c->exit_info_1);
	exit->cr.lmsw_source = 0;
}

static void decode_exception(const struct vmcb_control *c, struct exit *exit)
{
	u8 vector = (u8)(c->exit_code - VMEXIT_EXCEPTION);

	exit->exception.vector = vector;
	exit->exception.has_error = BIT(vector) & ERROR_CODES;
	exit->exception.error = exit->exception.has_error ? (u32)c->exit_info_1 : 0;
	/* An intercepted page fault has not reached CR2. */
	exit->exception.address = vector == VEC_PF ? c->exit_info_2 : 0;
}

static void decode_io(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	u64 info = c->exit_info_1;
	u64 length = c->exit_info_2 - vp->regs.rip;

	exit->io.port = VMCB_IO_PORT(info);
	exit->io.size = VMCB_IO_SIZE(info);
	exit->io.in = info & VMCB_IO_IN;
	exit->io.string = info & VMCB_IO_STRING;
	exit->io.rep = info & VMCB_IO_REP;
	/* Every processor tells where an I/O instruction ends. */
	exit->length = length <= 15 ? (u8)length : 0;
}

static void decode_msr(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	exit->kind = c->exit_info_1 & 1 ? EXIT_WRMSR : EXIT_RDMSR;
	exit->msr.msr = (u32)vp->regs.gpr[GPR_RCX];
}

/* The present bit of the error code is not to be relied on; the others are. */
static void decode_npf(const struct vmcb_control *c, struct exit *exit)
{
	u64 info = c->exit_info_1;

	exit->slat.gpa = GPA(c->exit_info_2);
	exit->slat.walk = info & VMCB_NPF_WALK;
	exit->slat.gva_valid = false;
	exit->slat.gva = GVA(0);
	if (info & PF_FETCH)
		exit->slat.access = ACCESS_EXEC;
	else
		exit->slat.access = info & PF_W ? ACCESS_WRITE : ACCESS_READ;
}

/* From here on one instruction runs, see step.c. */
static void decode_iret(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	struct svm_vp *s = svm_of(vp);

	(void)c;
	(void)exit;
	s->flags |= SVM_STEP;
	s->step_iret = true;
}

/* What ends a shadow is one instruction, whatever the next VMRUN makes of it. */
static void keep_shadow(struct svm_vp *s)
{
	if (s->vmcb->control.interrupt_state & VMCB_INTERRUPT_SHADOW)
		s->flags |= SVM_STEP;
}

const struct svm_exit_row svm_exit_rows[SVM_EXIT_ROWS] = {
	[VMEXIT_CR4_WRITE] = { EXIT_CR_ACCESS, true, decode_cr },
	[VMEXIT_CR8_WRITE] = { EXIT_CR_ACCESS, true, decode_cr },
	/* The hypervisor's own handler has run by now: STGI let it in. */
	[VMEXIT_NMI] = { EXIT_NMI, false, NULL },
	[VMEXIT_VINTR] = { EXIT_INTERRUPT_WINDOW, false, NULL },
	[VMEXIT_RDPMC] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_CPUID] = { EXIT_CPUID, true, NULL },
	[VMEXIT_IRET] = { EXIT_NONE, false, decode_iret },
	[VMEXIT_INVD] = { EXIT_CACHE, true, decode_raw },
	[VMEXIT_HLT] = { EXIT_HLT, true, NULL },
	[VMEXIT_INVLPGA] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_IO] = { EXIT_IO, true, decode_io },
	[VMEXIT_MSR] = { EXIT_RDMSR, true, decode_msr },
	[VMEXIT_SHUTDOWN] = { EXIT_TRIPLE_FAULT, false, decode_raw },
	[VMEXIT_VMRUN] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_VMMCALL] = { EXIT_HYPERCALL, true, NULL },
	[VMEXIT_VMLOAD] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_VMSAVE] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_STGI] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_CLGI] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_SKINIT] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_MONITOR] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_MWAIT] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_MWAIT_COND] = { EXIT_FORBIDDEN, true, decode_raw },
	[VMEXIT_XSETBV] = { EXIT_XSETBV, true, NULL },
};

/*
 * One emulator ends a guest's MOV of reserved bits to CR3 like an entry that
 * failed, where #GP is due. So what RIP points to decides: that instruction
 * becomes a write to be judged, anything else is a failed entry of ours.
 */
static bool decode_cr3_write(struct vp *vp, struct exit *exit)
{
	struct guest_fault fault;
	struct insn insn;

	if (!guest_fetch(vp, &insn, &fault) || insn.map != INSN_MAP_0F ||
		insn.opcode != MOV_TO_CR || insn.reg != 3)
		return false;
	exit->kind = EXIT_CR_ACCESS;
	exit->length = insn.length;
	exit->cr.cr = 3;
	exit->cr.write = true;
	exit->cr.clts = false;
	exit->cr.lmsw = false;
	exit->cr.gpr = insn.rm;
	exit->cr.known = true;
	exit->cr.lmsw_source = 0;
	return true;
}

/* What leaves a shadow behind, exceptions, codes outside the table, and those that nothing asked for. */
static void decode_other(struct vp *vp, const struct vmcb_control *c, struct exit *exit)
{
	bool invalid = (u32)c->exit_code == VMEXIT_INVALID;

	exit->length = 0;
	if ((u32)c->exit_code == VMEXIT_INTR) {
		exit->kind = EXIT_INTERRUPT;
	} else if ((u32)c->exit_code == VMEXIT_NPF) {
		exit->kind = EXIT_SLAT_FAULT;
		decode_npf(c, exit);
	} else if ((u32)c->exit_code - VMEXIT_EXCEPTION < VEC_EXCEPTIONS) {
		exit->kind = EXIT_EXCEPTION;
		decode_exception(c, exit);
	} else if (!invalid || !decode_cr3_write(vp, exit)) {
		exit->kind = invalid ? EXIT_ENTRY_FAILED : EXIT_INTERNAL;
		decode_raw(vp, c, exit);
	}
}

/*
 * The rare part of an exit: the end of a step, and an NMI's window, which has
 * no exit of its own. An interrupt may give way to it: it stays pending.
 */
static bool finish(struct vp *vp, struct svm_vp *s, struct exit *exit, bool stepped)
{
	bool own = exit->kind == EXIT_NONE;

	if (stepped)
		own = svm_step_end(vp);
	if (!own && exit->kind != EXIT_INTERRUPT)
		return true;
	if ((s->flags & SVM_NMI_WINDOW) && svm_can_nmi(vp)) {
		exit->kind = EXIT_NMI_WINDOW;
		return true;
	}
	return !own;
}

/*
 * An interrupt waits for its window, and the guest's IF is on: the next entry
 * may take it along. That saves the window's own exit, which would follow at
 * once; not every processor looks at V_IRQ again in a VMRUN with IF on.
 */
static void window_offer(struct vp *vp, const struct svm_vp *s)
{
	if (!(s->flags & SVM_WINDOW) || !(vp->regs.rflags & RFLAGS_IF))
		return;
	svm_interrupt_window(vp, false, 0);
	atomic_fetch_or(&vp->work, VP_WORK_INTERRUPT);
}

__attribute__((noinline)) static bool decode_rare(
	struct vp *vp, struct exit *exit, const struct svm_exit_row *row)
{
	struct svm_vp *s = svm_of(vp);
	const struct vmcb_control *c = &s->vmcb->control;
	bool stepped = s->flags & SVM_STEP;
	bool refused = s->flags & SVM_FRESH && (u32)c->exit_code == VMEXIT_INVALID;

	s->flags &= ~(u32)SVM_FRESH;
	if (refused)
		svm_entry_undo(vp);
	/* Code 0 has no row either. */
	if (unlikely(!(row->kind || row->decode))) {
		decode_other(vp, c, exit);
	} else {
		exit->kind = row->kind;
		exit->length = row->instruction ? svm_instruction_length(vp, c) : 0;
		if (row->decode)
			row->decode(vp, c, exit);
	}
	if (s->flags) {
		if (!finish(vp, s, exit, stepped))
			return false;
		window_offer(vp, s);
	}
	/* The instruction has not run, and will not unless it is emulated. */
	if (exit->kind == EXIT_INTERRUPT || exit->kind == EXIT_SLAT_FAULT)
		keep_shadow(s);
	return true;
}

bool svm_exit_decode_more(struct vp *vp, struct exit *exit, const struct svm_exit_row *row)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_control *c = &s->vmcb->control;

	if (unlikely(!row->kind || s->flags))
		return decode_rare(vp, exit, row);
	exit->kind = row->kind;
	exit->length = row->instruction ? svm_instruction_length(vp, c) : 0;
	row->decode(vp, c, exit);
	return true;
}
