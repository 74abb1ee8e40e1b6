/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h with the time stamp of fake.h; the rest is the real one's.
 */
#pragma once

#define rdtsc rdtsc_real
#include_next "x86/cpu.h"
#undef rdtsc

#include "fake/fake.h"

static inline u64 rdtsc(void)
{
	return fake_rdtsc();
}
