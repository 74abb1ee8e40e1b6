/* SPDX-License-Identifier: MIT */
/*
 * How long things took: their number, sum and maximum, and a histogram for percentiles.
 * Whoever owns it adds to it.
 */
#pragma once

#include "base/types.h"

/* Sixteen steps to each power of two of nanoseconds, up to a day. */
#define LATENCY_LOG     4u
#define LATENCY_STEPS   (1u << LATENCY_LOG)
#define LATENCY_BUCKETS (LATENCY_STEPS * 44)

/* Begins as zeroes. */
struct latency {
	u64 count;
	u64 total_ns;
	u64 max_ns;
	u64 buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, u64 ns);
/* On average; 0 of none. */
u64 latency_mean(const struct latency *l);
/* How long at most @percent of them took, as far as the histogram tells. */
u64 latency_percentile(const struct latency *l, u32 percent);

/* The bucket that @ns falls into, and the most that falls into it. */
u32 latency_bucket(u64 ns);
u64 latency_bucket_max(u32 bucket);
