/* SPDX-License-Identifier: MIT */
/*
 * Costs of exits, as "BENCH name value" lines in TSC ticks per operation; in
 * deterministic mode a tick is an instruction. Interrupts and timers:
 * bench_interrupts.c.
 */
#include "tests/guest/lib/bench.h"
#include "base/assert.h"
#include "hv/msr.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

/* Of a child: where nothing is, and RAM that its loader did not use. */
#define UNCLAIMED_PORT 0x2f8u
#define UNCLAIMED_GPA  0xd0000000ull
#define TOUCH_GPA      (16 * MIB)
#define TOUCH_PAGES    1024u

static void rows_hypercall(void)
{
	const struct bench_code *c = bench_call();
	const struct guest_regs fast = {
		.rcx = HV_CALL_NOTIFY_LONG_SPIN_WAIT | HV_CONTROL_FAST,
		.rdx = 1,
	};
	/* A child may not ask for its partition's id: its input is in memory instead. */
	const struct guest_regs slow = {
		.rcx = guest_is_child() ? HV_CALL_NOTIFY_LONG_SPIN_WAIT : HV_CALL_GET_PARTITION_ID,
		.rdx = (u64)guest_pages(1),
		.r8 = (u64)guest_pages(1),
	};

	/* The first call announces the guest, and proves that calls work. */
	assert(guest_hypercall(fast.rcx, fast.rdx, 0) == 0);
	assert(guest_hypercall(slow.rcx, slow.rdx, slow.r8) == 0);
	bench_row("hypercall-fast", c, &fast);
	bench_row("hypercall-slow", c, &slow);
}

/* What a child's worker settles. */
static void rows_worker(void)
{
	const struct guest_regs nothing_there = { .rdx = UNCLAIMED_PORT };
	const struct guest_regs no_memory = { .rsi = UNCLAIMED_GPA };

	bench_row("io-intercept", &bench_in, &nothing_there);
	bench_row("mmio-intercept", &bench_load, &no_memory);
}

/* Pages of the child's RAM that nothing has touched yet, less the same once more. */
static void row_first_touch(void)
{
	volatile u8 *ram = (volatile u8 *)TOUCH_GPA;
	u64 first, again;

	first = rdtsc();
	for (u32 i = 0; i < TOUCH_PAGES; i++)
		ram[i * PAGE_SIZE] = 1;
	again = rdtsc();
	first = again - first;
	for (u32 i = 0; i < TOUCH_PAGES; i++)
		ram[i * PAGE_SIZE] = 2;
	again = rdtsc() - again;
	guest_bench("first-touch", first > again ? (first - again) / TOUCH_PAGES : 0);
}

void guest_main(void)
{
	const struct guest_regs leaf_1 = { .rax = 1 };
	const struct guest_regs apic_base = { .rcx = MSR_APIC_BASE };
	const struct guest_regs reference = { .rcx = HV_MSR_TIME_REF_COUNT };
	const struct guest_regs apic_page = { .rsi = APIC_DEFAULT_BASE + APIC_LDR };

	irq_enable();
	bench_row("cpuid", &bench_cpuid, &leaf_1);
	rows_hypercall();
	bench_row("rdmsr-apic-base", &bench_rdmsr, &apic_base);
	bench_row("rdmsr-reference-count", &bench_rdmsr, &reference);
	bench_row("apic-page-read", &bench_load, &apic_page);
	if (!guest_is_child())
		return;
	rows_worker();
	row_first_touch();
}
