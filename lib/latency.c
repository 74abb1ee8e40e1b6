/* SPDX-License-Identifier: MIT */
/*
 * See latency.h. Numbers below 2 * LATENCY_STEPS have buckets of their own.
 */
#include "lib/latency.h"

u32 latency_bucket(u64 ns)
{
	u32 log = ns >= LATENCY_STEPS ? 63 - (u32)__builtin_clzll(ns) : LATENCY_LOG;
	u64 bucket = (log - LATENCY_LOG) * LATENCY_STEPS + (ns >> (log - LATENCY_LOG));

	return (u32)MIN(bucket, LATENCY_BUCKETS - 1ull);
}

u64 latency_bucket_max(u32 bucket)
{
	u32 log = bucket < 2 * LATENCY_STEPS ? 0 : bucket / LATENCY_STEPS - 1;

	return ((u64)(bucket - log * LATENCY_STEPS + 1) << log) - 1;
}

void latency_add(struct latency *l, u64 ns)
{
	l->count++;
	l->total_ns += ns;
	l->max_ns = MAX(l->max_ns, ns);
	l->buckets[latency_bucket(ns)]++;
}

u64 latency_mean(const struct latency *l)
{
	return l->count > 0 ? l->total_ns / l->count : 0;
}

u64 latency_percentile(const struct latency *l, u32 percent)
{
	u64 want = (l->count * percent + 99) / 100, sum = 0;
	u32 i = 0;

	while (i < LATENCY_BUCKETS - 1 && sum + l->buckets[i] < want)
		sum += l->buckets[i++];
	return MIN(latency_bucket_max(i), l->max_ns);
}
