/* SPDX-License-Identifier: MIT */
/*
 * All of a virtual APIC as it is saved: read, and set, while its VP is at rest.
 * A timer that runs is stopped for that, and goes on when the VP comes to a
 * processor; what ran out meanwhile is heard of then. On any processor, under
 * the child's manage lock. TLFS: local APIC state, type 0x80000000.
 */
#include "hv/interrupt.h"
#include "hypervisor/vlapic_impl.h"
#include "lib/string.h"

#define WORDS(member)    (sizeof(((struct vlapic *)NULL)->member) / sizeof(u32))
#define LEGAL(i)         ((i) == 0 ? ~0xffffu : ~0u) /* of vector bits */
#define ESR_BITS         0xffu
#define ICR_LOW_BITS     0x000ccfffu
#define ICR_HIGH_XAPIC   0xff000000u
#define DFR_FIXED        0x0fffffffu
#define LVT_FIXED_STATUS ((u32)(APIC_LVT_PENDING | APIC_LVT_REMOTE_IRR))

static_assert(WORDS(irr) == ARRAY_SIZE(((struct hv_local_apic_state *)NULL)->irr));
static_assert(WORDS(lvt) == ARRAY_SIZE(((struct hv_local_apic_state *)NULL)->lvt));

void vlapic_state_get(struct vp *vp, struct hv_local_apic_state *s)
{
	struct vlapic *l = &vp->vlapic;

	vlapic_timer_stop(vp);
	*s = (struct hv_local_apic_state){
		.id = vlapic_reg_get(vp, APIC_ID),
		.version = vlapic_reg_get(vp, APIC_VERSION),
		.ldr = l->ldr,
		.dfr = l->dfr,
		.svr = l->svr,
		.esr = l->esr,
		.icr_high = (u32)(l->icr >> 32),
		.icr_low = (u32)l->icr,
		.error_status = load_relaxed(&l->esr_pending),
		.initial_count = l->timer_initial,
		.current_count = vlapic_timer_left(vp),
		.divide = l->timer_divide,
	};
	memcpy(s->lvt, l->lvt, sizeof(s->lvt));
	memcpy(s->isr, l->isr, sizeof(s->isr));
	for (u32 i = 0; i < WORDS(irr); i++) {
		s->irr[i] = load_relaxed(&l->irr[i]);
		s->tmr[i] = load_relaxed(&l->tmr[i]);
	}
	if (load_relaxed(&vp->work) & VP_WORK_NMI)
		s->irr[0] |= (u32)HV_APIC_STATE_NMI;
}

static bool vectors_valid(const struct hv_local_apic_state *s)
{
	for (u32 i = 0; i < WORDS(irr); i++)
		if (((s->irr[i] & ~(i ? 0 : (u32)HV_APIC_STATE_NMI)) | s->isr[i] | s->tmr[i]) &
			~LEGAL(i))
			return false;
	return true;
}

/* All are masked while it is off, by software or altogether: SDM 11.4.3, 11.4.7.2. */
static bool lvts_valid(struct vp *vp, const struct hv_local_apic_state *s)
{
	bool on = vlapic_is_on(&vp->vlapic) && s->svr & APIC_SVR_ENABLE;
	u32 needed = on ? 0 : (u32)APIC_LVT_MASKED;

	for (u32 i = 0; i < WORDS(lvt); i++)
		if (!vlapic_reg_valid(vp, vlapic_lvt_reg(i), s->lvt[i]) || needed & ~s->lvt[i])
			return false;
	return true;
}

/* What no APIC of this mode and identity has. */
static bool identity_valid(struct vp *vp, const struct hv_local_apic_state *s)
{
	bool x2apic = vlapic_is_x2apic(&vp->vlapic);

	if (s->id != vlapic_reg_get(vp, APIC_ID) || s->version != vlapic_reg_get(vp, APIC_VERSION))
		return false;
	if (x2apic)
		return s->ldr == vp->vlapic.ldr;
	return vlapic_reg_valid(vp, APIC_LDR, s->ldr) && !(s->icr_high & ~ICR_HIGH_XAPIC);
}

static bool state_valid(struct vp *vp, const struct hv_local_apic_state *s)
{
	return identity_valid(vp, s) && vectors_valid(s) && lvts_valid(vp, s) &&
	       vlapic_reg_valid(vp, APIC_SVR, s->svr) &&
	       !((s->esr | s->error_status) & ~ESR_BITS) && !(s->icr_low & ~ICR_LOW_BITS) &&
	       s->current_count <= s->initial_count &&
	       vlapic_reg_valid(vp, APIC_TIMER_DIVIDE, s->divide) && !s->remote_read;
}

/* A level interrupt under way is owed its end. */
static void vectors_set(struct vlapic *l, const struct hv_local_apic_state *s)
{
	l->isr_highest = 0;
	for (u32 i = 0; i < WORDS(irr); i++) {
		store_relaxed(&l->irr[i], s->irr[i] & LEGAL(i));
		store_relaxed(&l->tmr[i], s->tmr[i]);
		store_relaxed(&l->level[i], s->tmr[i] & (s->irr[i] | s->isr[i]));
		l->isr[i] = s->isr[i];
		if (s->isr[i])
			l->isr_highest = (u8)(i * 32 + 31 - (u32)__builtin_clz(s->isr[i]));
	}
}

enum hv_status vlapic_state_set(struct vp *vp, const struct hv_local_apic_state *s)
{
	struct vlapic *l = &vp->vlapic;

	if (!state_valid(vp, s))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vlapic_timer_stop(vp);
	store_relaxed(&l->ldr, s->ldr);
	store_relaxed(&l->dfr, s->dfr | DFR_FIXED);
	store_relaxed(&l->svr, s->svr);
	l->esr = s->esr;
	l->icr = (u64)s->icr_high << 32 | s->icr_low;
	for (u32 i = 0; i < WORDS(lvt); i++)
		store_relaxed(&l->lvt[i], s->lvt[i] & ~LVT_FIXED_STATUS);
	store_relaxed(&l->esr_pending, s->error_status);
	l->timer_initial = s->initial_count;
	l->timer_divide = s->divide;
	vlapic_timer_restart(vp, s->current_count);
	vectors_set(l, s);
	atomic_fetch_and(&vp->work, ~(u32)VP_WORK_NMI);
	vp_notify(vp, VP_WORK_INTERRUPT | (s->irr[0] & HV_APIC_STATE_NMI ? VP_WORK_NMI : 0));
	return HV_STATUS_SUCCESS;
}
