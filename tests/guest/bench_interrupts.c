/* SPDX-License-Identifier: MIT */
/*
 * Costs of interrupts and timers, as "BENCH name value" lines in TSC ticks; in
 * deterministic mode a tick is an instruction. What a row leads to is a handler,
 * up to its first instruction: the way to the look at the clock there, and from
 * the one before, is taken out by an INT to the same handler.
 */
#include "hv/msr.h"
#include "hv/timer.h"
#include "tests/guest/lib/bench.h"
#include "tests/guest/lib/time.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/divide.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define VECTOR       BENCH_VECTOR
#define OTHER_VECTOR 0x51u /* VP 1's */
#define TIMER_US     100u
#define DIVIDE_BY_1  0xbu
#define APIC_BASE    APIC_DEFAULT_BASE
#define X2APIC       BIT(21) /* of CPUID 1, ECX */

static u64 eoi_ticks; /* of the last end of interrupt, with the looks at the clock */
static struct bench_own own;

static void end_of_interrupt(void)
{
	/* For the MSR and for the page. */
	const struct guest_regs r = { .rcx = HV_MSR_EOI, .rsi = APIC_BASE + APIC_EOI };
	u64 start = rdtsc();

	(void)bench_run(BENCH_EOI, &r);
	eoi_ticks = rdtsc() - start;
}

static void on_vector(u8 vector)
{
	(void)vector;
	bench_fired = rdtsc();
	end_of_interrupt();
}

static u64 icr(u8 vector, u32 shorthand, u64 to)
{
	return vector | (u64)shorthand << 18 | APIC_ICR_ASSERT | to << 56;
}

/* --- Interrupts to oneself --- */

/* Whatever stands first leads to the handler: from before it to there. */
static u64 cause(void)
{
	const u64 v = icr(VECTOR, APIC_SHORTHAND_SELF, 0);
	const struct guest_regs r = { .rcx = HV_MSR_ICR, .rax = (u32)v };
	u64 start = rdtsc();

	(void)bench_run(BENCH_FIRST, &r);
	return bench_fired - start;
}

static u64 cause_eoi(void)
{
	(void)cause();
	return eoi_ticks;
}

static void row_self_ipi(void)
{
	bench_put(BENCH_FIRST, &bench_wrmsr, false);
	bench_put(BENCH_EOI, &bench_wrmsr, false);
	guest_bench("self-ipi-to-handler", bench_best(cause) - own.before - own.behind);
}

/* The peers' way: until the sender goes on. */
static u64 cause_and_return(void)
{
	u64 start = rdtsc();

	(void)cause();
	return rdtsc() - start;
}

static void row_self_ipi_and_eoi(void)
{
	u64 with, without;

	bench_put(BENCH_FIRST, &bench_wrmsr, false);
	bench_put(BENCH_EOI, &bench_wrmsr, false);
	with = bench_best(cause_and_return);
	bench_put(BENCH_FIRST, &bench_int, false);
	bench_put(BENCH_EOI, &bench_wrmsr, true);
	without = bench_best(cause_and_return);
	guest_bench("self-ipi-and-eoi", with - without);
}

static void row_eoi(const char *name, const struct bench_code *eoi)
{
	u64 with, without;

	bench_put(BENCH_FIRST, &bench_int, false);
	bench_put(BENCH_EOI, eoi, true);
	without = bench_best(cause_eoi);
	bench_put(BENCH_FIRST, &bench_wrmsr, false);
	bench_put(BENCH_EOI, eoi, false);
	with = bench_best(cause_eoi);
	guest_bench(name, with - without);
}

/* --- Between VPs --- */

static volatile u32 ready;

static void on_other(u8 vector)
{
	(void)vector;
	bench_fired = rdtsc();
	msr_write(HV_MSR_EOI, 0);
}

/* VP 1: each interrupt ends its HLT, and is answered. */
static void other(void *arg)
{
	(void)arg;
	for (;;) {
		store_release(&ready, 1);
		irq_wait();
		msr_write(HV_MSR_ICR, icr(VECTOR, APIC_SHORTHAND_NONE, 0));
	}
}

/* WRMSR; STI; HLT; CLI; RET. */
static const struct bench_code send_and_halt = { 6, 2, { 0x0f, 0x30, 0xfb, 0xf4, 0xfa, 0xc3 } };

static void on_answer(u8 vector)
{
	(void)vector;
	msr_write(HV_MSR_EOI, 0);
}

static u64 send_to_other(void)
{
	const u64 v = icr(OTHER_VECTOR, APIC_SHORTHAND_NONE, 1);
	const struct guest_regs r = { .rcx = HV_MSR_ICR, .rax = (u32)v, .rdx = v >> 32 };
	u64 start = rdtsc();

	(void)bench_run(BENCH_FIRST, &r);
	return bench_fired - start;
}

/* The other VP halts, and both have one processor: the sender halts as well. */
static void row_ipi(void)
{
	guest_on_interrupt(VECTOR, on_answer);
	guest_on_interrupt(OTHER_VECTOR, on_other);
	if (guest_start_vp(1, other, NULL) != HV_STATUS_SUCCESS) {
		guest_fail("ipi", "no second VP");
		return;
	}
	while (!load_acquire(&ready))
		guest_delay_us(100);
	irq_disable();
	bench_put(BENCH_FIRST, &send_and_halt, false);
	guest_bench("ipi-to-halted-vp", bench_best(send_to_other) - own.before - own.behind);
	irq_enable();
	guest_on_interrupt(VECTOR, on_vector);
}

/* --- Timers --- */

static void halt(void)
{
	const struct guest_regs none = { 0 };

	(void)bench_run(BENCH_HALT, &none);
}

static void spin(void)
{
	irq_enable();
	while (!bench_fired)
		;
	irq_disable();
}

static struct guest_regs apic_start; /* of its timer */
static u64 asked;                    /* TSC ticks until it is due */

/* From before the timer's start to the handler's look, less the time asked for. */
static u64 apic_timer(void (*wait)(void))
{
	u64 start;

	bench_fired = 0;
	start = rdtsc();
	(void)bench_run(BENCH_FIRST, &apic_start);
	wait();
	return bench_fired - start - asked;
}

static u64 apic_timer_halted(void)
{
	return apic_timer(halt);
}

static u64 apic_timer_running(void)
{
	return apic_timer(spin);
}

static void rows_apic_timer(void)
{
	mmio_write32((volatile void *)(APIC_BASE + APIC_TIMER_DIVIDE), DIVIDE_BY_1);
	mmio_write32((volatile void *)(APIC_BASE + APIC_LVT_TIMER), VECTOR);
	apic_start = (struct guest_regs){ .rsi = APIC_BASE + APIC_TIMER_INITIAL,
		.rax = msr_read(HV_MSR_APIC_FREQUENCY) / 1000000 * TIMER_US };
	asked = guest_tsc_hz() / 1000 * TIMER_US / 1000;
	bench_put(BENCH_FIRST, &bench_store, false);
	guest_bench("timer-100us-and-hlt-beyond", bench_best(apic_timer_halted));
	guest_bench("timer-100us-beyond", bench_best(apic_timer_running));
}

/* The same by an MSR, in x2APIC mode, in which the APIC stays. */
static void row_x2apic_timer(void)
{
	msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	apic_start.rcx = MSR_X2APIC(APIC_TIMER_INITIAL);
	bench_put(BENCH_FIRST, &bench_wrmsr, false);
	guest_bench("timer-100us-and-hlt-beyond-x2apic", bench_best(apic_timer_halted));
}

/* The first tick of the TSC that has reference time @t. */
static u64 tsc_of(u64 t)
{
	u64 rest;
	u64 tsc = divide_wide(t - guest_time_page->offset, 0, guest_time_page->scale, &rest);

	return tsc + !!rest;
}

/* Starts timer 0; gives when it is due. */
static u64 stimer(void)
{
	u64 t = guest_time() + TIMER_US * 10;

	bench_fired = 0;
	msr_write(HV_MSR_STIMER_COUNT(0), t);
	return tsc_of(t);
}

static u64 stimer_running(void)
{
	u64 due = stimer();

	spin();
	return bench_fired - due - own.behind;
}

static u64 stimer_halted(void)
{
	u64 due = stimer();

	halt();
	return bench_fired - due - own.behind;
}

/* RDMSR; RDTSC; RET. */
static const struct bench_code idle_and_look = { 5, 2, { 0x0f, 0x32, 0x0f, 0x31, 0xc3 } };

/* Interrupts are off: it goes on behind the RDMSR. */
static u64 stimer_idle(void)
{
	const struct guest_regs r = { .rcx = HV_MSR_GUEST_IDLE };
	u64 due = stimer();
	u64 seen = bench_run(BENCH_FIRST, &r);

	irq_take_pending();
	return seen - due;
}

static void rows_stimer(void)
{
	guest_time_init();
	msr_write(HV_MSR_STIMER_CONFIG(0), HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE |
						   HV_STIMER_DIRECT | HV_STIMER_VECTOR(VECTOR));
	guest_bench("stimer-to-handler", bench_best(stimer_running));
	guest_bench("stimer-and-hlt-to-handler", bench_best(stimer_halted));
	bench_put(BENCH_FIRST, &idle_and_look, false);
	guest_bench("stimer-to-behind-idle", bench_best(stimer_idle));
	msr_write(HV_MSR_STIMER_CONFIG(0), 0);
}

void guest_main(void)
{
	guest_on_interrupt(VECTOR, on_vector);
	irq_enable();
	bench_put(BENCH_EOI, &bench_wrmsr, true);
	own = bench_own();
	row_self_ipi_and_eoi();
	row_self_ipi();
	row_eoi("eoi-msr", &bench_wrmsr);
	row_eoi("eoi-page", &bench_store);
	if (guest_is_child())
		row_ipi();
	bench_put(BENCH_EOI, &bench_wrmsr, false);
	bench_put(BENCH_HALT, &bench_halt, false);
	irq_disable();
	rows_apic_timer();
	rows_stimer();
	if (cpuid(1, 0).ecx & X2APIC)
		row_x2apic_timer();
}
