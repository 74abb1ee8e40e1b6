/* SPDX-License-Identifier: MIT */
/*
 * A VP's registers under their TLFS names, in and out of the VMCB, by one
 * const table; and the few that hot paths ask for. While the VP does not run,
 * on its processor. AMD APM volume 2, 15.5.1 lists what VMRUN refuses: no
 * such value gets in here, but for reserved bits that differ by processor,
 * which are the caller's policy.
 */
#include "hypervisor/svm/svm.h"

#include "hypervisor/cpu.h"
#include "hypervisor/vp.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/desc.h"
#include "x86/msr.h"
#include "x86/paging.h"

/* Attributes: the TLFS has them as in a descriptor, the VMCB without the gap. */
static u16 attributes_pack(u16 a)
{
	return (u16)((a & 0xff) | (a >> 4 & 0xf00));
}

u16 svm_attributes_unpack(u16 a)
{
	return (u16)((a & 0xff) | (a & 0xf00) << 4);
}

/* Whether CS is 64-bit code. */
static bool is_long(const struct vmcb_save *save)
{
	return (save->cs.attributes & VMCB_SEG_LONG) && (save->efer & EFER_LMA);
}

static bool is_canonical(const struct vp *vp, u64 v)
{
	(void)vp;
	return linear_is_canonical(v);
}

static bool is_any(const struct vp *vp, u64 v)
{
	(void)vp;
	(void)v;
	return true;
}

static bool is_low_half(const struct vp *vp, u64 v)
{
	(void)vp;
	return !(v >> 32);
}

static bool is_cr0(const struct vp *vp, u64 v)
{
	(void)vp;
	return !(v >> 32) && !((v & CR0_PG) && !(v & CR0_PE)) && !((v & CR0_NW) && !(v & CR0_CD));
}

static bool is_cr3(const struct vp *vp, u64 v)
{
	return !(v >> vp->cpu->features.phys_bits);
}

#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_LMSLE | EFER_FFXSR | EFER_TCE)

static bool is_efer(const struct vp *vp, u64 v)
{
	(void)vp;
	return !(v & ~EFER_GUEST);
}

/* Each of eight bytes is a memory type: 0, 1, 4 to 7. */
static bool is_pat(const struct vp *vp, u64 v)
{
	(void)vp;
	for (u32 i = 0; i < 64; i += 8) {
		u8 t = (u8)(v >> i);

		if (t > 7 || t == 2 || t == 3)
			return false;
	}
	return true;
}

enum reg_kind { REG_U64, REG_SEGMENT, REG_TABLE };

#define REG(reg, kind, field, valid)                                             \
	{                                                                        \
		HV_##reg, kind, (u16)offsetof(struct vmcb_save, field), valid, 0 \
	}
/* Registers whose change must be forgotten by the TLB: a new ASID. */
#define REG_FLUSH(reg, field, valid)                                                \
	{                                                                           \
		HV_##reg, REG_U64, (u16)offsetof(struct vmcb_save, field), valid, 1 \
	}

static const struct reg_row {
	u32 name;
	u8 kind;
	u16 offset; /* in struct vmcb_save */
	bool (*valid)(const struct vp *vp, u64 v);
	u8 flush;
} rows[] = {
	REG_FLUSH(X64_REGISTER_CR0, cr0, is_cr0),
	REG_FLUSH(X64_REGISTER_CR3, cr3, is_cr3),
	REG_FLUSH(X64_REGISTER_CR4, cr4, is_low_half),
	REG_FLUSH(X64_REGISTER_EFER, efer, is_efer),
	REG_FLUSH(X64_REGISTER_PAT, pat, is_pat),
	REG(X64_REGISTER_DR6, REG_U64, dr6, is_low_half),
	REG(X64_REGISTER_DR7, REG_U64, dr7, is_low_half),
	REG(X64_REGISTER_KERNEL_GS_BASE, REG_U64, kernel_gs_base, is_canonical),
	REG(X64_REGISTER_SYSENTER_CS, REG_U64, sysenter_cs, is_any),
	REG(X64_REGISTER_SYSENTER_EIP, REG_U64, sysenter_eip, is_canonical),
	REG(X64_REGISTER_SYSENTER_ESP, REG_U64, sysenter_esp, is_canonical),
	REG(X64_REGISTER_STAR, REG_U64, star, is_any),
	REG(X64_REGISTER_LSTAR, REG_U64, lstar, is_canonical),
	REG(X64_REGISTER_CSTAR, REG_U64, cstar, is_canonical),
	REG(X64_REGISTER_SFMASK, REG_U64, sfmask, is_any),
	REG(X64_REGISTER_ES, REG_SEGMENT, es, is_canonical),
	REG(X64_REGISTER_CS, REG_SEGMENT, cs, is_canonical),
	REG(X64_REGISTER_SS, REG_SEGMENT, ss, is_canonical),
	REG(X64_REGISTER_DS, REG_SEGMENT, ds, is_canonical),
	REG(X64_REGISTER_FS, REG_SEGMENT, fs, is_canonical),
	REG(X64_REGISTER_GS, REG_SEGMENT, gs, is_canonical),
	REG(X64_REGISTER_LDTR, REG_SEGMENT, ldtr, is_canonical),
	REG(X64_REGISTER_TR, REG_SEGMENT, tr, is_canonical),
	REG(X64_REGISTER_IDTR, REG_TABLE, idtr, is_canonical),
	REG(X64_REGISTER_GDTR, REG_TABLE, gdtr, is_canonical),
};

static const struct reg_row *row_find(u32 name)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].name == name)
			return &rows[i];
	return NULL;
}

static void *row_field(struct svm_vp *s, const struct reg_row *row)
{
	return (u8 *)&s->vmcb->save + row->offset;
}

/*
 * PendingInterruption is vp->event: pending, type, error code, length,
 * vector, error. The types that VMRUN refuses are refused here.
 */
u64 svm_event_pack(const struct event *e)
{
	if (!e->valid)
		return 0;
	return 1 | (u64)e->type << 1 | (u64)e->has_error << 4 | (u64)(e->length & 0xf) << 5 |
	       (u64)e->vector << 16 | (u64)e->error << 32;
}

static bool event_is_valid(const struct event *e)
{
	switch (e->type) {
	case EVENT_EXTERNAL:
	case EVENT_SOFTWARE_INT:
		return !e->has_error;
	case EVENT_NMI:
		return e->vector == VEC_NMI && !e->has_error;
	case EVENT_EXCEPTION:
		return e->vector < VEC_EXCEPTIONS && e->vector != VEC_NMI;
	case EVENT_PRIV_SOFTWARE_EXCEPTION:
		return e->vector == VEC_DB && !e->has_error;
	case EVENT_SOFTWARE_EXCEPTION:
		return (e->vector == VEC_BP || e->vector == VEC_OF) && !e->has_error;
	default:
		return false;
	}
}

static enum hv_status event_set(struct vp *vp, u64 v)
{
	struct event e = {
		.valid = v & 1,
		.type = (u8)(v >> 1 & 7),
		.has_error = v & BIT(4),
		.length = (u8)(v >> 5 & 0xf),
		.vector = (u8)(v >> 16),
		.error = (u32)(v >> 32),
	};

	if (e.valid && (v >> 24 & 0xff || !event_is_valid(&e)))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->event = e.valid ? e : (struct event){ .valid = false };
	return HV_STATUS_SUCCESS;
}

u64 svm_interrupt_state(const struct svm_vp *s)
{
	u64 v = 0;

	if (s->vmcb->control.interrupt_state & VMCB_INTERRUPT_SHADOW)
		v |= HV_INTERRUPT_STATE_SHADOW;
	if (s->flags & SVM_NMI_MASKED)
		v |= HV_INTERRUPT_STATE_NMI_MASKED;
	return v;
}

static enum hv_status interrupt_state_set(struct svm_vp *s, u64 v)
{
	if (v & ~(HV_INTERRUPT_STATE_SHADOW | HV_INTERRUPT_STATE_NMI_MASKED))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	s->vmcb->control.interrupt_state =
		v & HV_INTERRUPT_STATE_SHADOW ? VMCB_INTERRUPT_SHADOW : 0;
	/* What ends a shadow is one instruction; a step through an earlier one is none. */
	s->step_iret = false;
	if (v & HV_INTERRUPT_STATE_SHADOW)
		s->flags |= SVM_STEP;
	else
		s->flags &= ~(u32)SVM_STEP;
	svm_nmi_mask(s, v & HV_INTERRUPT_STATE_NMI_MASKED);
	return HV_STATUS_SUCCESS;
}

/* Names that are not a field of the save area. */
static enum hv_status get_other(struct vp *vp, u32 name, u64 *v)
{
	switch (name) {
	case HV_REGISTER_PENDING_INTERRUPTION:
		*v = svm_event_pack(&vp->event);
		return HV_STATUS_SUCCESS;
	case HV_REGISTER_INTERRUPT_STATE:
		*v = svm_interrupt_state(svm_of(vp));
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_CR2:
		*v = svm_of(vp)->vmcb->save.cr2;
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_CR8:
		*v = svm_tpr(vp);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	}
}

static enum hv_status set_other(struct vp *vp, u32 name, u64 v)
{
	switch (name) {
	case HV_REGISTER_PENDING_INTERRUPTION:
		return event_set(vp, v);
	case HV_REGISTER_INTERRUPT_STATE:
		return interrupt_state_set(svm_of(vp), v);
	case HV_X64_REGISTER_CR2:
		svm_of(vp)->vmcb->save.cr2 = v;
		/* As svm_load() does. */
		if (this_cpu()->current == vp)
			cr2_write(v);
		return HV_STATUS_SUCCESS;
	case HV_X64_REGISTER_CR8:
		if (v > 15)
			return HV_STATUS_INVALID_REGISTER_VALUE;
		svm_tpr_set(vp, (u8)v);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	}
}

enum hv_status svm_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	const struct reg_row *row = row_find(name);
	const struct vmcb_segment *s;

	*v = (union hv_register_value){ .segment = { .base = 0 } };
	if (!row)
		return get_other(vp, name, &v->u64);
	s = row_field(svm_of(vp), row);
	if (row->kind == REG_U64) {
		v->u64 = *(const u64 *)row_field(svm_of(vp), row);
		if (name == HV_X64_REGISTER_EFER)
			v->u64 &= ~EFER_SVME;
	} else if (row->kind == REG_SEGMENT) {
		v->segment = (struct hv_segment){ s->base, s->limit, s->selector,
			svm_attributes_unpack(s->attributes) };
	} else {
		v->table.limit = (u16)s->limit;
		v->table.base = s->base;
	}
	return HV_STATUS_SUCCESS;
}

/* What follows from a new value: LMA is not the guest's, SVME must be on. */
static void set_follow(struct svm_vp *s, const struct reg_row *row)
{
	struct vmcb_save *save = &s->vmcb->save;

	if (row->flush)
		s->generation = 0;
	save->efer = (save->efer & ~EFER_LMA) | EFER_SVME;
	if ((save->efer & EFER_LME) && (save->cr0 & CR0_PG))
		save->efer |= EFER_LMA;
	save->cpl = HV_SEG_DPL(save->ss.attributes);
}

enum hv_status svm_set(struct vp *vp, u32 name, const union hv_register_value *v)
{
	const struct reg_row *row = row_find(name);
	struct vmcb_segment *s;
	u64 check;

	svm_entry_doubt(vp);
	if (!row)
		return set_other(vp, name, v->u64);
	check = row->kind == REG_TABLE ? v->table.base : v->u64;
	if (!row->valid(vp, check))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	s = row_field(svm_of(vp), row);
	if (row->kind == REG_U64)
		*(u64 *)row_field(svm_of(vp), row) = v->u64;
	else if (row->kind == REG_SEGMENT)
		*s = (struct vmcb_segment){ v->segment.selector,
			attributes_pack(v->segment.attributes), v->segment.limit, v->segment.base };
	else
		*s = (struct vmcb_segment){ .limit = v->table.limit, .base = v->table.base };
	set_follow(svm_of(vp), row);
	return HV_STATUS_SUCCESS;
}

void svm_mode(struct vp *vp, struct vp_mode *mode)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_save *save = &s->vmcb->save;

	mode->cr0 = save->cr0;
	mode->cr3 = save->cr3;
	mode->cr4 = save->cr4;
	mode->efer = save->efer & ~EFER_SVME;
	mode->cs_base = save->cs.base;
	mode->cpl = save->cpl;
	mode->cs_long = is_long(save);
	mode->cs_db = save->cs.attributes & VMCB_SEG_DB;
}

bool svm_mode_is(struct vp *vp, const struct vp_mode *mode)
{
	const struct svm_vp *s = svm_of(vp);
	const struct vmcb_save *save = &s->vmcb->save;

	return save->cr3 == mode->cr3 && save->cr0 == mode->cr0 && save->cr4 == mode->cr4 &&
	       (save->efer ^ mode->efer) == EFER_SVME && save->cpl == mode->cpl &&
	       is_long(save) == mode->cs_long &&
	       (mode->cs_long || (save->cs.base == mode->cs_base &&
					 !(save->cs.attributes & VMCB_SEG_DB) == !mode->cs_db));
}

bool svm_in_kernel64(struct vp *vp)
{
	const struct svm_vp *s = svm_of(vp);

	return s->vmcb->save.cpl == 0 && is_long(&s->vmcb->save);
}

u64 svm_cr4(struct vp *vp)
{
	const struct svm_vp *s = svm_of(vp);

	return s->vmcb->save.cr4;
}

u8 svm_tpr(struct vp *vp)
{
	const struct svm_vp *s = svm_of(vp);

	return s->vmcb->control.interrupt_control & 0xf;
}

void svm_tpr_set(struct vp *vp, u8 cr8)
{
	struct vmcb_control *c = &svm_of(vp)->vmcb->control;

	c->interrupt_control = (c->interrupt_control & ~VMCB_V_TPR) | (cr8 & 0xf);
}

void svm_advance(struct vp *vp, u8 length)
{
	struct svm_vp *s = svm_of(vp);

	vp->regs.rip += length;
	if (unlikely(!is_long(&s->vmcb->save)))
		vp->regs.rip = (u32)vp->regs.rip;
	s->vmcb->control.interrupt_state &= ~VMCB_INTERRUPT_SHADOW;
	s->flags &= ~(u32)SVM_STEP;
}
