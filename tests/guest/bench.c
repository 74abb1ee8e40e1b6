/* SPDX-License-Identifier: MIT */
/*
 * Costs of exits, as "BENCH name value" lines in TSC ticks per operation; in
 * deterministic mode a tick is an instruction. The loop itself is measured
 * and taken off.
 */
#include "hv/msr.h"
#include "hv/stats.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/io.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define ROUNDS 1000u

static volatile u64 sink;

static void do_nothing(void)
{
	barrier();
}

static void do_cpuid(void)
{
	sink = cpuid(1, 0).eax;
}

static void do_spin_wait(void)
{
	guest_hypercall(HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST, 1, 0);
}

static void do_partition_id(void)
{
	static u64 *out;

	if (!out)
		out = guest_pages(1);
	guest_hypercall(HV_CALL_GET_PARTITION_ID, 0, (u64)out);
}

static void do_rdmsr_apic_base(void)
{
	sink = msr_read(MSR_APIC_BASE);
}

static void do_rdmsr_reference(void)
{
	sink = msr_read(HV_MSR_TIME_REF_COUNT);
}

static void do_apic_page(void)
{
	sink = mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + APIC_LDR));
}

static void do_self_ipi(void)
{
	msr_write(HV_MSR_ICR, 0x50 | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
}

static void on_ipi(u8 vector)
{
	(void)vector;
	msr_write(HV_MSR_EOI, 0);
}

static u64 measure(void (*fn)(void))
{
	u64 start;

	fn();
	start = rdtsc();
	for (u32 i = 0; i < ROUNDS; i++)
		fn();
	return (rdtsc() - start) / ROUNDS;
}

void guest_main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} rows[] = {
		{ "cpuid", do_cpuid },
		{ "hypercall-fast", do_spin_wait },
		{ "hypercall-slow", do_partition_id },
		{ "rdmsr-apic-base", do_rdmsr_apic_base },
		{ "rdmsr-reference-count", do_rdmsr_reference },
		{ "apic-page-read", do_apic_page },
		{ "self-ipi-and-eoi", do_self_ipi },
	};
	u64 empty = measure(do_nothing);

	guest_on_interrupt(0x50, on_ipi);
	irq_enable();
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		guest_bench(rows[i].name, measure(rows[i].fn) - empty);
}
