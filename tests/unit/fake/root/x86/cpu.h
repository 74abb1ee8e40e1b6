/* SPDX-License-Identifier: MIT */
/*
 * Stands in for include/x86/cpu.h in host tests of the root kernel: the
 * interrupt flag and the clock are variables, halting is the test's business.
 */
#pragma once

#include <cpuid.h>

#include "base/types.h"

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_IF    BIT(9)

/* Defined by fake_root.c. */
extern bool fake_irq_on;
extern u64 fake_tsc;

/* Defined by the tests that halt: what an idle VP does. */
void fake_wait(void);

static inline u64 rflags_read(void)
{
	return RFLAGS_FIXED | (fake_irq_on ? RFLAGS_IF : 0);
}

static inline void irq_enable(void)
{
	fake_irq_on = true;
}

static inline void irq_disable(void)
{
	fake_irq_on = false;
}

static inline void irq_wait(void)
{
	fake_wait();
}

static inline void cpu_halt(void)
{
	fake_wait();
}

static inline void cpu_pause(void)
{
}

static inline u64 rdtsc(void)
{
	return fake_tsc;
}

struct cpuid_regs {
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
};

/* The host's: whoever asks uses its instructions. */
static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
	return r;
}
