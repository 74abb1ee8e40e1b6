/* SPDX-License-Identifier: MIT */
/*
 * The virtual APIC's timer: one-shot, periodic and TSC deadline. Nothing
 * counts: the current count is computed from the guest's TSC when it is read,
 * and a timer of the processor stands at the next expiry only while the guest
 * would hear of it. The partition's clock may be frozen meanwhile: who fires
 * looks at it again, and when it goes on the timer is put anew. The n-th expiry of a periodic timer is computed from its start,
 * so that rounding never adds up. Runs on the VP's processor.
 * Intel SDM volume 3, 11.5.4.
 */
#include "hypervisor/clock.h"
#include "hypervisor/partition.h"
#include "hypervisor/vlapic_impl.h"

#define NS_PER_TICK (1000000000u / VLAPIC_HZ)
/* Expiries closer than this are merged: they would leave the guest no time. */
#define PERIOD_MIN_NS 20000u
#define MODE_MASK     (APIC_TIMER_PERIODIC | APIC_TIMER_DEADLINE)

static_assert(NS_PER_TICK * VLAPIC_HZ == 1000000000u);

static struct vp *vp_of(struct vlapic *l)
{
	return container_of(l, struct vp, vlapic);
}

static const struct reference_time *clock_of(const struct vlapic *l)
{
	return &container_of(l, struct vp, vlapic)->partition->time;
}

static u64 now_of(const struct vlapic *l)
{
	return reference_time_guest_tsc(clock_of(l));
}

static u64 mode_of(const struct vlapic *l)
{
	return l->lvt[LVT_TIMER] & MODE_MASK;
}

static bool is_masked(const struct vlapic *l)
{
	return l->lvt[LVT_TIMER] & APIC_LVT_MASKED;
}

/* Bits 3, 1 and 0 of the divide configuration: 0 divides by 2, 7 by 1. */
static u32 divide_shift(const struct vlapic *l)
{
	u32 v = (l->timer_divide & 3) | (l->timer_divide >> 1 & 4);

	return (v + 1) & 7;
}

static u64 count_to_ns(const struct vlapic *l, u32 count)
{
	return ((u64)count << divide_shift(l)) * NS_PER_TICK;
}

static u64 elapsed_ns(const struct vlapic *l)
{
	return clock_tsc_to_ns(now_of(l) - l->timer_start);
}

/* Nanoseconds to the end of this count, 0 if the timer stands. */
static u64 remaining_ns(const struct vlapic *l)
{
	u64 elapsed;

	if (!l->timer_period || mode_of(l) == APIC_TIMER_DEADLINE)
		return 0;
	elapsed = elapsed_ns(l);
	if (mode_of(l) == APIC_TIMER_PERIODIC)
		return l->timer_period - elapsed % l->timer_period;
	return l->timer_done || elapsed >= l->timer_period ? 0 : l->timer_period - elapsed;
}

/* The guest's TSC at the end of count number @n, rounded up. */
static u64 expiry(const struct vlapic *l, u64 n)
{
	return l->timer_start + clock_ns_to_tsc(n * l->timer_period) + 1;
}

/* Number of the count whose end is the next that the guest shall hear of. */
static u64 next_count(const struct vlapic *l)
{
	u64 ahead = l->timer_period < PERIOD_MIN_NS ? PERIOD_MIN_NS : 0;

	return MAX((elapsed_ns(l) + ahead) / l->timer_period, l->timer_done) + 1;
}

/* At @due of the guest's TSC; not while its clock stands before that. */
static void stand(struct vlapic *l, u64 due)
{
	u64 tsc;

	l->timer_due = due;
	if (reference_time_host_tsc(clock_of(l), due, &tsc))
		timer_set(&l->timer, tsc);
}

/* Puts the processor's timer where the registers say. */
static void arm(struct vlapic *l)
{
	timer_cancel(&l->timer);
	l->timer_waits = false;
	if (is_masked(l))
		return;
	if (mode_of(l) == APIC_TIMER_DEADLINE) {
		if (l->timer_deadline)
			stand(l, l->timer_deadline);
	} else if (mode_of(l) == APIC_TIMER_PERIODIC) {
		if (l->timer_period)
			stand(l, expiry(l, next_count(l)));
	} else if (l->timer_period && !l->timer_done) {
		/* It may be over by now, and is heard of nevertheless. */
		stand(l, expiry(l, 1));
	}
}

/* Goes on with @remaining ns of a count of the initial value; 0 stops. */
static void restart(struct vlapic *l, u64 remaining)
{
	u64 period = count_to_ns(l, l->timer_initial);

	l->timer_done = 0;
	l->timer_period = remaining ? period : 0;
	l->timer_start = now_of(l) - clock_ns_to_tsc(period - remaining);
}

/* The guest has not taken the last one yet, or not seen the last error. */
static bool is_merged(const struct vlapic *l)
{
	u8 vector = (u8)l->lvt[LVT_TIMER];

	if (vector < APIC_VECTOR_MIN)
		return load_relaxed(&l->esr_pending) & APIC_ESR_RECV_ILLEGAL;
	return load_relaxed(&l->irr[vector / 32]) >> (vector % 32) & 1;
}

/*
 * A VP that takes no interrupts, as one that waits for its turn, would keep
 * the processor busy for nothing: each expiry is merged with the one before.
 */
static void expire(struct vlapic *l)
{
	if (mode_of(l) == APIC_TIMER_DEADLINE) {
		l->timer_deadline = 0;
	} else if (mode_of(l) == APIC_TIMER_PERIODIC) {
		l->timer_done = MAX(elapsed_ns(l) / l->timer_period, l->timer_done + 1);
		l->timer_waits = is_merged(l);
		if (!l->timer_waits)
			arm(l);
	} else {
		l->timer_done = 1;
	}
	vlapic_interrupt(vp_of(l), (u8)l->lvt[LVT_TIMER], false);
}

/* It stood at what was the processor's TSC before the clock stopped. */
static bool is_due(const struct vlapic *l)
{
	return now_of(l) >= l->timer_due;
}

static void fire(struct timer *t)
{
	struct vlapic *l = container_of(t, struct vlapic, timer);

	if (likely(is_due(l)))
		expire(l);
	else
		arm(l);
}

void vlapic_timer_init(struct vlapic *l)
{
	timer_init(&l->timer, fire);
}

void vlapic_timer_taken(struct vp *vp)
{
	arm(&vp->vlapic);
}

void vlapic_timer_serve(struct vp *vp)
{
	if (!vp->vlapic.timer_waits)
		arm(&vp->vlapic);
}

void vlapic_timer_end(struct vp *vp)
{
	(void)timer_cancel_anywhere(&vp->vlapic.timer);
}

/* What is over by now is heard of first. */
void vlapic_timer_stop(struct vp *vp)
{
	struct timer *t = &vp->vlapic.timer;

	if (vp->vlapic.timer_stopped)
		arm(&vp->vlapic);
	if (timer_cancel_anywhere(t) && is_due(&vp->vlapic)) {
		expire(&vp->vlapic);
		(void)timer_cancel_anywhere(t);
	}
	vp->vlapic.timer_stopped = true;
}

void vlapic_timer_resume(struct vp *vp)
{
	vp->vlapic.timer_stopped = false;
	arm(&vp->vlapic);
}

/* The deadline is the same, for it may be over by now, and has not been heard of. */
void vlapic_timer_move(struct vp *vp)
{
	struct timer *t = &vp->vlapic.timer;

	if (timer_cancel_anywhere(t))
		timer_set(t, t->deadline);
}

/* A deadline that passed while the timer was masked is gone. */
static void deadline_expire(struct vlapic *l)
{
	if (l->timer_deadline && is_masked(l) && now_of(l) >= l->timer_deadline)
		l->timer_deadline = 0;
}

/* And so is the end of a count. */
static void count_expire(struct vlapic *l)
{
	if (mode_of(l) == 0 && l->timer_period && is_masked(l) && !remaining_ns(l))
		l->timer_done = 1;
}

void vlapic_timer_lvt_set(struct vp *vp, u32 lvt)
{
	struct vlapic *l = &vp->vlapic;
	u64 remaining = remaining_ns(l);
	u64 change = mode_of(l) ^ (lvt & MODE_MASK);

	deadline_expire(l);
	count_expire(l);
	l->lvt[LVT_TIMER] = lvt;
	if (change & APIC_TIMER_DEADLINE) {
		l->timer_deadline = 0;
		l->timer_initial = 0;
		l->timer_period = 0;
	} else if (change) {
		restart(l, remaining);
	}
	arm(l);
}

void vlapic_timer_initial_set(struct vp *vp, u32 count)
{
	struct vlapic *l = &vp->vlapic;

	if (mode_of(l) == APIC_TIMER_DEADLINE)
		return;
	l->timer_initial = count;
	restart(l, count_to_ns(l, count));
	arm(l);
}

void vlapic_timer_divide_set(struct vp *vp, u32 divide)
{
	struct vlapic *l = &vp->vlapic;
	u32 current = vlapic_timer_current(vp);

	l->timer_divide = divide;
	if (mode_of(l) == APIC_TIMER_DEADLINE)
		return;
	restart(l, count_to_ns(l, current));
	arm(l);
}

/* Rounded up: 0 only when the count has ended. */
u32 vlapic_timer_current(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;
	u64 unit = count_to_ns(l, 1);

	return (u32)((remaining_ns(l) + unit - 1) / unit);
}

bool vlapic_deadline_read(struct vp *vp, u64 *v)
{
	if (!vlapic_offers(vp, OFFERS_DEADLINE))
		return false;
	deadline_expire(&vp->vlapic);
	*v = vp->vlapic.timer_deadline;
	return true;
}

u64 vlapic_deadline_get(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;

	/* If it is over since it was stopped, that has not been heard of. */
	if (!l->timer_stopped)
		vlapic_timer_stop(vp);
	deadline_expire(l);
	return mode_of(l) == APIC_TIMER_DEADLINE ? l->timer_deadline : 0;
}

bool vlapic_deadline_set(struct vp *vp, u64 v)
{
	struct vlapic *l = &vp->vlapic;

	if (mode_of(l) != APIC_TIMER_DEADLINE)
		return !v;
	vlapic_timer_stop(vp);
	l->timer_deadline = v;
	return true;
}

/* In the other modes the write is ignored: SDM 11.5.4.1. */
bool vlapic_deadline_write(struct vp *vp, u64 v)
{
	struct vlapic *l = &vp->vlapic;

	/* The mode exists only where it is offered: no need to ask each time. */
	if (mode_of(l) != APIC_TIMER_DEADLINE)
		return vlapic_offers(vp, OFFERS_DEADLINE);
	l->timer_deadline = v;
	arm(l);
	return true;
}

u32 vlapic_timer_left(struct vp *vp)
{
	struct vlapic *l = &vp->vlapic;
	u32 current = vlapic_timer_current(vp);

	/* It ran out since it was stopped. */
	if (mode_of(l) == 0 && l->timer_period && !l->timer_done && !is_masked(l))
		return MAX(current, 1u);
	return current;
}

/* Of a deadline nothing is counted; in the other modes there is none. */
void vlapic_timer_restart(struct vp *vp, u32 current)
{
	struct vlapic *l = &vp->vlapic;

	l->timer_waits = false;
	if (mode_of(l) == APIC_TIMER_DEADLINE) {
		l->timer_period = 0;
		return;
	}
	l->timer_deadline = 0;
	restart(l, count_to_ns(l, current));
}
