/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers. Nothing counts: an expiry is a reference time, and the
 * processor's timer stands at the TSC that belongs to it. The reference time
 * may be frozen or set meanwhile: who fires looks at it again, and when it goes
 * on every VP puts its timers anew.
 *
 * A timer belongs to the processor that runs the VP. Its parent changes it
 * while the VP is at rest, after it has taken it off whatever processor it
 * stands on, and leaves it to the VP to set it again (VP_WORK_TIMERS).
 */
#include "hypervisor/stimer.h"

#include "hv/msr.h"
#include "hypervisor/partition.h"
#include "hypervisor/sched.h"
#include "hypervisor/vp.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/atomic.h"

/* Expiries closer than this are merged: they would leave the guest no time. */
#define PERIOD_MIN 1000u

static bool runs(const struct stimer *s)
{
	return s->config & HV_STIMER_ENABLE && s->count;
}

/* Whether it has something to end in. */
static bool can_enable(u64 config)
{
	if (config & HV_STIMER_DIRECT)
		return HV_STIMER_VECTOR_OF(config) >= APIC_VECTOR_MIN;
	return HV_STIMER_SINT_OF(config);
}

static u64 add_saturated(u64 a, u64 b)
{
	u64 sum;

	return __builtin_add_overflow(a, b, &sum) ? ~0ull : sum;
}

/* What the guest missed is one expiry; those that follow keep the beat. */
static u64 next_due(const struct stimer *s, u64 now)
{
	u64 until = add_saturated(now, s->count < PERIOD_MIN ? PERIOD_MIN : 0);
	u64 periods = (until - s->due) / s->count;

	return add_saturated(s->due + periods * s->count, s->count);
}

static void message_post(struct stimer *s, u64 due, u64 now)
{
	struct hv_message *m = &s->message.message;
	const struct hv_timer_message payload = {
		.index = (u32)(s - s->vp->stimers),
		.expiration = due,
		.delivery = now,
	};

	/* The last one still waits, and tells as much. */
	if (!list_empty(&s->message.link))
		return;
	m->header = (struct hv_message_header){
		.type = HV_MESSAGE_TIMER_EXPIRED,
		.size = sizeof(payload),
	};
	memcpy(m->payload, &payload, sizeof(payload));
	synic_post(s->vp, HV_STIMER_SINT_OF(s->config), &s->message);
}

static void expire(struct stimer *s, u64 now)
{
	u64 due = s->due;

	if (s->config & HV_STIMER_PERIODIC)
		s->due = next_due(s, now);
	else
		s->config &= ~HV_STIMER_ENABLE;
	if (s->config & HV_STIMER_DIRECT)
		vlapic_interrupt(s->vp, HV_STIMER_VECTOR_OF(s->config), false);
	else
		message_post(s, due, now);
}

/* Lets it expire if it is due, and puts the processor's timer where it is next. */
static void go_on(struct stimer *s)
{
	const struct reference_time *time = &s->vp->partition->time;
	u64 now, tsc;

	if (!runs(s))
		return;
	now = reference_time(time);
	if (now >= s->due)
		expire(s, now);
	/* At the end of all time there is no next one. */
	if (runs(s) && s->due > now && reference_time_tsc(time, s->due, &tsc))
		timer_set(&s->timer, tsc);
}

/*
 * A periodic timer of a VP that does not run could keep the processor busy for
 * nothing: after one expiry it waits until the VP runs, which that wakes.
 */
static void fire(struct timer *t)
{
	struct stimer *s = container_of(t, struct stimer, timer);
	struct vp *vp = s->vp;
	u64 now = reference_time(&vp->partition->time);

	if (now < s->due || load_relaxed(&vp->running)) {
		go_on(s);
		return;
	}
	expire(s, now);
	if (runs(s))
		atomic_fetch_or(&vp->work, (u32)VP_WORK_TIMERS);
}

void stimer_init(struct vp *vp)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		struct stimer *s = &vp->stimers[i];

		*s = (struct stimer){ .vp = vp };
		timer_init(&s->timer, fire);
		list_init(&s->message.link);
	}
}

void stimer_move(struct vp *vp)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		struct timer *t = &vp->stimers[i].timer;

		if (timer_cancel_anywhere(t))
			timer_set(t, t->deadline);
	}
}

void stimer_serve(struct vp *vp)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		timer_cancel(&vp->stimers[i].timer);
		go_on(&vp->stimers[i]);
	}
}

void stimer_end(struct vp *vp)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		(void)timer_cancel_anywhere(&vp->stimers[i].timer);
		synic_cancel(&vp->stimers[i].message);
	}
}

/* The bit may be set already, by who did not need the VP to run. */
void stimer_time_changed(struct partition *p)
{
	for (u32 i = 0; i < HV_MAX_PROCESSORS; i++) {
		struct vp *vp = partition_vp(p, i);

		if (!vp)
			continue;
		atomic_fetch_or(&vp->work, (u32)VP_WORK_TIMERS);
		sched_wake(vp);
	}
}

/* Nobody but the caller changes @s from here on; an expiry that waits is forgotten. */
static void take(struct stimer *s, const struct vp *self)
{
	if (s->vp == self)
		timer_cancel(&s->timer);
	else
		(void)timer_cancel_anywhere(&s->timer);
	synic_cancel(&s->message);
}

static void give(struct stimer *s, const struct vp *self)
{
	if (s->vp == self)
		go_on(s);
	else
		atomic_fetch_or(&s->vp->work, (u32)VP_WORK_TIMERS);
}

/* Its time begins: also if it ran before. */
static void begin(struct stimer *s)
{
	s->due = s->count;
	if (s->config & HV_STIMER_PERIODIC)
		s->due = add_saturated(reference_time(&s->vp->partition->time), s->count);
}

static void config_write(struct stimer *s, u64 v, const struct vp *self)
{
	take(s, self);
	s->config = v & HV_STIMER_BITS;
	if (!can_enable(v))
		s->config &= ~HV_STIMER_ENABLE;
	begin(s);
	give(s, self);
}

static void count_write(struct stimer *s, u64 v, const struct vp *self)
{
	take(s, self);
	s->count = v;
	if (!v)
		s->config &= ~HV_STIMER_ENABLE;
	else if (s->config & HV_STIMER_AUTO_ENABLE && can_enable(s->config))
		s->config |= HV_STIMER_ENABLE;
	begin(s);
	give(s, self);
}

static_assert(HV_MSR_STIMER_CONFIG(0) % 2 == 0);
static_assert(HV_MSR_STIMER_COUNT(HV_STIMER_COUNT - 1) == HV_MSR_STIMER_LAST);

static bool is_count(u32 msr)
{
	return msr & 1;
}

bool stimer_msr_read(const struct vp *vp, u32 msr, u64 *v)
{
	u32 i = (msr - HV_MSR_STIMER_CONFIG(0)) / 2;

	if (i >= HV_STIMER_COUNT)
		return false;
	*v = is_count(msr) ? vp->stimers[i].count : load_relaxed(&vp->stimers[i].config);
	return true;
}

bool stimer_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	u32 i = (msr - HV_MSR_STIMER_CONFIG(0)) / 2;

	if (i >= HV_STIMER_COUNT)
		return false;
	if (is_count(msr))
		count_write(&vp->stimers[i], v, self);
	else
		config_write(&vp->stimers[i], v, self);
	return true;
}

static void state_of(const struct stimer *s, struct hv_stimer_state *out)
{
	struct hv_timer_message waiting;

	*out = (struct hv_stimer_state){ .config = s->config, .count = s->count };
	if (runs(s) && s->config & HV_STIMER_PERIODIC)
		out->adjustment = s->due;
	if (list_empty(&s->message.link))
		return;
	memcpy(&waiting, s->message.message.payload, sizeof(waiting));
	out->flags = (u32)HV_STIMER_UNDELIVERED;
	out->undelivered_expiration = waiting.expiration;
}

void stimer_state_get(struct vp *vp, struct hv_stimers_state *state)
{
	*state = (struct hv_stimers_state){ .reserved = { 0 } };
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		struct stimer *s = &vp->stimers[i];

		/* So that it does not change under us. */
		(void)timer_cancel_anywhere(&s->timer);
		state_of(s, &state->timer[i]);
		give(s, NULL);
	}
}

static bool is_valid(const struct hv_stimer_state *in)
{
	bool waits = in->flags & HV_STIMER_UNDELIVERED;

	if (in->flags & ~(u32)HV_STIMER_UNDELIVERED || in->reserved || in->config & ~HV_STIMER_BITS)
		return false;
	if (in->config & HV_STIMER_ENABLE && !can_enable(in->config))
		return false;
	return !waits || (!(in->config & HV_STIMER_DIRECT) && HV_STIMER_SINT_OF(in->config));
}

static void state_put(struct stimer *s, const struct hv_stimer_state *in)
{
	take(s, NULL);
	s->config = in->config;
	s->count = in->count;
	begin(s);
	if (s->config & HV_STIMER_PERIODIC && in->adjustment)
		s->due = in->adjustment;
	if (in->flags & HV_STIMER_UNDELIVERED)
		message_post(
			s, in->undelivered_expiration, reference_time(&s->vp->partition->time));
	give(s, NULL);
}

enum hv_status stimer_state_set(struct vp *vp, const struct hv_stimers_state *state)
{
	if (!mem_is_zero(state->reserved, sizeof(state->reserved)))
		return HV_STATUS_INVALID_PARAMETER;
	for (u32 i = 0; i < HV_STIMER_COUNT; i++)
		if (!is_valid(&state->timer[i]))
			return HV_STATUS_INVALID_PARAMETER;
	for (u32 i = 0; i < HV_STIMER_COUNT; i++)
		state_put(&vp->stimers[i], &state->timer[i]);
	return HV_STATUS_SUCCESS;
}
