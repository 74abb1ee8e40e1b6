/* SPDX-License-Identifier: MIT */
/*
 * sleeps COUNT NS: so many sleeps, none of which may end early by
 * CLOCK_MONOTONIC. How late they were is told, and is no verdict.
 */
#include "tests/linux/lib/program.h"

int program_main(u32 count, const u64 *numbers)
{
	u64 sleeps = count > 0 ? numbers[0] : 10000;
	u64 ns = count > 1 ? numbers[1] : 1000000;
	u64 early = 0, shortest = ~0ull, longest = 0, sum = 0;

	for (u64 i = 0; i < sleeps; i++) {
		u64 before = clock_slow(CLOCK_MONOTONIC), slept;

		sleep_ns(ns);
		slept = clock_slow(CLOCK_MONOTONIC) - before;
		early += slept < ns;
		shortest = MIN(shortest, slept);
		longest = MAX(longest, slept);
		sum += slept;
	}
	say("sleeps of %llu ns: shortest %llu, mean %llu, longest %llu", (unsigned long long)ns,
		(unsigned long long)shortest, (unsigned long long)(sum / MAX(sleeps, 1ull)),
		(unsigned long long)longest);
	return verdict("sleeps", early == 0, "%llu of %llu were early", (unsigned long long)early,
		(unsigned long long)sleeps);
}
