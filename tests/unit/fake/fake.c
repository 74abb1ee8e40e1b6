/* SPDX-License-Identifier: MIT */
/*
 * State and dispatch of the fake machine; see fake.h.
 */
#include "fake/fake.h"

#include <stdio.h>
#include <stdlib.h>

u64 fake_tsc;
u64 fake_tsc_step;
void (*fake_on_pause)(void);
void (*fake_on_irq_wait)(void);
void (*fake_on_irq_take_pending)(void);

u64 (*fake_on_msr_read)(u32 msr);
void (*fake_on_msr_write)(u32 msr, u64 v);
u32 (*fake_on_in)(u16 port, u32 size);
void (*fake_on_out)(u16 port, u32 size, u32 v);
u32 (*fake_on_mmio_read)(const volatile void *p);
void (*fake_on_mmio_write)(volatile void *p, u32 v);
u64 (*fake_on_mmio_load)(const volatile void *p, u32 size);
void (*fake_on_mmio_store)(volatile void *p, u32 size, u64 v);

static void need(bool there, const char *what)
{
	if (there)
		return;
	fprintf(stderr, "fake: unexpected %s\n", what);
	abort();
}

u64 fake_rdtsc(void)
{
	fake_tsc += fake_tsc_step;
	return fake_tsc;
}

void fake_irq_wait(void)
{
	need(fake_on_irq_wait, "halt");
	fake_on_irq_wait();
}

void fake_irq_take_pending(void)
{
	need(fake_on_irq_take_pending, "taking of interrupts");
	fake_on_irq_take_pending();
}

u64 fake_msr_read(u32 msr)
{
	need(fake_on_msr_read, "rdmsr");
	return fake_on_msr_read(msr);
}

void fake_msr_write(u32 msr, u64 v)
{
	need(fake_on_msr_write, "wrmsr");
	fake_on_msr_write(msr, v);
}

u32 fake_in(u16 port, u32 size)
{
	need(fake_on_in, "in");
	return fake_on_in(port, size);
}

void fake_out(u16 port, u32 size, u32 v)
{
	need(fake_on_out, "out");
	fake_on_out(port, size, v);
}

u64 fake_mmio_load(const volatile void *p, u32 size)
{
	if (fake_on_mmio_load)
		return fake_on_mmio_load(p, size);
	need(fake_on_mmio_read && size == 4, "device read");
	return fake_on_mmio_read(p);
}

void fake_mmio_store(volatile void *p, u32 size, u64 v)
{
	if (fake_on_mmio_store) {
		fake_on_mmio_store(p, size, v);
		return;
	}
	need(fake_on_mmio_write && size == 4, "device write");
	fake_on_mmio_write(p, (u32)v);
}
