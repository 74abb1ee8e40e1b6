/* SPDX-License-Identifier: MIT */
/*
 * x86/cpu.h with the time stamp, pauses, halts and pending interrupts of
 * fake.h; the rest is the real one's.
 */
#pragma once

#define rdtsc            rdtsc_real
#define rdtsc_ordered    rdtsc_ordered_real
#define cpu_pause        cpu_pause_real
#define irq_wait         irq_wait_real
#define irq_take_pending irq_take_pending_real
#include_next "x86/cpu.h"
#undef rdtsc
#undef rdtsc_ordered
#undef cpu_pause
#undef irq_wait
#undef irq_take_pending

#include "fake/fake.h"

static inline u64 rdtsc(void)
{
	return fake_rdtsc();
}

static inline u64 rdtsc_ordered(void)
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

static inline void irq_take_pending(void)
{
	fake_irq_take_pending();
}
