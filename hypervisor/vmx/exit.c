/* SPDX-License-Identifier: MIT */
/*
 * From VT-x's exit reason and qualification to the neutral record: one const
 * table, a row per reason. Called by run.c right after each exit, while the
 * VMCS is current. Intel SDM volume 3, chapter 28 and appendix C.
 */
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"

#define LENGTH true /* the instruction's length is valid */

struct exit_row {
	u8 kind;
	bool length;
	void (*decode)(struct vp *vp, struct exit *exit);
};

static void decode_raw(struct vp *vp, struct exit *exit)
{
	(void)vp;
	exit->raw.reason = vmcs_read(VMCS_EXIT_REASON);
	exit->raw.info = vmcs_read(VMCS_QUALIFICATION);
}

/* The IRET that had ended NMI blocking did not get through: block again. */
static void nmi_block_again(void)
{
	u64 state = vmcs_read(VMCS_INTERRUPTIBILITY);

	vmcs_write(VMCS_INTERRUPTIBILITY, state | INTERRUPTIBILITY_NMI);
}

#define DR6_CAUSES    0x600full /* B0-B3, BD, BS; the qualification has them too */
#define DR6_STICKY    0x6000ull
#define DR7_GD        BIT(13)
#define DR6_FIXED_ONE 0xffff0ff0ull

/* Does to DR6 and DR7 what the exit kept the exception from doing. */
static void debug_exception(void)
{
	u64 causes = vmcs_read(VMCS_QUALIFICATION) & DR6_CAUSES;

	dr6_write((dr6_read() & DR6_STICKY) | DR6_FIXED_ONE | causes);
	vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~DR7_GD);
}

static void decode_exception(struct vp *vp, struct exit *exit)
{
	u32 info = (u32)vmcs_read(VMCS_EXIT_EVENT);
	u8 vector = EVENT_INFO_VECTOR(info);

	vmx_event_interrupted(vp);
	if (EVENT_INFO_TYPE(info) == EVENT_NMI) {
		exit->kind = EXIT_NMI;
		return;
	}
	/* INT1 is delivered as what it is: behind the instruction, DR6 untouched. */
	if (EVENT_INFO_TYPE(info) == EVENT_PRIV_SOFTWARE_EXCEPTION) {
		exit->kind = EXIT_NONE;
		vp->event = (struct event){ true, EVENT_PRIV_SOFTWARE_EXCEPTION, vector, false,
			(u8)vmcs_read(VMCS_EXIT_LENGTH), 0 };
		return;
	}
	if ((info & EVENT_INFO_NMI_UNBLOCK) && vector != VEC_DF && !vp->event.valid)
		nmi_block_again();
	exit->exception.vector = vector;
	exit->exception.has_error = info & EVENT_INFO_ERROR;
	exit->exception.error = info & EVENT_INFO_ERROR ? (u32)vmcs_read(VMCS_EXIT_EVENT_ERROR) : 0;
	exit->exception.address = vector == VEC_PF ? vmcs_read(VMCS_QUALIFICATION) : 0;
	if (vector == VEC_DB)
		debug_exception();
}

static void decode_cr(struct vp *vp, struct exit *exit)
{
	u64 q = vmcs_read(VMCS_QUALIFICATION);
	u64 type = (q >> 4) & 3; /* MOV to, MOV from, CLTS, LMSW */

	(void)vp;
	exit->cr.cr = q & 15;
	exit->cr.write = type != 1;
	exit->cr.clts = type == 2;
	exit->cr.lmsw = type == 3;
	exit->cr.gpr = (q >> 8) & 15;
	exit->cr.known = true;
	exit->cr.lmsw_source = (u16)(q >> 16);
}

static void decode_io(struct vp *vp, struct exit *exit)
{
	u64 q = vmcs_read(VMCS_QUALIFICATION);

	(void)vp;
	exit->io.port = (u16)(q >> 16);
	exit->io.size = (u8)((q & 7) + 1);
	exit->io.in = q & BIT(3);
	exit->io.string = q & BIT(4);
	exit->io.rep = q & BIT(5);
}

static void decode_msr(struct vp *vp, struct exit *exit)
{
	exit->msr.msr = (u32)vp->regs.gpr[GPR_RCX];
}

static_assert(EPT_QUAL_READ == ACCESS_READ && EPT_QUAL_WRITE == ACCESS_WRITE &&
	      EPT_QUAL_EXEC == ACCESS_EXEC);

static void decode_ept_violation(struct vp *vp, struct exit *exit)
{
	u64 q = vmcs_read(VMCS_QUALIFICATION);

	vmx_event_interrupted(vp);
	if ((q & EPT_QUAL_NMI_UNBLOCK) && !vp->event.valid)
		nmi_block_again();
	exit->slat.gpa = GPA(vmcs_read(VMCS_GUEST_PHYSICAL));
	exit->slat.access = q & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXEC);
	exit->slat.gva_valid = q & EPT_QUAL_LINEAR;
	/* Without a linear address it was a load of PDPTEs. */
	exit->slat.walk = !exit->slat.gva_valid || !(q & EPT_QUAL_TRANSLATED);
	exit->slat.gva = GVA(exit->slat.gva_valid ? vmcs_read(VMCS_GUEST_LINEAR) : 0);
}

/* By a task gate, it comes in the middle of an event. */
static void decode_task_switch(struct vp *vp, struct exit *exit)
{
	vmx_event_interrupted(vp);
	decode_raw(vp, exit);
}

/* The threshold is above the TPR now, and the next entry would fail. */
static void decode_tpr(struct vp *vp, struct exit *exit)
{
	(void)exit;
	vmx_interrupt_window(vp, false, 0);
}

static void decode_turn_over(struct vp *vp, struct exit *exit)
{
	(void)vp;
	(void)exit;
	vmx_turn_begin();
}

/* Reasons without a row cannot come with the controls in use. */
static const struct exit_row rows[] = {
	[REASON_EXCEPTION] = { EXIT_EXCEPTION, false, decode_exception },
	[REASON_EXTERNAL_INTERRUPT] = { EXIT_INTERRUPT, false, NULL },
	[REASON_TRIPLE_FAULT] = { EXIT_TRIPLE_FAULT, false, NULL },
	[REASON_INIT] = { EXIT_INTERNAL, false, decode_raw },
	[REASON_SIPI] = { EXIT_INTERNAL, false, decode_raw },
	[REASON_INTERRUPT_WINDOW] = { EXIT_INTERRUPT_WINDOW, false, NULL },
	[REASON_NMI_WINDOW] = { EXIT_NMI_WINDOW, false, NULL },
	[REASON_TASK_SWITCH] = { EXIT_FORBIDDEN, false, decode_task_switch },
	[REASON_CPUID] = { EXIT_CPUID, LENGTH, NULL },
	[REASON_GETSEC] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_HLT] = { EXIT_HLT, LENGTH, NULL },
	[REASON_INVD] = { EXIT_CACHE, LENGTH, NULL },
	[REASON_RDPMC] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_RSM] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMCALL] = { EXIT_HYPERCALL, LENGTH, NULL },
	[REASON_VMCLEAR] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMLAUNCH] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMPTRLD] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMPTRST] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMREAD] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMRESUME] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMWRITE] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMXOFF] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_VMXON] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_CR_ACCESS] = { EXIT_CR_ACCESS, LENGTH, decode_cr },
	[REASON_IO] = { EXIT_IO, LENGTH, decode_io },
	[REASON_RDMSR] = { EXIT_RDMSR, LENGTH, decode_msr },
	[REASON_WRMSR] = { EXIT_WRMSR, LENGTH, decode_msr },
	[REASON_MWAIT] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_MONITOR] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_TPR_BELOW_THRESHOLD] = { EXIT_INTERRUPT_WINDOW, false, decode_tpr },
	[REASON_EPT_VIOLATION] = { EXIT_SLAT_FAULT, false, decode_ept_violation },
	[REASON_EPT_MISCONFIGURED] = { EXIT_INTERNAL, false, decode_raw },
	[REASON_INVEPT] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_PREEMPTION_TIMER] = { EXIT_PREEMPT, false, decode_turn_over },
	[REASON_INVVPID] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
	[REASON_WBINVD] = { EXIT_CACHE, LENGTH, NULL },
	[REASON_XSETBV] = { EXIT_XSETBV, LENGTH, NULL },
	[REASON_VMFUNC] = { EXIT_FORBIDDEN, LENGTH, decode_raw },
};

/*
 * A failed entry: nothing of the guest ran, and the event, if any, is still in
 * its field. Or a reason that we have not asked for.
 */
static void decode_unexpected(struct vp *vp, struct exit *exit, u32 reason)
{
	exit->kind = EXIT_INTERNAL;
	exit->length = 0;
	decode_raw(vp, exit);
	if (!(reason & REASON_ENTRY_FAILED))
		return;
	exit->kind = EXIT_ENTRY_FAILED;
	vmx_event_refused(vp);
}

void vmx_exit_decode(struct vp *vp, struct exit *exit)
{
	u32 reason = (u32)vmcs_read(VMCS_EXIT_REASON);
	const struct exit_row *row;

	if (unlikely(reason >= ARRAY_SIZE(rows) || rows[reason].kind == EXIT_NONE)) {
		decode_unexpected(vp, exit, reason);
		return;
	}
	row = &rows[reason];
	exit->kind = row->kind;
	exit->length = row->length ? (u8)vmcs_read(VMCS_EXIT_LENGTH) : 0;
	if (row->decode)
		row->decode(vp, exit);
}
