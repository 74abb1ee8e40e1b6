/* SPDX-License-Identifier: MIT */
/*
 * Sleeping: the timer is one-shot, and its interrupt does nothing but end HLT.
 */
#include "tests/guest/lib/sleep.h"

#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"

#define VECTOR   0x61u
#define TICKS_US 200u /* of the virtual APIC's timer */
#define BY_1     0xbu
#define STEP_US  100u

static void set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static void end_of_interrupt(u8 vector)
{
	(void)vector;
	set(APIC_EOI, 0);
}

u64 guest_sleep_us(u64 us)
{
	u64 per_us = guest_tsc_hz() / 1000000;
	u64 end = rdtsc() + us * per_us;

	guest_on_interrupt(VECTOR, end_of_interrupt);
	set(APIC_TIMER_DIVIDE, BY_1);
	set(APIC_LVT_TIMER, VECTOR);
	set(APIC_TIMER_INITIAL, (u32)(us * TICKS_US));
	/* Others may end the HLT: the timer then still counts. */
	while (rdtsc() < end)
		irq_wait();
	return (rdtsc() - end) / per_us;
}

bool guest_sleep_while(const volatile u64 *word, u64 old, u64 us)
{
	u64 end = rdtsc() + us * (guest_tsc_hz() / 1000000);

	while (*word == old && rdtsc() < end)
		guest_sleep_us(STEP_US);
	return *word != old;
}
