/* SPDX-License-Identifier: MIT */
/*
 * Control registers. Called by exit_handle() on the VP's processor. Back ends
 * let through what needs no check; how a value gets into the control block
 * (fixed bits, shadows) is theirs as well.
 */
#include "hypervisor/control.h"

#include "hypervisor/guest.h"
#include "hypervisor/log.h"
#include "hypervisor/partition.h"
#include "hypervisor/policy.h"
#include "hypervisor/vp.h"
#include "x86/apic.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"

/* Opcodes behind 0F. */
#define OP_GROUP7   0x01u
#define OP_CLTS     0x06u
#define OP_MOV_RCR  0x20u
#define OP_MOV_CRR  0x22u
#define GROUP7_LMSW 6u

#define LMSW_BITS   (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

/* Of a segment's attributes. */
#define SEG_TYPE 0xfu
#define BUSY_TSS 11u /* of 32 bits; in long mode, of 64 */

/* One access, whoever decoded it. */
struct access {
	u8 cr;
	u8 gpr;
	u8 length;
	bool write;
	bool clts;
	bool lmsw;
	u16 lmsw_source;
};

static void inject_fault(struct vp *vp, const struct guest_fault *fault)
{
	if (fault->vector == VEC_PF)
		vp_inject_pf(vp, fault->address, fault->error);
	else
		vp_inject_exception(vp, fault->vector, true, fault->error);
}

/* False: an LMSW with a memory operand, or code that changed under us. */
static bool operand_decode(const struct vp *vp, const struct insn *insn, struct access *a)
{
	if (insn->map != INSN_MAP_0F)
		return false;
	a->length = insn->length;
	a->gpr = insn->rm;
	switch (insn->opcode) {
	case OP_CLTS:
		a->clts = true;
		return a->cr == 0;
	case OP_MOV_RCR:
	case OP_MOV_CRR:
		a->write = insn->opcode == OP_MOV_CRR;
		return true;
	case OP_GROUP7:
		a->lmsw = true;
		a->lmsw_source = (u16)vp->regs.gpr[insn->rm];
		return a->cr == 0 && (insn->reg & 7) == GROUP7_LMSW && insn->mod == 3;
	default:
		return false;
	}
}

/* What the processor told, or what the instruction says. False: a fault was injected. */
static bool access_decode(struct vp *vp, const struct exit *exit, struct access *a)
{
	struct guest_fault fault;
	struct insn insn;

	*a = (struct access){
		.cr = exit->cr.cr,
		.gpr = exit->cr.gpr,
		.length = exit->length,
		.write = exit->cr.write,
		.clts = exit->cr.clts,
		.lmsw = exit->cr.lmsw,
		.lmsw_source = exit->cr.lmsw_source,
	};
	if (exit->cr.known || exit->cr.clts)
		return vp_length(vp, exit, &a->length);
	if (!guest_fetch(vp, &insn, &fault)) {
		inject_fault(vp, &fault);
		return false;
	}
	if (operand_decode(vp, &insn, a))
		return true;
	log_limited(LOG_WARN, "control: p%u.v%u: not emulated cr=%u opcode=0x%x rip=0x%lx",
		(u32)vp->partition->id, vp->index, a->cr, insn.opcode, vp->regs.rip);
	vp_inject_gp(vp);
	return false;
}

static bool set(struct vp *vp, u32 name, u64 v)
{
	union hv_register_value value = { .u64 = v };

	return virt->set(vp, name, &value) == HV_STATUS_SUCCESS;
}

/* From code that long mode would take for 64-bit, or with a TSS that it has not: no. */
static bool long_mode_enterable(struct vp *vp)
{
	union hv_register_value cs, tr;

	return virt->get(vp, HV_X64_REGISTER_CS, &cs) == HV_STATUS_SUCCESS &&
	       virt->get(vp, HV_X64_REGISTER_TR, &tr) == HV_STATUS_SUCCESS &&
	       !(cs.segment.attributes & HV_SEG_LONG) &&
	       (tr.segment.attributes & SEG_TYPE) == BUSY_TSS;
}

/* CR0.PG turns long mode on and off where EFER.LME is set. */
static bool cr0_write_guest(struct vp *vp, const struct vp_mode *mode, u64 v)
{
	u64 efer = mode->efer & ~EFER_LMA;

	if (v & CR0_PG && efer & EFER_LME)
		efer |= EFER_LMA;
	/* What does not exist of the low half is ignored, of the high half refused. */
	v = (v & (POLICY_CR0_BITS | ~0xffffffffull)) | CR0_ET;
	if (!policy_cr0_valid(vp, v) || !policy_mode_valid(v, mode->cr4, efer))
		return false;
	if (efer & ~mode->efer & EFER_LMA && !long_mode_enterable(vp))
		return false;
	/* 64-bit code cannot leave long mode but by compatibility mode. */
	if (mode->cs_long && !(v & CR0_PG))
		return false;
	if (!set(vp, HV_X64_REGISTER_CR0, v))
		return false;
	return efer == mode->efer || set(vp, HV_X64_REGISTER_EFER, efer);
}

static bool cr4_write_guest(struct vp *vp, const struct vp_mode *mode, u64 v)
{
	bool pcid_on = v & ~mode->cr4 & CR4_PCIDE;

	if (!policy_cr4_valid(vp, v) || !policy_mode_valid(mode->cr0, v, mode->efer))
		return false;
	if (pcid_on && mode->cr3 & PAGE_MASK)
		return false;
	return set(vp, HV_X64_REGISTER_CR4, v);
}

static bool cr3_write_guest(struct vp *vp, const struct vp_mode *mode, u64 v)
{
	/* Bit 63 of the operand only asks to keep the TLB. */
	if (mode->cr4 & CR4_PCIDE)
		v &= ~BIT(63);
	return policy_cr3_valid(vp, v) && set(vp, HV_X64_REGISTER_CR3, v);
}

static bool cr_write(struct vp *vp, const struct vp_mode *mode, u8 cr, u64 v)
{
	switch (cr) {
	case 0:
		return cr0_write_guest(vp, mode, v);
	case 3:
		return cr3_write_guest(vp, mode, v);
	case 4:
		return cr4_write_guest(vp, mode, v);
	case 8:
		if (v > 15)
			return false;
		vlapic_tpr_set(vp, (u8)(v << 4));
		return true;
	default:
		return false;
	}
}

static bool cr_read(struct vp *vp, const struct vp_mode *mode, u8 cr, u64 *v)
{
	switch (cr) {
	case 0:
		*v = mode->cr0;
		return true;
	case 3:
		*v = mode->cr3;
		return true;
	case 4:
		*v = mode->cr4;
		return true;
	case 8:
		*v = virt->tpr(vp);
		return true;
	default:
		return false;
	}
}

/* LMSW sets PE but never clears it, and touches only the low four bits. */
static u64 lmsw_value(u64 cr0, u16 source)
{
	return (cr0 & ~(LMSW_BITS & ~CR0_PE)) | (source & LMSW_BITS);
}

static bool access_do(struct vp *vp, const struct vp_mode *mode, const struct access *a)
{
	u64 *gpr = &vp->regs.gpr[a->gpr & 15];
	u64 mask = mode->cs_long ? ~0ull : 0xffffffffull;
	u64 v;

	if (a->clts)
		return cr_write(vp, mode, 0, mode->cr0 & ~CR0_TS);
	if (a->lmsw)
		return cr_write(vp, mode, 0, lmsw_value(mode->cr0, a->lmsw_source));
	if (a->write)
		return cr_write(vp, mode, a->cr, *gpr & mask);
	if (!cr_read(vp, mode, a->cr, &v))
		return false;
	*gpr = v & mask;
	return true;
}

void control_access(struct vp *vp, const struct exit *exit)
{
	struct vp_mode mode;
	struct access a;

	if (!access_decode(vp, exit, &a))
		return;
	virt->mode(vp, &mode);
	if (access_do(vp, &mode, &a))
		vp_advance(vp, a.length);
	else
		vp_inject_gp(vp);
}

void control_xsetbv(struct vp *vp, const struct exit *exit)
{
	u64 v = (u32)vp->regs.gpr[GPR_RAX] | vp->regs.gpr[GPR_RDX] << 32;
	struct vp_mode mode;
	u8 length;

	virt->mode(vp, &mode);
	if (!(mode.cr4 & CR4_OSXSAVE)) {
		vp_inject_ud(vp);
		return;
	}
	if (mode.cpl != 0 || (u32)vp->regs.gpr[GPR_RCX] != 0 || !policy_xcr0_valid(vp, v)) {
		vp_inject_gp(vp);
		return;
	}
	if (!vp_length(vp, exit, &length))
		return;
	/* The guest's value stays in the register while we run, see fpu.h. */
	xcr0_write(v);
	vp->xcr0 = v;
	vp_advance(vp, length);
}
