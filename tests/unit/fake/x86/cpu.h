/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h with the time stamp, pauses and halts of fake.h; the rest is the
 * real one's.
 */
#pragma once

#define rdtsc     rdtsc_real
#define cpu_pause cpu_pause_real
#define irq_wait  irq_wait_real
#include_next "x86/cpu.h"
#undef rdtsc
#undef cpu_pause
#undef irq_wait

#include "fake/fake.h"

static inline u64 rdtsc(void)
{
	return fake_rdtsc();
}

/* A processor that waits for another: the test can let that one go on. */
static inline void cpu_pause(void)
{
	if (fake_on_pause)
		fake_on_pause();
	cpu_pause_real();
}

static inline void irq_wait(void)
{
	fake_irq_wait();
}
