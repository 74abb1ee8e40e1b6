/* SPDX-License-Identifier: MIT */
/*
 * Weights by start-time fair queueing: a share's virtual time is that of the
 * start of its turn, and moves on at the turn's end by the ticks it had over
 * its weight. Periods are the same for all shares and processors, so that all
 * reserves are due at the same time. Pure functions of what is passed in.
 */
#include "hypervisor/sched_policy.h"

#include "hv/partition.h"
#include "x86/atomic.h"

/* Milliseconds: a turn, the most that the root has at a time, and the period of caps and reserves. */
#define TURN        5u
#define ROOT_CREDIT 10u
#define PERIOD      10u

/* Reserves together are at most so much of a period, and no stay is planned shorter. */
#define PAYABLE  9u  /* tenths */
#define SHORTEST 10u /* of a millisecond */

/* How far a reserve may carry a share before the others, in turns. */
#define AHEAD 4u

/* Ticks. */
static u64 turn, root_credit, period, payable, shortest;

void sched_policy_setup(u64 ms)
{
	turn = TURN * ms;
	root_credit = ROOT_CREDIT * ms;
	period = PERIOD * ms;
	payable = period / 10 * PAYABLE;
	shortest = ms / SHORTEST;
}

void sched_policy_init(struct sched_policy *p)
{
	*p = (struct sched_policy){
		.parked_end = SCHED_NEVER,
		.waited = SCHED_NEVER,
		.root_credit = (s64)root_credit,
	};
	list_init(&p->ready);
	list_init(&p->parked);
}

void sched_share_init(struct sched_share *s)
{
	*s = (struct sched_share){
		.weight = HV_CPU_WEIGHT_DEFAULT,
		.budget = 1,
		.period_end = SCHED_NEVER,
	};
	list_init(&s->link);
}

static u64 of_period(u64 parts)
{
	return parts * period / HV_CPU_ALL;
}

void sched_share_set(struct sched_share *s, u64 weight, u64 cap, u64 reserve, u64 now)
{
	bool capped = cap < HV_CPU_ALL;

	s->weight = (u32)weight;
	s->cap = capped ? MAX(of_period(cap), 1ull) : 0;
	s->reserve = of_period(MIN(reserve, cap));
	s->budget = capped ? (s64)s->cap : 1;
	s->owed = s->reserve;
	s->period_end = capped || s->reserve ? (now / period + 1) * period : SCHED_NEVER;
}

static struct sched_share *share_of(struct list_node *n)
{
	return list_entry(n, struct sched_share, link);
}

/* For the periods that have ended. */
__attribute__((noinline)) static void fill_now(struct sched_share *s, u64 now)
{
	u64 n = (now - s->period_end) / period + 1;

	s->period_end += n * period;
	if (s->cap)
		s->budget = MIN(s->budget + (s64)(n * s->cap), (s64)s->cap);
	s->owed = MIN(s->owed + n * s->reserve, 2 * s->reserve);
}

static inline void fill(struct sched_share *s, u64 now)
{
	if (unlikely(now >= s->period_end))
		fill_now(s, now);
}

bool sched_share_is_broke(struct sched_share *s, u64 now)
{
	fill(s, now);
	return s->budget <= 0;
}

void sched_share_move(
	struct sched_share *s, const struct sched_policy *from, const struct sched_policy *to)
{
	u64 clock = load_relaxed(&from->clock);

	if (from != to)
		s->start = load_relaxed(&to->clock) + (s->start > clock ? s->start - clock : 0);
}

void sched_policy_add(struct sched_policy *p, struct sched_share *s, bool goes_on)
{
	struct list_node *pos = p->ready.prev;

	s->start = MAX(s->start, load_relaxed(&p->clock));
	while (pos != &p->ready && share_of(pos)->start + goes_on > s->start)
		pos = pos->prev;
	list_insert_before(pos->next, &s->link);
	s->parked = false;
	p->count++;
	p->reserves += s->reserve != 0;
}

void sched_policy_remove(struct sched_policy *p, struct sched_share *s)
{
	list_remove(&s->link);
	if (s->parked) {
		p->parked_count--;
		return;
	}
	p->count--;
	p->reserves -= s->reserve != 0;
}

__attribute__((noinline)) static void park(struct sched_policy *p, struct sched_share *s)
{
	sched_policy_remove(p, s);
	list_push_back(&p->parked, &s->link);
	s->parked = true;
	p->parked_count++;
	p->parked_end = MIN(p->parked_end, s->period_end);
}

/* Those whose budget was filled come back; the others wait for the next period. */
__attribute__((noinline)) static void unpark(struct sched_policy *p, u64 now)
{
	struct list_node *n = p->parked.next;

	p->parked_end = SCHED_NEVER;
	while (n != &p->parked) {
		struct sched_share *s = share_of(n);

		n = n->next;
		if (sched_share_is_broke(s, now)) {
			p->parked_end = MIN(p->parked_end, s->period_end);
			continue;
		}
		sched_policy_remove(p, s);
		sched_policy_add(p, s, false);
	}
}

/* The least virtual time of those who may run. */
static struct sched_share *first(struct sched_policy *p, u64 now)
{
	while (!list_empty(&p->ready)) {
		struct sched_share *s = share_of(p->ready.next);

		if (likely(!sched_share_is_broke(s, now)))
			return s;
		park(p, s);
	}
	return NULL;
}

static struct sched_share *first_owed(struct sched_policy *p, u64 now)
{
	list_for_each(n, &p->ready)
	{
		struct sched_share *s = share_of(n);

		if (s->reserve && !sched_share_is_broke(s, now) && s->owed)
			return s;
	}
	return NULL;
}

/* From when on there is only time to pay what is owed. */
static u64 due(struct sched_policy *p, u64 now)
{
	u64 owed = 0, end = 0;

	if (!p->reserves)
		return SCHED_NEVER;
	list_for_each(n, &p->ready)
	{
		struct sched_share *s = share_of(n);

		if (!s->reserve || sched_share_is_broke(s, now))
			continue;
		owed += s->owed;
		end = s->period_end;
	}
	return owed ? end - MIN(owed, payable) : SCHED_NEVER;
}

static u64 no_sooner(u64 now, u64 until)
{
	return MAX(until, now + shortest);
}

/* The end of a stay that begins now, as far as it is the share's own matter. */
static inline u64 own_end(const struct sched_share *s, u64 now)
{
	return likely(!s->cap) ? SCHED_NEVER : no_sooner(now, now + (u64)s->budget);
}

/* The root ran alone, or nobody: it has all its credit again. */
static inline void end_alone(struct sched_policy *p)
{
	if (!p->alone)
		return;
	p->alone = false;
	p->root_credit = (s64)root_credit;
}

void sched_policy_begin(struct sched_policy *p, const struct sched_share *s, u64 now)
{
	end_alone(p);
	p->began = now;
	p->waited = SCHED_NEVER;
	p->refills = true;
	p->until = MIN(own_end(s, now), p->parked_end);
}

/* @s is taken out; @latest: when others have to be looked at. */
static void begin_among(struct sched_policy *p, struct sched_share *s, u64 now, u64 latest)
{
	u64 until = MIN(own_end(s, now), latest);

	sched_policy_remove(p, s);
	p->began = now;
	p->waited = now;
	p->until = no_sooner(now, MIN(until, now + turn - s->had));
}

static void root_begin(struct sched_policy *p, u64 now, u64 latest)
{
	p->began = now;
	p->waited = now;
	p->until = no_sooner(now, MIN(now + (u64)p->root_credit, latest));
}

/* Of those who wait, @s being the first by virtual time; NULL: the root. */
static struct sched_share *choose(struct sched_policy *p, struct sched_share *s, u64 now, bool root)
{
	u64 latest = due(p, now);
	struct sched_share *owed = now >= latest ? first_owed(p, now) : NULL;

	end_alone(p);
	/* However late its stay ended, it is paid by two turns at most. */
	p->root_credit = MAX(p->root_credit, -(s64)root_credit);
	if (owed) {
		begin_among(p, owed, now, MIN(now + owed->owed, owed->period_end));
		/* Else the root would get back by this what others wait for. */
		p->refills = !p->count;
		return owed;
	}
	if (root && p->root_credit > 0) {
		root_begin(p, now, latest);
		return NULL;
	}
	store_relaxed(&p->clock, s->start);
	begin_among(p, s, now, s->owed ? SCHED_NEVER : latest);
	p->refills = true;
	return s;
}

struct sched_share *sched_policy_next(struct sched_policy *p, u64 now, bool root)
{
	struct sched_share *s;

	if (unlikely(now >= p->parked_end))
		unpark(p, now);
	s = first(p, now);
	if (likely(s && p->count == 1 && !root)) {
		store_relaxed(&p->clock, s->start);
		sched_policy_remove(p, s);
		sched_policy_begin(p, s, now);
		return s;
	}
	if (s)
		s = choose(p, s, now, root);
	else
		sched_policy_alone(p);
	p->until = MIN(p->until, p->parked_end);
	return s;
}

void sched_policy_came(struct sched_policy *p, u64 now)
{
	/* The only one: whoever waited before has gone meanwhile. */
	if (likely(p->count == 1)) {
		p->alone = false;
		p->root_credit = (s64)root_credit;
		p->waited = now;
		p->until = MIN(now + root_credit, p->parked_end);
	}
	if (unlikely(p->reserves))
		p->until = no_sooner(now, MIN(p->until, due(p, now)));
}

/* Of cap and reserve. */
__attribute__((noinline)) static void pay(struct sched_share *s, u64 ticks, u64 now)
{
	if (s->cap)
		s->budget -= (s64)ticks;
	s->owed -= MIN(s->owed, ticks);
	fill(s, now);
}

/* The turn is over: its virtual time moves on. */
static void turn_end(const struct sched_policy *p, struct sched_share *s)
{
	u64 ticks = s->had + s->rest;

	s->start += ticks / s->weight;
	s->rest = ticks % s->weight;
	s->had = 0;
	/* What a reserve gives beyond the weight is no debt for later. */
	if (unlikely(s->reserve))
		s->start = MIN(s->start, p->clock + AHEAD * turn / s->weight);
}

bool sched_policy_ran(struct sched_policy *p, struct sched_share *s, u64 now, bool gave_up)
{
	u64 ticks = now - p->began;
	bool over;

	if (likely(p->refills))
		p->root_credit = MIN(p->root_credit + (s64)(2 * ticks), (s64)root_credit);
	if (unlikely(s->period_end != SCHED_NEVER))
		pay(s, ticks, now);
	/* What one runs alone costs nobody anything. */
	s->had += p->waited == SCHED_NEVER ? MIN(ticks, turn) : ticks;
	if (unlikely(p->yields)) {
		s->had = MAX(s->had, turn);
		s->owed = 0;
		p->yields = false;
	}
	over = s->had >= turn;
	if (over || gave_up)
		turn_end(p, s);
	return over;
}
