/* SPDX-License-Identifier: MIT */
/*
 * Registers of the virtual local APIC as a const table: who may read and
 * write each by page and by MSR, which bits, and what that does. Runs on the
 * VP's processor, called by the emulation of MMIO and of MSRs.
 * Intel SDM volume 3, tables 11-1 and 11-6; TLFS 6.0b 10.2.
 */
#include "hv/msr.h"
#include "hypervisor/vlapic_impl.h"

#define REGS        64u
#define REG_STRIDE  16u
#define VERSION     (0x14u | (LVT_COUNT - 1) << 16)
#define MSR_X2FIRST MSR_X2APIC(0)
#define MSR_X2LAST  0x8ffu

/* Forms of access that a register has. */
#define PAGE_R BIT(0)
#define PAGE_W BIT(1)
#define MSR_R  BIT(2)
#define MSR_W  BIT(3)
#define RO     (PAGE_R | MSR_R)
#define WO     (PAGE_W | MSR_W)
#define RW     (RO | WO)

struct reg {
	u32 (*read)(struct vp *vp, u32 reg);
	void (*write)(struct vp *vp, u32 reg, u32 v);
	u32 bits; /* that may be written; others: #GP by MSR, dropped by page */
	u32 forms;
};

/* Delivery status and remote IRR of LVTs are the APIC's to set. */
#define LVT_READ_ONLY  ((u32)(APIC_LVT_PENDING | APIC_LVT_REMOTE_IRR))
#define LVT_BASIC      ((u32)(0xff | APIC_LVT_PENDING | APIC_LVT_MASKED))
#define LVT_MODE       0x700u
#define LVT_LINT       (LVT_BASIC | LVT_MODE | 0x2000u | (u32)(APIC_LVT_REMOTE_IRR | APIC_LVT_LEVEL))
#define LVT_TIMER_MODE ((u32)(APIC_TIMER_PERIODIC | APIC_TIMER_DEADLINE))

static u32 id_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vlapic_is_x2apic(&vp->vlapic) ? vp->vlapic.id : vp->vlapic.id << 24;
}

static u32 version_read(struct vp *vp, u32 reg)
{
	(void)vp;
	(void)reg;
	return VERSION;
}

static u32 tpr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vlapic_tpr(vp);
}

static void tpr_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	vlapic_tpr_set(vp, (u8)v);
}

/* Arbitration and remote read died with the APIC bus. */
static u32 zero_read(struct vp *vp, u32 reg)
{
	(void)vp;
	(void)reg;
	return 0;
}

static u32 ppr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vlapic_ppr(vp);
}

static void eoi_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	(void)v;
	vlapic_eoi(vp);
}

static u32 ldr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.ldr;
}

static void ldr_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	store_relaxed(&vp->vlapic.ldr, v);
}

static u32 dfr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.dfr;
}

static void dfr_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	store_relaxed(&vp->vlapic.dfr, v | 0x0fffffff);
}

static u32 svr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.svr;
}

static void svr_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	vlapic_svr_set(vp, v);
}

static u32 isr_read(struct vp *vp, u32 reg)
{
	return vp->vlapic.isr[(reg - APIC_ISR) / REG_STRIDE];
}

static u32 tmr_read(struct vp *vp, u32 reg)
{
	return load_relaxed(&vp->vlapic.tmr[(reg - APIC_TMR) / REG_STRIDE]);
}

static u32 irr_read(struct vp *vp, u32 reg)
{
	return load_relaxed(&vp->vlapic.irr[(reg - APIC_IRR) / REG_STRIDE]);
}

static u32 esr_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.esr;
}

/* A write, of anything, shows the errors since the last one. */
static void esr_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	(void)v;
	/* Partner: the atomic OR in vlapic_error(). */
	vp->vlapic.esr = atomic_exchange(&vp->vlapic.esr_pending, 0u);
}

static u32 icr_read(struct vp *vp, u32 reg)
{
	return (u32)(vp->vlapic.icr >> (reg == APIC_ICR_HIGH ? 32 : 0));
}

/* By page only, where no bit is reserved: the MSR has both halves in one. */
static void icr_write(struct vp *vp, u32 reg, u32 v)
{
	u64 *icr = &vp->vlapic.icr;

	if (reg == APIC_ICR_HIGH)
		*icr = (u64)v << 32 | (u32)*icr;
	else
		(void)vlapic_icr_write(vp, (*icr & ~0xffffffffull) | v);
}

static u32 lvt_index(u32 reg)
{
	return reg == APIC_LVT_CMCI ? LVT_CMCI : (reg - APIC_LVT_TIMER) / REG_STRIDE;
}

static u32 lvt_read(struct vp *vp, u32 reg)
{
	return vp->vlapic.lvt[lvt_index(reg)];
}

static void lvt_write(struct vp *vp, u32 reg, u32 v)
{
	struct vlapic *l = &vp->vlapic;

	v &= ~LVT_READ_ONLY;
	if (!(l->svr & APIC_SVR_ENABLE))
		v |= (u32)APIC_LVT_MASKED;
	if (reg == APIC_LVT_TIMER)
		vlapic_timer_lvt_set(vp, v);
	else
		store_relaxed(&l->lvt[lvt_index(reg)], v);
}

static u32 initial_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.timer_initial;
}

static void initial_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	vlapic_timer_initial_set(vp, v);
}

static u32 current_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vlapic_timer_current(vp);
}

static u32 divide_read(struct vp *vp, u32 reg)
{
	(void)reg;
	return vp->vlapic.timer_divide;
}

static void divide_write(struct vp *vp, u32 reg, u32 v)
{
	(void)reg;
	vlapic_timer_divide_set(vp, v);
}

static void self_ipi_write(struct vp *vp, u32 reg, u32 v)
{
	u64 icr = vp->vlapic.icr;

	(void)reg;
	(void)vlapic_icr_write(vp, APIC_SHORTHAND_SELF << 18 | v);
	vp->vlapic.icr = icr;
}

#define REG(offset)  [(offset) / REG_STRIDE]
#define REG8(offset) [(offset) / REG_STRIDE...(offset) / REG_STRIDE + 7]
#define LVT(accepted)                             \
	{                                         \
		lvt_read, lvt_write, accepted, RW \
	}

static const struct reg regs[REGS] = {
	REG(APIC_ID) = { id_read, NULL, 0, RO },
	REG(APIC_VERSION) = { version_read, NULL, 0, RO },
	REG(APIC_TPR) = { tpr_read, tpr_write, 0xff, RW },
	REG(APIC_APR) = { zero_read, NULL, 0, PAGE_R },
	REG(APIC_PPR) = { ppr_read, NULL, 0, RO },
	REG(APIC_EOI) = { NULL, eoi_write, 0, WO },
	REG(APIC_RRD) = { zero_read, NULL, 0, PAGE_R },
	REG(APIC_LDR) = { ldr_read, ldr_write, 0xff000000, PAGE_R | PAGE_W | MSR_R },
	REG(APIC_DFR) = { dfr_read, dfr_write, 0xf0000000, PAGE_R | PAGE_W },
	REG(APIC_SVR) = { svr_read, svr_write, 0x3ff, RW },
	REG8(APIC_ISR) = { isr_read, NULL, 0, RO },
	REG8(APIC_TMR) = { tmr_read, NULL, 0, RO },
	REG8(APIC_IRR) = { irr_read, NULL, 0, RO },
	REG(APIC_ESR) = { esr_read, esr_write, 0, RW },
	REG(APIC_LVT_CMCI) = LVT(LVT_BASIC | LVT_MODE),
	REG(APIC_ICR) = { icr_read, icr_write, ~0u, PAGE_R | PAGE_W },
	REG(APIC_ICR_HIGH) = { icr_read, icr_write, 0xff000000, PAGE_R | PAGE_W },
	REG(APIC_LVT_TIMER) = LVT(LVT_BASIC | LVT_TIMER_MODE),
	REG(APIC_LVT_THERMAL) = LVT(LVT_BASIC | LVT_MODE),
	REG(APIC_LVT_PERF) = LVT(LVT_BASIC | LVT_MODE),
	REG(APIC_LVT_LINT0) = LVT(LVT_LINT),
	REG(APIC_LVT_LINT1) = LVT(LVT_LINT),
	REG(APIC_LVT_ERROR) = LVT(LVT_BASIC),
	REG(APIC_TIMER_INITIAL) = { initial_read, initial_write, ~0u, RW },
	REG(APIC_TIMER_CURRENT) = { current_read, NULL, 0, RO },
	REG(APIC_TIMER_DIVIDE) = { divide_read, divide_write, 0xb, RW },
	REG(APIC_SELF_IPI) = { NULL, self_ipi_write, 0xff, MSR_W },
};

/* The register at @reg if it exists in one of @forms, else NULL. */
static const struct reg *reg_find(u32 reg, u64 forms)
{
	if (reg % REG_STRIDE || reg / REG_STRIDE >= REGS)
		return NULL;
	return regs[reg / REG_STRIDE].forms & forms ? &regs[reg / REG_STRIDE] : NULL;
}

/* Bits of @v that @reg has not, for this partition. */
static u32 excess_bits(struct vp *vp, const struct reg *r, u32 reg, u32 v)
{
	u32 bits = r->bits;

	if (reg == APIC_LVT_TIMER && v & APIC_TIMER_DEADLINE &&
		(v & APIC_TIMER_PERIODIC || !vlapic_offers(vp, OFFERS_DEADLINE)))
		bits &= ~(u32)APIC_TIMER_DEADLINE;
	return v & ~bits;
}

u32 vlapic_reg_get(struct vp *vp, u32 reg)
{
	return regs[reg / REG_STRIDE].read(vp, reg);
}

bool vlapic_reg_valid(struct vp *vp, u32 reg, u32 v)
{
	return !excess_bits(vp, &regs[reg / REG_STRIDE], reg, v);
}

u32 vlapic_lvt_reg(u32 index)
{
	return index == LVT_CMCI ? APIC_LVT_CMCI : APIC_LVT_TIMER + index * REG_STRIDE;
}

static bool page_is_there(const struct vp *vp)
{
	return vlapic_mode(&vp->vlapic) == APIC_BASE_ENABLE;
}

bool vlapic_read(struct vp *vp, u32 reg, u32 *v)
{
	const struct reg *r = reg_find(reg, PAGE_R | PAGE_W);

	*v = 0;
	if (!page_is_there(vp))
		return false;
	if (!r) {
		vlapic_error(vp, APIC_ESR_ILLEGAL_REG);
		return false;
	}
	if (r->forms & PAGE_R)
		*v = r->read(vp, reg);
	return true;
}

bool vlapic_write(struct vp *vp, u32 reg, u32 v)
{
	const struct reg *r = reg_find(reg, PAGE_R | PAGE_W);

	if (!page_is_there(vp))
		return false;
	if (!r) {
		vlapic_error(vp, APIC_ESR_ILLEGAL_REG);
		return false;
	}
	if (r->forms & PAGE_W)
		r->write(vp, reg, v & ~excess_bits(vp, r, reg, v));
	return true;
}

static bool x2apic_read(struct vp *vp, u32 msr, u64 *v)
{
	u32 reg = (msr - MSR_X2FIRST) * REG_STRIDE;
	const struct reg *r = reg_find(reg, MSR_R);

	if (!vlapic_is_x2apic(&vp->vlapic))
		return false;
	if (reg == APIC_ICR) {
		*v = vp->vlapic.icr;
		return true;
	}
	if (!r)
		return false;
	*v = r->read(vp, reg);
	return true;
}

static bool x2apic_write(struct vp *vp, u32 msr, u64 v)
{
	u32 reg = (msr - MSR_X2FIRST) * REG_STRIDE;
	const struct reg *r = reg_find(reg, MSR_W);

	if (!vlapic_is_x2apic(&vp->vlapic))
		return false;
	if (reg == APIC_ICR)
		return vlapic_icr_write(vp, v);
	if (!r || v >> 32 || excess_bits(vp, r, reg, (u32)v))
		return false;
	r->write(vp, reg, (u32)v);
	return true;
}

bool vlapic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	if (msr >= MSR_X2FIRST && msr <= MSR_X2LAST)
		return x2apic_read(vp, msr, v);
	switch (msr) {
	case MSR_APIC_BASE:
		*v = vp->vlapic.base_msr;
		return true;
	case MSR_TSC_DEADLINE:
		return vlapic_deadline_read(vp, v);
	case HV_MSR_ICR:
		*v = vp->vlapic.icr;
		return true;
	case HV_MSR_TPR:
		*v = vlapic_tpr(vp);
		return true;
	default:
		return false;
	}
}

bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v)
{
	if (msr >= MSR_X2FIRST && msr <= MSR_X2LAST)
		return x2apic_write(vp, msr, v);
	switch (msr) {
	case HV_MSR_EOI:
		vlapic_eoi(vp);
		return true;
	case HV_MSR_ICR:
		return vlapic_icr_write(vp, v);
	case HV_MSR_TPR:
		if (v > 0xff)
			return false;
		vlapic_tpr_set(vp, (u8)v);
		return true;
	case MSR_TSC_DEADLINE:
		return vlapic_deadline_write(vp, v);
	case MSR_APIC_BASE:
		return vlapic_base_write(vp, v);
	default:
		return false;
	}
}
