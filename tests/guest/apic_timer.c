/* SPDX-License-Identifier: MIT */
/*
 * The virtual APIC's timer on its page: one-shot, periodic, TSC deadline. It
 * is never early. How late it may be is judged by the best of a few tries, and
 * strictly on a machine whose own timers keep pace with its processor; QEMU's
 * are another thread of the host.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/msr.h"
#include "tests/guest/lib/guest.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"
#include "x86/msr.h"

#define VECTOR    0x70u
#define HZ        200000000u
#define NS        (1000000000u / HZ)
#define BY_1      0xbu
#define MASKED    ((u32)APIC_LVT_MASKED)
#define PERIODIC  ((u32)APIC_TIMER_PERIODIC)
#define DEADLINE  ((u32)APIC_TIMER_DEADLINE)
#define PERIODS   50u
#define TRIES     5u
#define LATE_NS   (guest_is_qemu() ? 50000000 : 20000)
#define PERIOD_NS 2000000u

static volatile u32 count;
static volatile u64 last;

static u32 get(u32 reg)
{
	return mmio_read32((const volatile void *)(APIC_DEFAULT_BASE + reg));
}

static void set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static u64 to_ns(u64 ticks)
{
	return ticks * 1000 / (guest_tsc_hz() / 1000000);
}

static u64 to_ticks(u64 ns)
{
	return ns * (guest_tsc_hz() / 1000000) / 1000;
}

static void on_timer(u8 vector)
{
	(void)vector;
	last = rdtsc();
	count++;
	set(APIC_EOI, 0);
}

static void wait_us(u64 us)
{
	irq_enable();
	guest_delay_us(us);
	irq_disable();
}

/* A tenth of a second at most. */
static void wait_for_one(void)
{
	for (u32 i = 0; i < 1000 && !count; i++)
		wait_us(100);
}

static void stop(void)
{
	set(APIC_LVT_TIMER, MASKED);
	set(APIC_TIMER_INITIAL, 0);
	set(APIC_TIMER_DIVIDE, BY_1);
	wait_us(2);
	count = 0;
}

/* Nanoseconds from the write of the count to the handler, less what was asked for. */
static s64 one_shot_late(u32 ns)
{
	u64 start;

	stop();
	set(APIC_LVT_TIMER, VECTOR);
	start = rdtsc();
	set(APIC_TIMER_INITIAL, ns / NS);
	while (!count)
		irq_wait();
	return (s64)to_ns(last - start) - (s64)ns;
}

static void test_one_shot(void)
{
	s64 least = 1000000000, late;
	bool early = false;

	for (u32 i = 0; i < TRIES; i++) {
		late = one_shot_late(300000);
		early = early || late < 0;
		least = MIN(least, late);
	}
	guest_check(!early, "one-shot-never-early");
	guest_check(least < LATE_NS, "one-shot-late", "%ld ns", least);
	wait_us(700);
	guest_check(count == 1 && get(APIC_TIMER_CURRENT) == 0 && get(APIC_TIMER_INITIAL) == 60000,
		"one-shot-once", "%u", count);
	guest_check(one_shot_late(NS) >= 0, "one-shot-least-count");
}

struct periods {
	u64 merged; /* with the next, because it came late */
	s64 latest; /* of the last ten, the least */
	bool early; /* one that came before as many periods were over, or once too often */
};

static void periodic(struct periods *p)
{
	u64 start, now = 0;

	stop();
	*p = (struct periods){ .latest = 1000000000 };
	set(APIC_LVT_TIMER, VECTOR | PERIODIC);
	start = rdtsc();
	set(APIC_TIMER_INITIAL, PERIOD_NS / NS);
	while (now < (u64)PERIODS * PERIOD_NS) {
		u32 before = count;

		irq_wait();
		if (count == before)
			continue;
		now = to_ns(last - start);
		p->early = p->early || now < (u64)count * PERIOD_NS;
		if (now > (PERIODS - 10ull) * PERIOD_NS)
			p->latest = MIN(p->latest, (s64)(now % PERIOD_NS));
	}
	p->merged = now / PERIOD_NS - count;
}

static void test_periodic(void)
{
	struct periods p;

	periodic(&p);
	guest_check(!p.early, "periodic-never-early");
	guest_check(!p.merged || guest_is_qemu(), "periodic-count", "%lu too few", p.merged);
	guest_check(p.latest < LATE_NS, "periodic-drift", "%ld ns", p.latest);
	set(APIC_TIMER_INITIAL, 0);
	wait_us(2);
	count = 0;
	wait_us(2 * PERIOD_NS / 1000);
	guest_check(count == 0, "periodic-stopped", "%u irr %x isr %x", count, get(APIC_IRR + 0x30),
		get(APIC_ISR + 0x30));
}

/* Two readings of the current count between readings of the TSC. */
static bool rate_good(u32 shift)
{
	u64 unit = (u64)NS << shift, t0, t1, t2, t3, counted;
	u32 a, b;

	set(APIC_TIMER_INITIAL, ~0u);
	t0 = rdtsc();
	a = get(APIC_TIMER_CURRENT);
	t1 = rdtsc();
	guest_delay_us(300);
	t2 = rdtsc();
	b = get(APIC_TIMER_CURRENT);
	t3 = rdtsc();
	counted = (u64)(a - b) * unit;
	return counted + 2 * unit >= to_ns(t2 - t1) && counted <= to_ns(t3 - t0) + 2 * unit;
}

static void test_divide(void)
{
	static const u8 values[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };

	stop();
	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		set(APIC_TIMER_DIVIDE, values[i]);
		if (get(APIC_TIMER_DIVIDE) == values[i] && rate_good(i))
			continue;
		guest_fail("divide", "value %x", values[i]);
		return;
	}
	guest_pass("divide");
	set(APIC_TIMER_DIVIDE, ~0u);
	guest_check(get(APIC_TIMER_DIVIDE) == 0xb, "divide-reserved");
}

static void test_current(void)
{
	u32 a, b;

	stop();
	guest_check(get(APIC_TIMER_CURRENT) == 0, "current-stopped");
	set(APIC_LVT_TIMER, MASKED | PERIODIC | VECTOR);
	set(APIC_TIMER_INITIAL, 20000);
	a = get(APIC_TIMER_CURRENT);
	wait_us(250);
	b = get(APIC_TIMER_CURRENT);
	guest_check(
		a > 0 && a <= 20000 && b > 0 && b <= 20000, "current-goes-round", "%u %u", a, b);
}

static void test_masked(void)
{
	stop();
	set(APIC_LVT_TIMER, MASKED | VECTOR);
	set(APIC_TIMER_INITIAL, 20000);
	wait_us(200);
	guest_check(count == 0 && get(APIC_TIMER_CURRENT) == 0, "masked");
	set(APIC_LVT_TIMER, VECTOR);
	wait_us(50);
	guest_check(count == 0, "unmasked-too-late");
	set(APIC_LVT_TIMER, MASKED | VECTOR);
	set(APIC_TIMER_INITIAL, 200000);
	set(APIC_LVT_TIMER, VECTOR);
	wait_for_one();
	guest_check(count == 1, "unmasked-in-time", "%u", count);
}

static s64 deadline_late(s64 ns)
{
	u64 deadline;

	stop();
	set(APIC_LVT_TIMER, VECTOR | DEADLINE);
	deadline = rdtsc() + to_ticks((u64)ns);
	msr_write(MSR_TSC_DEADLINE, deadline);
	if (ns > 1000000 && msr_read(MSR_TSC_DEADLINE) != deadline)
		return -1;
	while (!count)
		irq_wait();
	return last < deadline ? -1 : (s64)to_ns(last - deadline);
}

static void test_deadline(void)
{
	s64 least = 1000000000, late;
	bool early = false;

	if (!(cpuid(1, 0).ecx & BIT(24))) {
		set(APIC_LVT_TIMER, MASKED | DEADLINE);
		guest_check(!(get(APIC_LVT_TIMER) & DEADLINE), "deadline-absent");
		return;
	}
	for (u32 i = 0; i < TRIES; i++) {
		late = deadline_late(300000);
		early = early || late < 0;
		least = MIN(least, late);
	}
	guest_check(!early, "deadline-never-early");
	guest_check(least < LATE_NS, "deadline-late", "%ld ns", least);
	guest_check(msr_read(MSR_TSC_DEADLINE) == 0, "deadline-over");
	wait_us(500);
	guest_check(count == 1, "deadline-once");
	count = 0;
	msr_write(MSR_TSC_DEADLINE, 1);
	wait_us(50);
	guest_check(count == 1 && msr_read(MSR_TSC_DEADLINE) == 0, "deadline-in-the-past");
	msr_write(MSR_TSC_DEADLINE, rdtsc() + to_ticks(500000));
	msr_write(MSR_TSC_DEADLINE, 0);
	set(APIC_TIMER_INITIAL, 1000);
	wait_us(1000);
	guest_check(count == 1, "deadline-disarmed");
	msr_write(MSR_TSC_DEADLINE, rdtsc() + to_ticks(500000));
	set(APIC_LVT_TIMER, VECTOR);
	wait_us(1000);
	guest_check(count == 1 && msr_read(MSR_TSC_DEADLINE) == 0, "deadline-mode-left");
	msr_write(MSR_TSC_DEADLINE, rdtsc() + 1000);
	wait_us(50);
	guest_check(count == 1 && msr_read(MSR_TSC_DEADLINE) == 0, "deadline-in-other-mode");
}

void guest_main(void)
{
	guest_on_interrupt(VECTOR, on_timer);
	guest_check(msr_read(HV_MSR_APIC_FREQUENCY) == HZ, "frequency");
	test_one_shot();
	test_periodic();
	test_divide();
	test_current();
	test_masked();
	test_deadline();
}
