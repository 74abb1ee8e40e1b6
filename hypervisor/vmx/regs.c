/* SPDX-License-Identifier: MIT */
/*
 * Registers of a VP by their TLFS names, for intercepts and hypercalls: const
 * tables, one per group of names, give each its reader and writer. The VP is
 * loaded on the calling processor, or nowhere. Values are checked as far as a
 * wrong one would fault here or fail every entry by itself; segment rights
 * that contradict each other end in EXIT_ENTRY_FAILED. TLFS 7.8 and 7.9.
 */
#include "hypervisor/vmx/vmx.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"
#include "x86/paging.h"

struct reg_row {
	u32 arg; /* field, enum vmx_live, or number of the segment */
	u64 (*get)(struct vp *vp, u32 arg);
	enum hv_status (*set)(struct vp *vp, u32 arg, u64 v);
	/* Instead, for values of 128 bits. */
	void (*get_wide)(u32 arg, union hv_register_value *v);
	enum hv_status (*set_wide)(u32 arg, const union hv_register_value *v);
};

struct reg_group {
	const struct reg_row *rows;
	u32 count;
};

static u64 field_get(struct vp *vp, u32 field)
{
	(void)vp;
	return vmcs_read(field);
}

static enum hv_status field_set(u32 field, u64 v, bool valid)
{
	if (!valid)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmcs_write(field, v);
	return HV_STATUS_SUCCESS;
}

static enum hv_status field_set_32(struct vp *vp, u32 field, u64 v)
{
	(void)vp;
	return field_set(field, v, !(v >> 32));
}

static enum hv_status field_set_address(struct vp *vp, u32 field, u64 v)
{
	(void)vp;
	return field_set(field, v, linear_is_canonical(v));
}

/* Each byte a memory type: UC, WC, WT, WP, WB, UC-. */
static enum hv_status pat_set(struct vp *vp, u32 field, u64 v)
{
	bool valid = true;

	(void)vp;
	for (u32 i = 0; i < 64; i += 8) {
		u64 type = (v >> i) & 0xff;

		valid = valid && type < 8 && type != 2 && type != 3;
	}
	return field_set(field, v, valid);
}

static u64 live_get(struct vp *vp, u32 which)
{
	return vmx_live_get(vmx_of(vp), which);
}

static enum hv_status live_set(struct vp *vp, u32 which, u64 v)
{
	bool mask = which == LIVE_SFMASK;

	/* Anything goes for STAR; the rest would fault here. */
	if (mask ? v >> 32 != 0 : which != LIVE_STAR && !linear_is_canonical(v))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmx_live_set(vmx_of(vp), which, v);
	return HV_STATUS_SUCCESS;
}

static u64 pending_get(struct vp *vp, u32 arg)
{
	(void)arg;
	return vmx_event_pack(&vp->event);
}

static enum hv_status pending_set(struct vp *vp, u32 arg, u64 v)
{
	struct event event;

	(void)arg;
	if (!vmx_event_unpack(v, &event))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->event = event;
	return HV_STATUS_SUCCESS;
}

u64 vmx_interrupt_state(void)
{
	u64 state = vmcs_read(VMCS_INTERRUPTIBILITY);

	return (state & INTERRUPTIBILITY_SHADOW ? HV_INTERRUPT_STATE_SHADOW : 0) |
	       (state & INTERRUPTIBILITY_NMI ? HV_INTERRUPT_STATE_NMI_MASKED : 0);
}

static u64 interrupt_state_get(struct vp *vp, u32 arg)
{
	(void)vp;
	(void)arg;
	return vmx_interrupt_state();
}

/* Set as MOV SS does, because blocking by STI needs RFLAGS.IF. */
static enum hv_status interrupt_state_set(struct vp *vp, u32 arg, u64 v)
{
	u64 state = (v & HV_INTERRUPT_STATE_SHADOW ? INTERRUPTIBILITY_MOV_SS : 0) |
		    (v & HV_INTERRUPT_STATE_NMI_MASKED ? INTERRUPTIBILITY_NMI : 0);

	(void)vp;
	(void)arg;
	return field_set(VMCS_INTERRUPTIBILITY, state, v < 4);
}

static u64 cr0_get(struct vp *vp, u32 arg)
{
	(void)vp;
	(void)arg;
	return vmx_cr0();
}

static enum hv_status cr0_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	return vmx_cr0_set(vp, v);
}

static u64 cr2_get(struct vp *vp, u32 arg)
{
	(void)arg;
	return vmx_of(vp)->loaded ? cr2_read() : vp->cr2;
}

static enum hv_status cr2_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	if (vmx_of(vp)->loaded)
		cr2_write(v);
	else
		vp->cr2 = v;
	return HV_STATUS_SUCCESS;
}

static enum hv_status cr3_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	return vmx_cr3_set(vp, v);
}

static u64 cr4_get(struct vp *vp, u32 arg)
{
	(void)arg;
	return vmx_cr4(vp);
}

static enum hv_status cr4_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	return vmx_cr4_set(vp, v);
}

static u64 cr8_get(struct vp *vp, u32 arg)
{
	(void)arg;
	return vmx_tpr(vp);
}

static enum hv_status cr8_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	if (v > 15)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmx_tpr_set(vp, (u8)v);
	return HV_STATUS_SUCCESS;
}

static u64 dr6_get(struct vp *vp, u32 arg)
{
	(void)arg;
	return vmx_of(vp)->loaded ? dr6_read() : vmx_of(vp)->dr6;
}

static enum hv_status dr6_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	if (v >> 32)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (vmx_of(vp)->loaded)
		dr6_write(v);
	else
		vmx_of(vp)->dr6 = v;
	return HV_STATUS_SUCCESS;
}

static enum hv_status efer_set(struct vp *vp, u32 arg, u64 v)
{
	(void)arg;
	return vmx_efer_set(vp, v);
}

/* Not present in TLFS terms is unusable here; the other rights are kept. */
struct hv_segment vmx_segment(u32 i)
{
	u64 rights = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_ES_RIGHTS, i));

	if (rights & VMCS_RIGHTS_UNUSABLE)
		rights &= ~(u64)HV_SEG_PRESENT;
	return (struct hv_segment){
		.base = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_ES_BASE, i)),
		.limit = (u32)vmcs_read(VMCS_SEGMENT(VMCS_GUEST_ES_LIMIT, i)),
		.selector = (u16)vmcs_read(VMCS_SEGMENT(VMCS_GUEST_ES_SELECTOR, i)),
		.attributes = (u16)rights,
	};
}

static void segment_get(u32 i, union hv_register_value *v)
{
	v->segment = vmx_segment(i);
}

#define RIGHTS_RESERVED 0x0f00u

static enum hv_status segment_set(u32 i, const union hv_register_value *v)
{
	const struct hv_segment *s = &v->segment;
	u32 unusable = s->attributes & HV_SEG_PRESENT ? 0 : VMCS_RIGHTS_UNUSABLE;

	if (!linear_is_canonical(s->base) || (s->attributes & RIGHTS_RESERVED))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmcs_write(VMCS_SEGMENT(VMCS_GUEST_ES_BASE, i), s->base);
	vmcs_write(VMCS_SEGMENT(VMCS_GUEST_ES_LIMIT, i), s->limit);
	vmcs_write(VMCS_SEGMENT(VMCS_GUEST_ES_SELECTOR, i), s->selector);
	vmcs_write(VMCS_SEGMENT(VMCS_GUEST_ES_RIGHTS, i), s->attributes | unusable);
	return HV_STATUS_SUCCESS;
}

/* @arg: distance from GDTR's fields. */
static void table_get(u32 arg, union hv_register_value *v)
{
	v->table = (struct hv_table_register){
		.limit = (u16)vmcs_read(VMCS_GUEST_GDTR_LIMIT + arg),
		.base = vmcs_read(VMCS_GUEST_GDTR_BASE + arg),
	};
}

static enum hv_status table_set(u32 arg, const union hv_register_value *v)
{
	if (!linear_is_canonical(v->table.base))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vmcs_write(VMCS_GUEST_GDTR_LIMIT + arg, v->table.limit);
	vmcs_write(VMCS_GUEST_GDTR_BASE + arg, v->table.base);
	return HV_STATUS_SUCCESS;
}

#define ROW(field, get, set)                \
	{                                   \
		field, get, set, NULL, NULL \
	}
#define LIVE(which)                                   \
	{                                             \
		which, live_get, live_set, NULL, NULL \
	}
#define WIDE(arg, what)                                 \
	{                                               \
		arg, NULL, NULL, what##_get, what##_set \
	}

static const struct reg_row pending_rows[] = {
	[2] = ROW(0, pending_get, pending_set),
	[3] = ROW(0, interrupt_state_get, interrupt_state_set),
};

static const struct reg_row control_rows[] = {
	[0] = ROW(0, cr0_get, cr0_set),
	[1] = ROW(0, cr2_get, cr2_set),
	[2] = ROW(VMCS_GUEST_CR3, field_get, cr3_set),
	[3] = ROW(0, cr4_get, cr4_set),
	[4] = ROW(0, cr8_get, cr8_set),
};

static const struct reg_row debug_rows[] = {
	[4] = ROW(0, dr6_get, dr6_set),
	[5] = ROW(VMCS_GUEST_DR7, field_get, field_set_32),
};

static const struct reg_row segment_rows[] = {
	WIDE(0, segment),
	WIDE(1, segment),
	WIDE(2, segment),
	WIDE(3, segment),
	WIDE(4, segment),
	WIDE(5, segment),
	WIDE(6, segment),
	WIDE(7, segment),
};

static const struct reg_row table_rows[] = {
	[0] = WIDE(VMCS_GUEST_IDTR_BASE - VMCS_GUEST_GDTR_BASE, table),
	[1] = WIDE(0, table),
};

static const struct reg_row msr_rows[] = {
	[1] = ROW(VMCS_GUEST_EFER, field_get, efer_set),
	[2] = LIVE(LIVE_KERNEL_GS_BASE),
	[4] = ROW(VMCS_GUEST_PAT, field_get, pat_set),
	[5] = ROW(VMCS_GUEST_SYSENTER_CS, field_get, field_set_32),
	[6] = ROW(VMCS_GUEST_SYSENTER_EIP, field_get, field_set_address),
	[7] = ROW(VMCS_GUEST_SYSENTER_ESP, field_get, field_set_address),
	[8] = LIVE(LIVE_STAR),
	[9] = LIVE(LIVE_LSTAR),
	[10] = LIVE(LIVE_CSTAR),
	[11] = LIVE(LIVE_SFMASK),
};

#define GROUP(rows)                    \
	{                              \
		rows, ARRAY_SIZE(rows) \
	}

/* By bits 31:16 of the name; bits 15:0 are the row. */
static const struct reg_group groups[] = {
	[1] = GROUP(pending_rows),
	[4] = GROUP(control_rows),
	[5] = GROUP(debug_rows),
	[6] = GROUP(segment_rows),
	[7] = GROUP(table_rows),
	[8] = GROUP(msr_rows),
};

static const struct reg_row *row_of(u32 name)
{
	u32 group = name >> 16;
	u32 row = name & 0xffff;

	if (group >= ARRAY_SIZE(groups) || row >= groups[group].count)
		return NULL;
	if (!groups[group].rows[row].get && !groups[group].rows[row].get_wide)
		return NULL;
	return &groups[group].rows[row];
}

enum hv_status vmx_get(struct vp *vp, u32 name, union hv_register_value *v)
{
	const struct reg_row *row = row_of(name);

	if (!row)
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	vmx_borrow(vp);
	if (row->get)
		v->u64 = row->get(vp, row->arg);
	else
		row->get_wide(row->arg, v);
	vmx_return(vp);
	return HV_STATUS_SUCCESS;
}

enum hv_status vmx_set(struct vp *vp, u32 name, const union hv_register_value *v)
{
	const struct reg_row *row = row_of(name);
	enum hv_status status;

	if (!row)
		return HV_STATUS_UNKNOWN_REGISTER_NAME;
	vmx_borrow(vp);
	status = row->set ? row->set(vp, row->arg, v->u64) : row->set_wide(row->arg, v);
	vmx_return(vp);
	return status;
}

void vmx_mode(struct vp *vp, struct vp_mode *mode)
{
	u64 cs, efer;

	vmx_borrow(vp);
	cs = vmcs_read(VMCS_GUEST_CS_RIGHTS);
	efer = vmcs_read(VMCS_GUEST_EFER);
	*mode = (struct vp_mode){
		.cr0 = vmx_cr0(),
		.cr3 = vmcs_read(VMCS_GUEST_CR3),
		.cr4 = vmx_cr4(vp),
		.efer = efer,
		.cs_base = vmcs_read(VMCS_GUEST_CS_BASE),
		.cpl = HV_SEG_DPL(vmcs_read(VMCS_GUEST_SS_RIGHTS)),
		.cs_long = (cs & HV_SEG_LONG) && (efer & EFER_LMA),
		.cs_db = (cs & HV_SEG_DB) != 0,
	};
	vmx_return(vp);
}

/* Needed where the processor tells no length, which is rare here. */
bool vmx_mode_is(struct vp *vp, const struct vp_mode *mode)
{
	struct vp_mode now;

	vmx_mode(vp, &now);
	return now.cr3 == mode->cr3 && now.cr0 == mode->cr0 && now.cr4 == mode->cr4 &&
	       now.efer == mode->efer && now.cpl == mode->cpl && now.cs_long == mode->cs_long &&
	       now.cs_base == mode->cs_base && now.cs_db == mode->cs_db;
}

bool vmx_in_kernel64(struct vp *vp)
{
	(void)vp;
	return HV_SEG_DPL(vmcs_read(VMCS_GUEST_SS_RIGHTS)) == 0 &&
	       vmcs_read(VMCS_GUEST_CS_RIGHTS) & HV_SEG_LONG &&
	       vmcs_read(VMCS_GUEST_EFER) & EFER_LMA;
}

void vmx_advance(struct vp *vp, u8 length)
{
	u64 rip = vp->regs.rip + length;
	u64 state = vmcs_read(VMCS_INTERRUPTIBILITY);

	/* EIP wraps; RIP does not. */
	if (unlikely((rip ^ vp->regs.rip) >> 32) &&
		!(vmcs_read(VMCS_GUEST_CS_RIGHTS) & HV_SEG_LONG))
		rip = (u32)rip;
	vp->regs.rip = rip;
	if (state & INTERRUPTIBILITY_SHADOW)
		vmcs_write(VMCS_INTERRUPTIBILITY, state & ~(u64)INTERRUPTIBILITY_SHADOW);
	vp->regs.rflags &= ~RFLAGS_RF;
}
