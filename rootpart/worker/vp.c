/* SPDX-License-Identifier: MIT */
/*
 * Registers of a stopped VP. General registers, RIP and RFLAGS change in its
 * register page, everything else by a system call. Intel SDM volume 3, 3.4
 * and 6; TLFS 6.0b, 7.9 for pending interruptions.
 */
#include "rootpart/worker/vp.h"

#include "base/assert.h"
#include "rootpart/worker/report.h"
#include "rootpart/worker/sys.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

#define SEGMENT_CODE      0x0008u
#define SEGMENT_DOWN      0x0004u /* of data: offsets above the limit */
#define SEGMENT_WRITABLE  0x0002u /* of data */

#define PENDING_VALID     BIT(0)
#define PENDING_EXCEPTION (3u << 1)
#define PENDING_SOFTWARE  (6u << 1) /* INT3, INTO */
#define PENDING_HAS_ERROR BIT(4)
#define PENDING_LENGTH(l) ((u64)(l) << 5)
#define PENDING_VECTOR(v) ((u64)(v) << 16)
#define PENDING_ERROR(e)  ((u64)(e) << 32)

#define DR6_SINGLE_STEP   BIT(14)

enum insn_mode vp_mode(const struct vp *vp)
{
	u16 attributes = vp->regs->cs.attributes;

	if (vp->regs->efer & EFER_LMA && attributes & HV_SEG_LONG)
		return INSN_64;
	return attributes & HV_SEG_DB ? INSN_32 : INSN_16;
}

void vp_gprs_changed(struct vp *vp)
{
	vp->regs->dirty |= (u32)HV_DIRTY_GPRS;
}

void vp_rflags_changed(struct vp *vp)
{
	vp->regs->dirty |= (u32)HV_DIRTY_RFLAGS;
}

static void set_register(struct vp *vp, u32 name, u64 value)
{
	const struct hv_register_assoc assoc = { .name = name, .value.u64 = value };

	if (sys_set_registers(vp->index, &assoc, 1) != 0)
		report_failure("VP %u: the hypervisor refused value 0x%lx for register 0x%x",
			vp->index, value, name);
}

/* The trap that a stepping debugger expects behind every instruction. */
static void single_step(struct vp *vp)
{
	const u32 name = HV_X64_REGISTER_DR6;
	union hv_register_value dr6;

	if (sys_get_registers(vp->index, &name, 1, &dr6) != 0)
		report_failure("VP %u is not stopped", vp->index);
	set_register(vp, name, dr6.u64 | DR6_SINGLE_STEP);
	vp_inject(vp, VEC_DB, false, 0);
}

void vp_advance(struct vp *vp, u8 length)
{
	struct hv_register_page *regs = vp->regs;

	regs->rip += length;
	if (vp_mode(vp) != INSN_64)
		regs->rip = (u32)regs->rip;
	regs->dirty |= (u32)HV_DIRTY_RIP;
	if (regs->rflags & RFLAGS_RF) {
		regs->rflags &= ~RFLAGS_RF;
		vp_rflags_changed(vp);
	}
	if (vp->why->execution & HV_EXECUTION_SHADOW)
		set_register(vp, HV_REGISTER_INTERRUPT_STATE,
			regs->interrupt_state & ~HV_INTERRUPT_STATE_SHADOW);
	if (regs->rflags & RFLAGS_TF)
		single_step(vp);
}

void vp_inject(struct vp *vp, u8 vector, bool has_error, u32 error)
{
	u64 value = PENDING_VALID | PENDING_EXCEPTION | PENDING_VECTOR(vector);

	/* Real mode pushes no error codes. */
	if (has_error && vp->regs->cr0 & CR0_PE)
		value |= PENDING_HAS_ERROR | PENDING_ERROR(error);
	set_register(vp, HV_REGISTER_PENDING_INTERRUPTION, value);
}

void vp_inject_software(struct vp *vp, u8 vector, u8 length)
{
	set_register(vp, HV_REGISTER_PENDING_INTERRUPTION,
		PENDING_VALID | PENDING_SOFTWARE | PENDING_LENGTH(length) | PENDING_VECTOR(vector));
}

void vp_inject_fault(struct vp *vp, const struct vp_fault *fault)
{
	if (fault->vector == VEC_PF)
		set_register(vp, HV_X64_REGISTER_CR2, fault->address);
	vp_inject(vp, fault->vector, fault->vector != VEC_UD, fault->error);
}

static const struct hv_segment *segment(const struct vp *vp, enum insn_seg seg)
{
	const struct hv_register_page *regs = vp->regs;
	const struct hv_segment *const segments[] = {
		[INSN_ES] = &regs->es,
		[INSN_CS] = &regs->cs,
		[INSN_SS] = &regs->ss,
		[INSN_DS] = &regs->ds,
		[INSN_FS] = &regs->fs,
		[INSN_GS] = &regs->gs,
	};

	assert(seg < ARRAY_SIZE(segments));
	return segments[seg];
}

static bool is_canonical(const struct vp *vp, u64 linear)
{
	u32 unused = vp->regs->cr4 & CR4_LA57 ? 7 : 16;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

/* In 64-bit mode only FS and GS begin elsewhere than at 0, and none ends. */
static bool linear_64(const struct vp *vp, enum insn_seg seg, u64 offset, u32 size, u64 *linear)
{
	*linear = offset;
	if (seg == INSN_FS || seg == INSN_GS)
		*linear += segment(vp, seg)->base;
	return is_canonical(vp, *linear) && is_canonical(vp, *linear + size - 1);
}

/*
 * Real mode and virtual 8086 mode look at the limit alone. That code may be
 * marked not to be read as data is left out.
 */
static bool rights_allow(const struct vp *vp, const struct hv_segment *s, bool write)
{
	bool code = s->attributes & SEGMENT_CODE;

	if (!(vp->regs->cr0 & CR0_PE) || vp->regs->rflags & RFLAGS_VM)
		return true;
	if (!(s->attributes & HV_SEG_PRESENT))
		return false;
	return !write || (!code && s->attributes & SEGMENT_WRITABLE);
}

static bool limit_allows(const struct hv_segment *s, u64 offset, u32 size)
{
	u64 top = s->attributes & HV_SEG_DB ? 0xffffffff : 0xffff;

	if ((s->attributes & (SEGMENT_CODE | SEGMENT_DOWN)) == SEGMENT_DOWN)
		return offset > s->limit && offset + size - 1 <= top;
	return offset + size - 1 <= s->limit;
}

static bool linear_32(
	const struct vp *vp, enum insn_seg seg, u64 offset, u32 size, bool write, u64 *linear)
{
	const struct hv_segment *s = segment(vp, seg);

	*linear = (u32)(s->base + offset);
	return rights_allow(vp, s, write) && limit_allows(s, offset, size);
}

bool vp_linear(const struct vp *vp, enum insn_seg seg, u64 offset, u32 size, bool write,
	u64 *linear, struct vp_fault *fault)
{
	bool ok = vp_mode(vp) == INSN_64 ? linear_64(vp, seg, offset, size, linear)
					 : linear_32(vp, seg, offset, size, write, linear);

	if (!ok)
		*fault = (struct vp_fault){ .vector = seg == INSN_SS ? VEC_SS : VEC_GP };
	return ok;
}
