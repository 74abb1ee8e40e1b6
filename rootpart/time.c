/* SPDX-License-Identifier: MIT */
/*
 * Conversions between ticks of the TSC and nanoseconds by multiplication with
 * fixed-point factors; no division after boot. Any VP, any context.
 */
#include "rootpart/time.h"

#include "base/assert.h"
#include "x86/cpu.h"

/* Binary places of the factors; hz * 2^30 / 10^9 fits 64 bits to 17 GHz. */
#define FACTOR_BITS 30u

static u64 tsc_hz;
static u64 origin;
static u64 ns_per_tick;
static u64 ticks_per_ns;

static u64 scale(u64 v, u64 factor)
{
	unsigned __int128 r = ((unsigned __int128)v * factor) >> FACTOR_BITS;

	return r > TIME_NEVER - 1 ? TIME_NEVER - 1 : (u64)r;
}

void time_init(u64 hz, u64 origin_tsc)
{
	assert(hz >= 1000000 && hz < 16 * NS_PER_S);
	tsc_hz = hz;
	origin = origin_tsc;
	ns_per_tick = (NS_PER_S << FACTOR_BITS) / hz;
	/* Rounded up, so that a wait is never too short. */
	ticks_per_ns = ((hz << FACTOR_BITS) + NS_PER_S - 1) / NS_PER_S;
}

u64 time_tsc_hz(void)
{
	return tsc_hz;
}

u64 time_tsc_to_ns(u64 ticks)
{
	return scale(ticks, ns_per_tick);
}

u64 time_ns_to_tsc(u64 ns)
{
	return scale(ns, ticks_per_ns);
}

u64 time_ns(void)
{
	return time_tsc_to_ns(rdtsc() - origin);
}

u64 time_deadline_tsc(u64 ns)
{
	u64 ticks;

	if (ns == TIME_NEVER)
		return TIME_NEVER;
	ticks = time_ns_to_tsc(ns) + 1;
	return ticks > TIME_NEVER - 1 - origin ? TIME_NEVER - 1 : origin + ticks;
}

void time_spin_ns(u64 ns)
{
	u64 end = time_ns() + ns;

	while (time_ns() < end)
		cpu_pause();
}
