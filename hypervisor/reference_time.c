/* SPDX-License-Identifier: MIT */
/*
 * Reference time: a base and the TSC at which it held. One writer at a time;
 * readers look again if the sequence changed under them.
 */
#include "hypervisor/reference_time.h"

#include "hypervisor/clock.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define NS_PER_UNIT 100u

static u64 value(bool frozen, u64 base, u64 start_tsc)
{
	return frozen ? base : base + clock_tsc_to_ns(rdtsc() - start_tsc) / NS_PER_UNIT;
}

static void write(struct reference_time *t, bool frozen, u64 base, u64 start_tsc)
{
	/* Full barriers, which pair with the loads in reference_time(). */
	atomic_fetch_add(&t->sequence, 1);
	t->frozen = frozen;
	t->base = base;
	t->start_tsc = start_tsc;
	atomic_fetch_add(&t->sequence, 1);
}

void reference_time_start(struct reference_time *t)
{
	write(t, false, 0, rdtsc());
}

u64 reference_time(const struct reference_time *t)
{
	u32 before;
	u64 v;

	do {
		before = load_acquire(&t->sequence);
		v = value(load_acquire(&t->frozen), load_acquire(&t->base),
			load_acquire(&t->start_tsc));
	} while (unlikely(before & 1 || load_relaxed(&t->sequence) != before));
	return v;
}

void reference_time_freeze(struct reference_time *t, bool frozen)
{
	if (frozen != t->frozen)
		write(t, frozen, value(t->frozen, t->base, t->start_tsc), rdtsc());
}

void reference_time_set(struct reference_time *t, u64 v)
{
	write(t, t->frozen, v, rdtsc());
}
