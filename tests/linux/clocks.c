/* SPDX-License-Identifier: MIT */
/*
 * clocks ROUNDS: time as the vDSO tells it lies between two system calls'
 * and never goes back, on whatever processor; its last line is all clocks and
 * the TSC at once.
 */
#include "tests/linux/lib/program.h"
#include "x86/cpu.h"

#define TRIES 100u

struct clocks {
	u64 mono;
	u64 boot;
	u64 real;
	u64 tsc;
};

static u64 backwards, outside;

static void round_of(u64 *last)
{
	u64 before = clock_slow(CLOCK_MONOTONIC);
	u64 now = clock_fast(CLOCK_MONOTONIC);
	u64 after = clock_slow(CLOCK_MONOTONIC);

	backwards += before < *last || now < *last || after < *last;
	outside += now < before || now > after;
	*last = MAX(after, *last);
}

/* Returns the TSC ticks that it took. */
static u64 read_all(struct clocks *c)
{
	u64 before = rdtsc();

	c->mono = clock_fast(CLOCK_MONOTONIC);
	c->boot = clock_fast(CLOCK_BOOTTIME);
	c->real = clock_fast(CLOCK_REALTIME);
	c->tsc = rdtsc();
	return c->tsc - before;
}

/* The best of some tries: one that nothing interrupted. */
static void tell(void)
{
	struct clocks best = { 0, 0, 0, 0 };
	u64 least = ~0ull;

	for (u32 i = 0; i < TRIES; i++) {
		struct clocks c;
		u64 spread = read_all(&c);

		if (spread < least) {
			least = spread;
			best = c;
		}
	}
	say("time mono %llu boot %llu real %llu tsc %llu", (unsigned long long)best.mono,
		(unsigned long long)best.boot, (unsigned long long)best.real,
		(unsigned long long)best.tsc);
}

int program_main(u32 count, const u64 *numbers)
{
	u64 rounds = count > 0 ? numbers[0] : 1000, last = 0;
	u64 cpus = cpus_allowed();

	for (u64 i = 0; i < rounds; i++) {
		for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
			if (!(cpus >> cpu & 1))
				continue;
			run_on(BIT(cpu));
			round_of(&last);
		}
	}
	run_on(cpus);
	tell();
	return verdict("clocks", clock_is_fast() && backwards == 0 && outside == 0,
		"vDSO %d, %llu times backwards, %llu times outside", clock_is_fast(),
		(unsigned long long)backwards, (unsigned long long)outside);
}
