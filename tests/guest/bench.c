/* SPDX-License-Identifier: MIT */
/*
 * Costs of exits, as "BENCH name value" lines in TSC ticks per operation; in
 * deterministic mode a tick is an instruction. Each piece of code runs twice:
 * as it is, and with its exiting instruction replaced by one NOP. A row is the
 * difference: what the hypervisor adds, without anything of the guest's own.
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define BATCHES      10u
#define ROUNDS       100u /* of a batch */
#define TIMER_ROUNDS 100u
#define IPI_VECTOR   0x50u
#define TIMER_VECTOR 0x51u
#define TIMER_US     100u
#define DIVIDE_BY_1  0xbu
#define CODE_MAX     16u

/* Of a child: where nothing is, and RAM that its loader did not use. */
#define UNCLAIMED_PORT 0x2f8u
#define UNCLAIMED_GPA  0xd0000000ull
#define TOUCH_GPA      (16 * MIB)
#define TOUCH_PAGES    1024u

/* A function in machine code; the exiting instruction stands first. */
struct code {
	u8 size;
	u8 exiting; /* bytes of the exiting instruction */
	u8 bytes[CODE_MAX];
};

static const struct code code_cpuid = { 3, 2, { 0x0f, 0xa2, 0xc3 } };
static const struct code code_rdmsr = { 3, 2, { 0x0f, 0x32, 0xc3 } };
static const struct code code_vmcall = { 4, 3, { 0x0f, 0x01, 0xc1, 0xc3 } };
static const struct code code_vmmcall = { 4, 3, { 0x0f, 0x01, 0xd9, 0xc3 } };
static const struct code code_in = { 2, 1, { 0xec, 0xc3 } };         /* IN AL, DX */
static const struct code code_load = { 3, 2, { 0x8b, 0x06, 0xc3 } }; /* MOV EAX, [RSI] */
/* WRMSR, then where the interrupt comes; INT is its like without an exit. */
static const struct code code_wrmsr = { 3, 2, { 0x0f, 0x30, 0xc3 } };
static const struct code code_int = { 3, 2, { 0xcd, IPI_VECTOR, 0xc3 } };
static const struct code code_store = { 3, 2, { 0x89, 0x06, 0xc3 } }; /* MOV [RSI], EAX */
/* STI, HLT, CLI: an interrupt that came before is not missed. */
static const struct code code_halt = { 4, 0, { 0xfb, 0xf4, 0xfa, 0xc3 } };

/*
 * Where each piece of code runs. What the hypervisor remembers of code, where
 * the processor does not tell lengths, depends on addresses: these are fixed.
 */
enum { PLACE_FIRST, PLACE_HALT, PLACE_EOI, PLACES };
static u8 places[PLACES][CODE_MAX] __aligned(PAGE_SIZE);

/* One instruction for one: NOP with as many bytes. */
static void write_nop(u8 *at, u8 size)
{
	static const u8 nops[][3] = { { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 } };

	assert(size >= 1 && size <= ARRAY_SIZE(nops));
	memcpy(at, nops[size - 1], size);
}

static void put(u32 where, const struct code *c, bool without)
{
	memcpy(places[where], c->bytes, c->size);
	if (without)
		write_nop(places[where], c->exiting);
}

static u64 batch(const struct guest_regs *in)
{
	u64 start = rdtsc();

	for (u32 i = 0; i < ROUNDS; i++) {
		struct guest_regs r = *in;

		guest_execute(places[PLACE_FIRST], &r);
	}
	return rdtsc() - start;
}

/*
 * The best of some batches: the first one fills what remembers (the decoder's
 * lengths, TLBs), and a child shares its processor with the root.
 */
static u64 measure(const struct code *c, bool without, const struct guest_regs *in)
{
	u64 best = ~0ull;

	put(PLACE_FIRST, c, without);
	for (u32 i = 0; i < BATCHES; i++)
		best = MIN(best, batch(in));
	return best;
}

static void row(const char *name, const struct code *c, const struct guest_regs *in)
{
	u64 with = measure(c, false, in);

	guest_bench(name, (with - measure(c, true, in)) / ROUNDS);
}

static void rows_hypercall(void)
{
	const struct code *c = guest_is_vmx() ? &code_vmcall : &code_vmmcall;
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
	row("hypercall-fast", c, &fast);
	row("hypercall-slow", c, &slow);
}

static void end_of_interrupt(void)
{
	struct guest_regs r = { .rcx = HV_MSR_EOI };

	guest_execute(places[PLACE_EOI], &r);
}

static void on_ipi(u8 vector)
{
	(void)vector;
	end_of_interrupt();
}

static void row_self_ipi(void)
{
	const u64 icr = IPI_VECTOR | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT;
	const struct guest_regs in = { .rcx = HV_MSR_ICR, .rax = (u32)icr };
	u64 with;

	put(PLACE_EOI, &code_wrmsr, false);
	with = measure(&code_wrmsr, false, &in);
	put(PLACE_EOI, &code_wrmsr, true);
	guest_bench("self-ipi-and-eoi", (with - measure(&code_int, false, &in)) / ROUNDS);
}

static u64 fired;

static void on_timer(u8 vector)
{
	(void)vector;
	fired = rdtsc();
	end_of_interrupt();
}

static void timer_start(u64 count)
{
	struct guest_regs r = { .rax = count, .rsi = APIC_DEFAULT_BASE + APIC_TIMER_INITIAL };

	guest_execute(places[PLACE_FIRST], &r);
}

/* From before the timer's start to its handler, less the time asked for. */
static void row_timer(void)
{
	u64 count = msr_read(HV_MSR_APIC_FREQUENCY) / 1000000 * TIMER_US;
	u64 asked = guest_tsc_hz() / 1000 * TIMER_US / 1000;
	struct guest_regs none = { 0 };
	u64 sum = 0;

	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + APIC_TIMER_DIVIDE), DIVIDE_BY_1);
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + APIC_LVT_TIMER), TIMER_VECTOR);
	put(PLACE_FIRST, &code_store, false);
	put(PLACE_HALT, &code_halt, false);
	put(PLACE_EOI, &code_wrmsr, false);
	irq_disable();
	for (u32 i = 0; i < TIMER_ROUNDS; i++) {
		u64 start = rdtsc();

		timer_start(count);
		guest_execute(places[PLACE_HALT], &none);
		sum += fired - start;
	}
	guest_bench("timer-100us-and-hlt-beyond", sum / TIMER_ROUNDS - asked);
}

/* What a child's worker settles. */
static void rows_worker(void)
{
	const struct guest_regs nothing_there = { .rdx = UNCLAIMED_PORT };
	const struct guest_regs no_memory = { .rsi = UNCLAIMED_GPA };

	row("io-intercept", &code_in, &nothing_there);
	row("mmio-intercept", &code_load, &no_memory);
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

	guest_on_interrupt(IPI_VECTOR, on_ipi);
	guest_on_interrupt(TIMER_VECTOR, on_timer);
	irq_enable();
	row("cpuid", &code_cpuid, &leaf_1);
	rows_hypercall();
	row("rdmsr-apic-base", &code_rdmsr, &apic_base);
	row("rdmsr-reference-count", &code_rdmsr, &reference);
	row("apic-page-read", &code_load, &apic_page);
	row_self_ipi();
	row_timer();
	if (!guest_is_child())
		return;
	rows_worker();
	row_first_touch();
}
