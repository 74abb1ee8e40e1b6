/* SPDX-License-Identifier: MIT */
/*
 * Time since boot by the TSC, whose frequency the hypervisor tells. The same
 * on every VP. Any context.
 */
#pragma once

#include "base/types.h"

#define NS_PER_US  1000ull
#define NS_PER_MS  1000000ull
#define NS_PER_S   1000000000ull
#define TIME_NEVER (~0ull)

/* Nanoseconds since the root kernel was entered. */
u64 time_ns(void);
/* Nanoseconds to ticks of the TSC and back; saturate, never overflow. */
u64 time_ns_to_tsc(u64 ns);
u64 time_tsc_to_ns(u64 ticks);
/* TSC value at which time_ns() reaches @ns; TIME_NEVER stays TIME_NEVER. */
u64 time_deadline_tsc(u64 ns);
u64 time_tsc_hz(void);
/* Waits by spinning: for device set-up, at most some microseconds. */
void time_spin_ns(u64 ns);

/* Sets frequency and origin. Once, at boot. */
void time_init(u64 tsc_hz, u64 origin_tsc);
