/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC: what is pending and in service, priorities, errors,
 * and the modes that IA32_APIC_BASE selects. The vendor back end has the TPR
 * (as CR8) and injects; vp.c asks before each entry what to inject.
 * Intel SDM volume 3, 11.4, 11.5.3, 11.8 and 11.12.
 */
#include "hypervisor/vlapic.h"

#include "hypervisor/irq.h"
#include "hypervisor/policy.h"
#include "hypervisor/virt.h"
#include "hypervisor/vlapic_impl.h"
#include "lib/string.h"

#define SVR_RESET 0xffu
#define DFR_RESET 0xffffffffu

static bool bit_test(const u32 *words, u32 vector)
{
	return load_relaxed(&words[vector / 32]) >> (vector % 32) & 1;
}

/* Highest bit set in words[0] to words[from], or VLAPIC_NONE. */
static int highest_bit(const u32 *words, u32 from)
{
	for (u32 i = from + 1; i-- > 0;) {
		u32 word = load_relaxed(&words[i]);

		if (word)
			return (int)(i * 32 + 31 - (u32)__builtin_clz(word));
	}
	return VLAPIC_NONE;
}

/* SDM 11.4.7.1, but for the identity, the mode and the timer's queue entry. */
static void state_reset(struct vlapic *l)
{
	l->ldr = 0;
	l->dfr = DFR_RESET;
	l->svr = SVR_RESET;
	l->esr = 0;
	l->icr = 0;
	for (u32 i = 0; i < LVT_COUNT; i++)
		l->lvt[i] = (u32)APIC_LVT_MASKED;
	l->timer_initial = 0;
	l->timer_divide = 0;
	l->timer_period = 0;
	l->timer_done = 0;
	l->timer_deadline = 0;
	l->timer_due = 0;
	l->timer_waits = false;
	l->timer_stopped = false;
	l->isr_highest = 0;
	l->tpr = 0;
	l->esr_pending = 0;
	memset(l->isr, 0, sizeof(l->isr));
	memset(l->irr, 0, sizeof(l->irr));
	memset(l->tmr, 0, sizeof(l->tmr));
}

void vlapic_init(struct vlapic *l, u32 id, bool bsp)
{
	l->base_msr = APIC_DEFAULT_BASE | APIC_BASE_ENABLE | (bsp ? APIC_BASE_BSP : 0);
	l->id = id;
	state_reset(l);
	vlapic_timer_init(l);
}

/* In x2APIC mode the id says it. */
static u32 ldr_of_id(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

void vlapic_reset(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;

	vlapic_timer_end(vp);
	state_reset(l);
	if (vlapic_is_x2apic(l))
		store_relaxed(&l->ldr, ldr_of_id(l->id));
	virt->tpr_set(vp, 0);
}

bool vlapic_offers(struct vp *vp, u64 bit)
{
	struct cpuid_regs r;

	policy_cpuid(vp, 1, 0, &r);
	return r.ecx & bit;
}

void vlapic_error(struct vp *vp, u32 error)
{
	struct vlapic *l = &vp->vlapic;
	u32 lvt = load_relaxed(&l->lvt[LVT_ERROR]);

	if (!(lvt & APIC_LVT_MASKED) && (u8)lvt < APIC_VECTOR_MIN)
		error |= APIC_ESR_RECV_ILLEGAL;
	/* Partner: the exchange when the guest writes the ESR. */
	atomic_fetch_or(&l->esr_pending, error);
	if (!(lvt & APIC_LVT_MASKED) && (u8)lvt >= APIC_VECTOR_MIN)
		vlapic_interrupt(vp, (u8)lvt, false);
}

static void tmr_set(struct vlapic *l, u8 vector, bool level)
{
	u32 *word = &l->tmr[vector / 32];
	u32 bit = 1u << (vector % 32);

	if (bit_test(l->tmr, vector) == level)
		return;
	if (level)
		atomic_fetch_or(word, bit);
	else
		atomic_fetch_and(word, ~bit);
}

void vlapic_interrupt(struct vp *vp, u8 vector, bool level)
{
	struct vlapic *l = &vp->vlapic;
	u32 bit = 1u << (vector % 32);

	if (!vlapic_is_enabled(l))
		return;
	if (unlikely(vector < APIC_VECTOR_MIN)) {
		vlapic_error(vp, APIC_ESR_RECV_ILLEGAL);
		return;
	}
	tmr_set(l, vector, level);
	/*
	 * Partner: the atomic AND in vlapic_accept(). If the bit was set, who
	 * set it notifies, or has done so since the VP last looked.
	 */
	if (!(atomic_fetch_or(&l->irr[vector / 32], bit) & bit))
		vp_notify(vp, VP_WORK_INTERRUPT);
}

/* By words of 64 bits: it is asked before each HLT, and mostly there is nothing. */
int vlapic_highest_irr(const struct vlapic *l)
{
	for (u32 i = 4; i-- > 0;) {
		u64 word = load_relaxed((const u64 *)(const void *)l->irr + i);

		if (word)
			return (int)(i * 64 + 63 - (u32)__builtin_clzll(word));
	}
	return VLAPIC_NONE;
}

u8 vlapic_tpr(struct vp *vp)
{
	u8 cr8 = virt->tpr(vp);

	return vp->vlapic.tpr >> 4 == cr8 ? vp->vlapic.tpr : (u8)(cr8 << 4);
}

u8 vlapic_ppr(struct vp *vp)
{
	u8 tpr = vlapic_tpr(vp);
	u8 isr = vp->vlapic.isr_highest;

	return tpr >> 4 >= isr >> 4 ? tpr : isr & 0xf0;
}

int vlapic_pending(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;
	int vector = vlapic_highest_irr(l);

	if (vector == VLAPIC_NONE || vector >> 4 <= l->isr_highest >> 4 ||
		vector >> 4 <= virt->tpr(vp))
		return VLAPIC_NONE;
	return vector;
}

/* The priority fell: what waited for that gets another look. */
static void recheck(struct vp *vp)
{
	if (vlapic_highest_irr(&vp->vlapic) != VLAPIC_NONE)
		vp_notify(vp, VP_WORK_INTERRUPT);
}

void vlapic_tpr_set(struct vp *vp, u8 tpr)
{
	vp->vlapic.tpr = tpr;
	virt->tpr_set(vp, tpr >> 4);
	recheck(vp);
}

/* Whatever the TMR says: edge and level may share the vector. */
static void tell_end(struct vp *vp, u8 vector)
{
	irq_virtual_eoi(vp, vector);
	vlapic_level_end(vp, vector);
}

void vlapic_accept(struct vp *vp, u8 vector)
{
	struct vlapic *l = &vp->vlapic;
	u32 bit = 1u << (vector % 32);

	/* Partner: the atomic OR in vlapic_interrupt(). */
	atomic_fetch_and(&l->irr[vector / 32], ~bit);
	if (unlikely(l->timer_waits))
		vlapic_timer_taken(vp);
	if (unlikely(vp->synic.auto_eoi) && synic_auto_eoi(&vp->synic, vector)) {
		tell_end(vp, vector);
		return;
	}
	l->isr[vector / 32] |= bit;
	l->isr_highest = MAX(l->isr_highest, vector);
}

void vlapic_eoi(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;
	u8 vector = l->isr_highest;
	int next;

	if (!vector)
		return;
	l->isr[vector / 32] &= ~(1u << (vector % 32));
	next = highest_bit(l->isr, vector / 32);
	l->isr_highest = next == VLAPIC_NONE ? 0 : (u8)next;
	tell_end(vp, vector);
	if (unlikely(vp->synic.waiting_sints))
		synic_eoi(vp, vector);
	recheck(vp);
}

/*
 * Level interrupts that came while the APIC was off left their pins masked,
 * and so did those that a reset dropped: open them again, at the parent's, too.
 */
static void missed_levels_release(struct vp *vp)
{
	for (u32 vector = APIC_VECTOR_MIN; vector < 256; vector++)
		if (!bit_test(vp->vlapic.irr, vector) && !bit_test(vp->vlapic.isr, vector))
			tell_end(vp, (u8)vector);
}

void vlapic_svr_set(struct vp *vp, u32 svr)
{
	struct vlapic *l = &vp->vlapic;
	/*
	 * Partner: a level's sender notes it, then looks here, in vlapic_interrupt():
	 * it sees that the APIC is enabled, or we see what it noted.
	 */
	bool was = atomic_exchange(&l->svr, svr) & APIC_SVR_ENABLE;

	if (!(svr & APIC_SVR_ENABLE)) {
		for (u32 i = 0; i < LVT_COUNT; i++)
			l->lvt[i] |= (u32)APIC_LVT_MASKED;
		vlapic_timer_lvt_set(vp, l->lvt[LVT_TIMER]);
	} else if (!was) {
		missed_levels_release(vp);
	}
}

/* SDM 11.12.5: the only ways into x2APIC mode and out of it. */
static bool mode_change_legal(u64 from, u64 to)
{
	const u64 x2apic = APIC_BASE_ENABLE | APIC_BASE_X2APIC;

	if (to == APIC_BASE_X2APIC)
		return false;
	if (to == x2apic)
		return from != 0;
	return !(from == x2apic && to == APIC_BASE_ENABLE);
}

bool vlapic_base_write(struct vp *vp, u64 v)
{
	struct vlapic *l = &vp->vlapic;
	u64 from = vlapic_mode(l);
	u64 to = v & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	if ((v ^ l->base_msr) & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC))
		return false;
	if (!mode_change_legal(from, to))
		return false;
	if (to & APIC_BASE_X2APIC && !vlapic_offers(vp, OFFERS_X2APIC))
		return false;
	store_relaxed(&l->base_msr, v);
	if (!to && from) {
		/* Off is final for all state but the identity: SDM 11.4.3. */
		vlapic_reset(vp);
	} else if ((to ^ from) & APIC_BASE_X2APIC) {
		store_relaxed(&l->ldr, ldr_of_id(l->id));
		l->icr = (u32)l->icr;
	}
	return true;
}
