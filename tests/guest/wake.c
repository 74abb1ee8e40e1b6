/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost between STI and HLT, whenever the interrupt comes: timers
 * that end in a window of instructions around the pair. An interrupt that is
 * taken between the two would leave the HLT waiting for ever; then the other
 * VP says so, or, without one, the test's time runs out.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/msr.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define ROUNDS     3000u
#define VECTOR     0x60u
#define STUCK_MS   2000u
#define APIC(reg)  ((volatile void *)(APIC_DEFAULT_BASE + (reg)))
#define BUS_PER_US 200u /* APIC timer ticks: 200 MHz */

static volatile u32 fired, round;

static void on_timer(u8 vector)
{
	(void)vector;
	fired++;
	msr_write(HV_MSR_EOI, 0);
}

/* On VP 1: a round that lasts has lost its interrupt. */
static void watch(void *arg)
{
	u32 seen = 0;

	(void)arg;
	while (seen < ROUNDS) {
		u32 before = round;

		for (u32 i = 0; i < STUCK_MS && round == before; i++)
			guest_delay_us(1000);
		if (round == before && before < ROUNDS) {
			guest_fail("wake", "round %u of %u does not end, %u interrupts", before,
				ROUNDS, fired);
			guest_done();
		}
		seen = round;
	}
}

static void wait_once(u32 ticks)
{
	u32 before = fired;

	mmio_write32(APIC(APIC_TIMER_INITIAL), ticks);
	while (fired == before)
		irq_wait();
}

void guest_main(void)
{
	guest_on_interrupt(VECTOR, on_timer);
	mmio_write32(APIC(APIC_TIMER_DIVIDE), 0xb);
	mmio_write32(APIC(APIC_LVT_TIMER), VECTOR);
	if (guest_bootinfo->processors > 1 && guest_start_vp(1, watch, NULL) != HV_STATUS_SUCCESS)
		guest_fail("watcher", "VP 1 does not start");
	for (round = 0; round < ROUNDS; round++)
		wait_once(1 + round * 37 % (40 * BUS_PER_US));
	guest_check(fired == ROUNDS, "wake", "%u of %u", fired, ROUNDS);
}
