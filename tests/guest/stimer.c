/* SPDX-License-Identifier: MIT */
/*
 * Synthetic timers in all modes, and the MSR that waits for an interrupt. None
 * is early by the guest's own clock. How late one may be is the emulator's
 * affair: only Bochs' timers keep pace with its processor.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 * child: svm-smp1-bios svm-smp2-bios vmx-smp1
 */
#include "hv/message.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/time.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define VECTOR   0x70u
#define SAME     0x7fu /* of that priority */
#define SINT     2u
#define US       10ull /* in units of reference time */
#define MS       (1000 * US)
#define SLEEPS   (guest_is_qemu() ? 10000u : 2000u)
#define PERIODS  50u
#define LATE     (guest_is_qemu() ? 500 * MS : 20 * US)
#define ENABLE   HV_STIMER_ENABLE
#define AUTO     HV_STIMER_AUTO_ENABLE
#define PERIODIC HV_STIMER_PERIODIC
#define DIRECT   (HV_STIMER_DIRECT | HV_STIMER_VECTOR(VECTOR))

static volatile u32 count;
static volatile u64 last;
static volatile u32 waits, inside; /* count, in the handler */
static struct hv_message_page *messages;

static void on_timer(u8 vector)
{
	(void)vector;
	last = guest_time();
	count++;
	msr_write(HV_MSR_EOI, 0);
}

static void config(u32 i, u64 v)
{
	msr_write(HV_MSR_STIMER_CONFIG(i), v);
}

static void set(u32 i, u64 v)
{
	msr_write(HV_MSR_STIMER_COUNT(i), v);
}

/* What came by now is forgotten. */
static void take_pending(void)
{
	irq_enable();
	guest_delay_us(2);
	irq_disable();
	count = 0;
}

static void stop(void)
{
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		config(i, 0);
		set(i, 0);
	}
	take_pending();
}

static void wait_until(u64 when)
{
	irq_enable();
	while (guest_time() < when)
		cpu_pause();
	irq_disable();
}

/* Sleeps of 20 to 120 us, in HLT, by timer @i: each wakes us, and never too soon. */
static void test_sleeps(u32 i, u32 rounds)
{
	u32 early = 0, wrong = 0;
	u64 least = ~0ull;

	stop();
	config(i, ENABLE | AUTO | DIRECT);
	for (u32 n = 0; n < rounds; n++) {
		u64 due = guest_time() + 200 + n * 37 % 1000;
		u32 before = count;

		set(i, due);
		while (count == before)
			irq_wait();
		early += last < due;
		wrong +=
			count != before + 1 || msr_read(HV_MSR_STIMER_CONFIG(i)) != (AUTO | DIRECT);
		least = MIN(least, last - due);
	}
	guest_check(!early, "sleeps-early", "%u of %u", early, rounds);
	guest_check(!wrong, "sleeps-once", "%u of %u", wrong, rounds);
	guest_check(least < LATE, "sleeps-late", "%lu", least);
}

static void test_periodic(void)
{
	u64 start, period = 2 * MS, latest = ~0ull, now = 0;
	bool early = false;

	stop();
	start = guest_time();
	config(1, ENABLE | PERIODIC | DIRECT);
	set(1, period);
	while (now < PERIODS * period) {
		u32 before = count;

		irq_wait();
		if (count == before)
			continue;
		now = last - start;
		early = early || now < count * period;
		if (now > (PERIODS - 10) * period)
			latest = MIN(latest, now % period);
	}
	guest_check(!early, "periodic-early");
	/* The beat is kept: none of the last ones is later than the first. */
	guest_check(latest < LATE + period / 2, "periodic-drift", "%lu", latest);
	guest_check(count >= (guest_is_qemu() ? 2 : PERIODS), "periodic-count", "%u", count);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(1)) == (ENABLE | PERIODIC | DIRECT) &&
			    msr_read(HV_MSR_STIMER_COUNT(1)) == period,
		"periodic-on");
	stop();
	wait_until(guest_time() + 2 * period);
	guest_check(count == 0, "periodic-stopped", "%u", count);
}

static void test_rules(void)
{
	stop();
	/* Over: at once, even now. */
	config(0, ENABLE | AUTO | DIRECT);
	set(0, guest_time());
	wait_until(guest_time() + 5 * US);
	set(0, 1);
	wait_until(guest_time() + 5 * US);
	guest_check(count == 2, "past", "%u", count);
	/* Nothing to end in. */
	stop();
	config(2, ENABLE);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(2)) == 0, "no-sint");
	config(2, ENABLE | HV_STIMER_DIRECT | HV_STIMER_VECTOR(15));
	guest_check(!(msr_read(HV_MSR_STIMER_CONFIG(2)) & ENABLE), "bad-vector");
	config(2, ENABLE | DIRECT);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(2)) == (ENABLE | DIRECT), "no-count");
	set(2, 0);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(2)) == DIRECT, "count-0");
	set(2, guest_time() + MS);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(2)) == DIRECT, "no-auto-enable");
	wait_until(guest_time() + 2 * MS);
	guest_check(count == 0, "not-enabled", "%u", count);
	config(2, ~0ull & ~ENABLE);
	guest_check(msr_read(HV_MSR_STIMER_CONFIG(2)) == (HV_STIMER_BITS & ~ENABLE), "bits");
	/* Put off, and called off. */
	config(2, AUTO | DIRECT);
	set(2, guest_time() + MS);
	set(2, guest_time() + 4 * MS);
	wait_until(guest_time() + 2 * MS);
	guest_check(guest_is_qemu() || count == 0, "put-off");
	set(2, 0);
	take_pending();
	wait_until(guest_time() + 4 * MS);
	guest_check(count == 0, "called-off");
}

static void messages_on(void)
{
	messages = guest_pages(1);
	msr_write(HV_MSR_SIMP, (u64)messages | HV_MSR_PAGE_ENABLE);
	msr_write(HV_MSR_SINT(SINT), VECTOR);
	msr_write(HV_MSR_SCONTROL, HV_SCONTROL_ENABLE);
}

/* Takes the message of our SINT; false: there is none. */
static bool message(struct hv_timer_message *m)
{
	struct hv_message *slot = &messages->slot[SINT];
	bool good;

	if (load_acquire(&slot->header.type) == HV_MESSAGE_NONE)
		return false;
	memcpy(m, slot->payload, sizeof(*m));
	good = slot->header.type == HV_MESSAGE_TIMER_EXPIRED && slot->header.size == sizeof(*m) &&
	       !m->reserved;
	guest_check(good, "message-form", "%x %u", slot->header.type, slot->header.size);
	(void)atomic_exchange(&slot->header.type, HV_MESSAGE_NONE);
	if (load_acquire(&slot->header.flags) & HV_MESSAGE_PENDING)
		msr_write(HV_MSR_EOM, 0);
	return true;
}

static void test_messages(void)
{
	struct hv_timer_message m;
	u64 due, now, first, before;

	stop();
	due = guest_time() + MS;
	config(3, ENABLE | HV_STIMER_SINT(SINT));
	set(3, due);
	while (!count)
		irq_wait();
	now = guest_time();
	guest_check(message(&m) && m.index == 3 && m.expiration == due && m.delivery >= due &&
			    m.delivery <= now,
		"message", "%u %lu %lu %lu", m.index, m.expiration, m.delivery, due);
	guest_check(!message(&m), "message-one");
	/* Two at a time, however long the slot is full: the first and the one behind it. */
	config(2, ENABLE | PERIODIC | HV_STIMER_SINT(SINT));
	set(2, MS);
	while (!message(&m))
		irq_wait();
	wait_until(m.expiration + 3 * MS / 2);
	wait_until(guest_time() + 5 * MS);
	guest_check(message(&m), "message-in-slot");
	first = before = m.expiration;
	/* It is there, if the emulator's own timers were not late. */
	if (!message(&m)) {
		guest_check(guest_is_qemu(), "message-behind");
		while (!message(&m))
			irq_wait();
	}
	guest_check(m.expiration > before && m.expiration % MS == first % MS, "message-second",
		"%lu %lu", before, m.expiration);
	/* While we did not look, five and more were due. */
	guest_check(guest_is_qemu() || m.expiration == first + MS, "message-oldest", "%lu %lu",
		first, m.expiration);
	before = m.expiration;
	while (!message(&m))
		irq_wait();
	guest_check(m.expiration > before && m.expiration % MS == first % MS, "message-next",
		"%lu %lu", before, m.expiration);
	/* What waits goes when its timer is told something else. */
	wait_until(guest_time() + 10 * MS);
	config(2, 0);
	while (message(&m))
		;
	wait_until(guest_time() + 5 * MS);
	guest_check(!message(&m), "message-stopped");
}

/* As many as it likes to ask for: we get on nevertheless. */
static void test_hostile(void)
{
	u64 end, rounds = 0;

	for (u32 direct = 0; direct < 2; direct++) {
		stop();
		for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
			config(i, ENABLE | PERIODIC | (direct ? DIRECT : HV_STIMER_SINT(SINT)));
			set(i, 1);
		}
		end = guest_time() + 20 * MS;
		irq_enable();
		while (guest_time() < end)
			rounds++;
		irq_disable();
		/* Four of them, at most one in 100 us each. */
		guest_check(count <= 4 * 201 && rounds > 10, "storm", "%u interrupts, %lu rounds",
			count, rounds);
	}
	for (u32 i = 0; i < HV_STIMER_COUNT; i++)
		config(i, ENABLE | AUTO | (i & 1 ? PERIODIC : 0) | DIRECT);
	stop();
	for (u32 i = 0; i < HV_STIMER_COUNT; i++) {
		config(i, ENABLE | AUTO | (i & 1 ? PERIODIC : 0) | DIRECT);
		set(i, ~0ull - (i & 2 ? 0 : guest_time()));
	}
	wait_until(guest_time() + 5 * MS);
	guest_check(count == 0, "far", "%u", count);
	stop();
	(void)message(&(struct hv_timer_message){ 0 });
}

/* The timer ends the wait, though its interrupt is not taken yet. */
static void test_idle(void)
{
	u64 due, v;
	u32 wrong = 0;

	stop();
	config(0, ENABLE | AUTO | DIRECT);
	for (u32 i = 0; i < 500; i++) {
		due = guest_time() + 50 * US + i;
		set(0, due);
		v = msr_read(HV_MSR_GUEST_IDLE);
		wrong += v != 0 || guest_time() < due || count != 0;
		/* It is pending: there is nothing to wait for. */
		v = msr_read(HV_MSR_GUEST_IDLE);
		wrong += v != 0 || count != 0;
		irq_enable();
		guest_delay_us(2);
		irq_disable();
		wrong += count != 1;
		count = 0;
	}
	guest_check(!wrong, "idle", "%u", wrong);
	/* With interrupts on it is like HLT. */
	due = guest_time() + MS;
	set(0, due);
	irq_enable();
	v = msr_read(HV_MSR_GUEST_IDLE);
	irq_disable();
	guest_check(v == 0 && guest_time() >= due && count == 1, "idle-interrupts", "%u", count);
	stop();
}

/*
 * In a handler whose interrupt has the timer's priority: what comes cannot be taken, and ends the wait all the
 * same. Linux waits like that for a lock.
 */
static void on_same_priority(u8 vector)
{
	u64 due = guest_time() + 50 * US;

	(void)vector;
	set(0, due);
	(void)msr_read(HV_MSR_GUEST_IDLE);
	waits += guest_time() >= due;
	/* It is pending: there is nothing to wait for. */
	(void)msr_read(HV_MSR_GUEST_IDLE);
	inside = count;
	msr_write(HV_MSR_EOI, 0);
}

static void test_idle_priority(void)
{
	stop();
	waits = 0;
	guest_on_interrupt(SAME, on_same_priority);
	config(0, ENABLE | AUTO | DIRECT);
	for (u32 i = 0; i < 100; i++) {
		count = 0;
		msr_write(HV_MSR_ICR, SAME | (u64)APIC_SHORTHAND_SELF << 18 | APIC_ICR_ASSERT);
		irq_enable();
		guest_delay_us(2);
		irq_disable();
		if (inside != 0 || count != 1)
			break;
	}
	guest_check(waits == 100 && inside == 0 && count == 1, "idle-same-priority", "%u %u %u",
		waits, inside, count);
	stop();
}

void guest_main(void)
{
	guest_time_init();
	guest_on_interrupt(VECTOR, on_timer);
	test_sleeps(0, SLEEPS);
	test_sleeps(3, 100);
	test_periodic();
	test_rules();
	messages_on();
	test_messages();
	test_hostile();
	test_idle();
	test_idle_priority();
}
