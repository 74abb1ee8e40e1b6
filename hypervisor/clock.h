/* SPDX-License-Identifier: MIT */
/*
 * Time: the frequency of the TSC, calibrated at boot against HPET or PM
 * timer, never taken from CPUID alone, and conversions.
 */
#pragma once

#include "base/types.h"

struct platform;

extern u64 clock_tsc_hz;   /* constant after clock_init() */
extern u64 clock_boot_tsc; /* TSC at the hypervisor's first instruction */

/* Calibrates; returns false if the platform has nothing to calibrate by. */
bool clock_init(const struct platform *platform);

/* Conversions, rounded down; no overflow for spans below 100 years. */
u64 clock_tsc_to_ns(u64 ticks);
u64 clock_ns_to_tsc(u64 ns);
/* Spins; for device and start-up protocols at boot only. */
void clock_delay_us(u32 us);
