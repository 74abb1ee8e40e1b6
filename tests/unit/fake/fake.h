/* SPDX-License-Identifier: MIT */
/*
 * The machine that the fake x86 headers show to code under test: a TSC that
 * moves by a step at each reading; pauses, halts, the taking of interrupts, MSRs, ports
 * and device registers by callbacks of the test. An access whose callback is not set ends the program. A test
 * names -Itests/unit/fake in its cflags and fake.c among its sources.
 */
#pragma once

#include "base/types.h"

extern u64 fake_tsc;
extern u64 fake_tsc_step;
extern void (*fake_on_pause)(void); /* may be NULL */
extern void (*fake_on_irq_wait)(void);
extern void (*fake_on_irq_take_pending)(void);

extern u64 (*fake_on_msr_read)(u32 msr);
extern void (*fake_on_msr_write)(u32 msr, u64 v);
extern u32 (*fake_on_in)(u16 port, u32 size);
extern void (*fake_on_out)(u16 port, u32 size, u32 v);
extern u32 (*fake_on_mmio_read)(const volatile void *p);
extern void (*fake_on_mmio_write)(volatile void *p, u32 v);
/* Device registers of any size, in bytes; those of 4 go to the two above if these are not set. */
extern u64 (*fake_on_mmio_load)(const volatile void *p, u32 size);
extern void (*fake_on_mmio_store)(volatile void *p, u32 size, u64 v);

u64 fake_rdtsc(void);
void fake_irq_wait(void);
void fake_irq_take_pending(void);
u64 fake_msr_read(u32 msr);
void fake_msr_write(u32 msr, u64 v);
u32 fake_in(u16 port, u32 size);
void fake_out(u16 port, u32 size, u32 v);
u64 fake_mmio_load(const volatile void *p, u32 size);
void fake_mmio_store(volatile void *p, u32 size, u64 v);
