/* SPDX-License-Identifier: MIT */
/*
 * The physical local APIC: mode, enabling, IPIs, EOI and the one-shot timer
 * under timer.c. It does not know what its interrupts mean; irq.c does. Each
 * processor calls it for itself, with interrupts off. APIC_BASE.EN is never
 * cleared: some processors do not come back from that.
 * Intel SDM volume 3, 11.4 to 11.6 and 11.12.
 */
#include "hypervisor/apic.h"

#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define SEND_SPINS      1000000u
#define CALIBRATE_US    2000u
#define SAMPLE_TRIES    5u
#define COUNT_MAX       0xfff00000u
#define COUNT_MARGIN    32768u /* 30 ppm */
#define DIVIDE_BY_1     0xbu
#define DEADLINE_TRY_US 10u
#define DEADLINE_NEVER  (~0ull)

/* All constant after apic_init() and apic_timer_calibrate() of the boot processor. */
static bool x2apic;
static bool deadline_mode;
static volatile u8 *page;
static u64 timer_ratio;     /* APIC timer ticks per TSC tick, 32.32 */
static u64 timer_max_delta; /* TSC ticks that COUNT_MAX covers */

static u32 reg_read(u32 reg)
{
	return x2apic ? (u32)msr_read(MSR_X2APIC(reg)) : mmio_read32(page + reg);
}

static void reg_write(u32 reg, u32 v)
{
	if (x2apic)
		msr_write(MSR_X2APIC(reg), v);
	else
		mmio_write32(page + reg, v);
}

void apic_init(u64 lapic_address)
{
	const struct cpu_features *f = &this_cpu()->features;
	bool on = msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC;

	x2apic = on || f->x2apic;
	deadline_mode = f->tsc_deadline;
	if (!x2apic)
		page = paging_map_device(lapic_address, PAGE_SIZE);
	log_info("apic: mode=%s timer=%s", x2apic ? "x2apic" : "xapic",
		deadline_mode ? "tsc-deadline" : "one-shot");
}

/* From off to x2APIC only by way of xAPIC mode: SDM 11.12.5. */
static void mode_set(void)
{
	u64 base = msr_read(MSR_APIC_BASE);

	if (!(base & APIC_BASE_ENABLE)) {
		base |= APIC_BASE_ENABLE;
		msr_write(MSR_APIC_BASE, base);
	}
	if (x2apic && !(base & APIC_BASE_X2APIC))
		msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

/* Ends what the firmware left in service; it would block lower priorities. */
static void isr_drain(void)
{
	for (u32 word = 0; word < 8; word++)
		for (u32 bits = reg_read(APIC_ISR + 16 * word); bits; bits &= bits - 1)
			apic_eoi();
}

static void lvt_set(void)
{
	u32 last = (reg_read(APIC_VERSION) >> 16) & 0xff;

	reg_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	/* The pin for NMIs, as all PCs have it. One processor is enough to tell of them. */
	reg_write(APIC_LVT_LINT1, this_cpu()->index ? APIC_LVT_MASKED : APIC_DM_NMI << 8);
	if (last >= 4)
		reg_write(APIC_LVT_PERF, APIC_LVT_MASKED);
	if (last >= 5)
		reg_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
	if (last >= 6)
		reg_write(APIC_LVT_CMCI, APIC_LVT_MASKED);
	reg_write(APIC_LVT_ERROR, HV_VECTOR_ERROR);
	reg_write(APIC_TIMER_INITIAL, 0);
	reg_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	reg_write(APIC_LVT_TIMER, HV_VECTOR_TIMER | (deadline_mode ? APIC_TIMER_DEADLINE : 0));
	/* The write of the mode comes before any write of the deadline: SDM 11.5.4.1. */
	msr_fence();
}

void apic_enable(void)
{
	mode_set();
	reg_write(APIC_SVR, HV_VECTOR_SPURIOUS | APIC_SVR_ENABLE);
	lvt_set();
	/*
	 * After LINT0 is masked: with one emulator an interrupt of the 8259 that
	 * waited there stays pending without a vector, until the APIC next looks
	 * at its priorities.
	 */
	reg_write(APIC_TPR, 0);
	reg_write(APIC_ESR, 0);
	isr_drain();
}

u32 apic_id(void)
{
	u32 id = reg_read(APIC_ID);

	return x2apic ? id : id >> 24;
}

void apic_eoi(void)
{
	reg_write(APIC_EOI, 0);
}

u32 apic_errors(void)
{
	reg_write(APIC_ESR, 0);
	return reg_read(APIC_ESR);
}

/* Bounded, so that the dying get on with it. */
static bool xapic_send(u32 dest, u32 icr)
{
	mmio_write32(page + APIC_ICR_HIGH, dest << 24);
	mmio_write32(page + APIC_ICR, icr);
	for (u32 i = 0; i < SEND_SPINS; i++) {
		if (!(mmio_read32(page + APIC_ICR) & APIC_ICR_PENDING))
			return true;
		cpu_pause();
	}
	return false;
}

void apic_send(u32 dest, u32 icr)
{
	if (x2apic) {
		/* What the receiver shall see is written before it is told. */
		msr_fence();
		msr_write(MSR_X2APIC(APIC_ICR), (u64)dest << 32 | icr);
	} else if (!xapic_send(dest, icr)) {
		log_error("apic: ipi not accepted dest=%u icr=%#x", dest, icr);
	}
}

void apic_send_nmi_others(void)
{
	u32 icr = APIC_SHORTHAND_OTHERS << 18 | APIC_ICR_ASSERT | APIC_DM_NMI << 8;

	if (x2apic)
		msr_write(MSR_X2APIC(APIC_ICR), icr);
	else if (page)
		(void)xapic_send(0, icr);
}

/*
 * Rounded up, and by what calibration may be wrong: an interrupt that comes
 * before the deadline costs another one.
 */
static u32 timer_count(u64 deadline)
{
	u64 now = rdtsc();
	u32 count;

	if (deadline <= now)
		return 1;
	if (deadline - now >= timer_max_delta)
		return COUNT_MAX;
	count = (u32)((deadline - now) * timer_ratio >> 32);
	return count + count / COUNT_MARGIN + 1;
}

void apic_timer_set(u64 deadline)
{
	bool never = deadline == DEADLINE_NEVER;

	if (deadline_mode)
		msr_write(MSR_TSC_DEADLINE, never ? 0 : MAX(deadline, 1));
	else
		reg_write(APIC_TIMER_INITIAL, never ? 0 : timer_count(deadline));
}

struct sample {
	u64 tsc;
	u32 count;
};

/* The tightest of a few readings: a stall between the two clocks shows as a gap. */
static struct sample sample_take(void)
{
	struct sample s = { 0 };
	u64 best = ~0ull;

	for (u32 i = 0; i < SAMPLE_TRIES; i++) {
		u64 before = rdtsc();
		u32 count = reg_read(APIC_TIMER_CURRENT);
		u64 gap = rdtsc() - before;

		if (gap < best) {
			best = gap;
			s = (struct sample){ before + gap / 2, count };
		}
	}
	return s;
}

/*
 * Whether a deadline is one of the TSC. An emulator compares it with its own ticks, which a reset
 * does not set back: then each one is long past, and whoever waits is interrupted all the time.
 * Interrupts are off; one that comes here is taken later, for nothing.
 */
static bool deadline_holds(void)
{
	u32 bit = HV_VECTOR_TIMER % 32, word = HV_VECTOR_TIMER / 32;
	bool early;

	msr_write(MSR_TSC_DEADLINE, rdtsc() + clock_tsc_hz / 100);
	clock_delay_us(DEADLINE_TRY_US);
	early = reg_read(APIC_IRR + 16 * word) & BIT(bit);
	msr_write(MSR_TSC_DEADLINE, 0);
	return !early;
}

void apic_timer_calibrate(void)
{
	struct sample a, b;

	if (deadline_mode && deadline_holds())
		return;
	if (deadline_mode)
		log_info("apic: a deadline comes before its time: timer=one-shot");
	deadline_mode = false;
	reg_write(APIC_LVT_TIMER, HV_VECTOR_TIMER | APIC_LVT_MASKED);
	reg_write(APIC_TIMER_INITIAL, ~0u);
	a = sample_take();
	clock_delay_us(CALIBRATE_US);
	b = sample_take();
	reg_write(APIC_TIMER_INITIAL, 0);
	reg_write(APIC_LVT_TIMER, HV_VECTOR_TIMER);

	timer_ratio = ((u64)(a.count - b.count) << 32) / (b.tsc - a.tsc);
	if (!timer_ratio)
		refuse("the local APIC timer does not count; the firmware or the emulator "
		       "is broken, try another machine");
	timer_max_delta = ((u64)COUNT_MAX << 32) / timer_ratio;
	log_info("apic: timer hz=%lu", (u64)((unsigned __int128)timer_ratio * clock_tsc_hz >> 32));
}
