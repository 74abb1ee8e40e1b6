/* SPDX-License-Identifier: MIT */
/*
 * A child's VP comes to the processor of the root VP that settles its
 * intercepts, VP 0, which halts between them; VP 1 only hands on what it gets.
 * It does not where others wait, or where the root does not halt.
 * machines: svm-smp2-bios vmx-smp2
 */
#include "base/assert.h"
#include "hv/stats.h"
#include "hv/vpset.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/sleep.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/mmio.h"

#define RAM        (4 * MIB)
#define SECOND     1000000u
#define VECTOR     0x62u
#define BOTH       3u
#define INTERCEPTS 100u
/* Of those; a host that lets processors take turns may have one halt when another is needed. */
#define MOST  80u
#define TRIES 10u

static u64 id;
static const volatile u64 *counters;
static volatile u64 came[2]; /* messages, by the root VP that got them */

static void apic_set(u32 reg, u32 v)
{
	mmio_write32((volatile void *)(APIC_DEFAULT_BASE + reg), v);
}

static void end_of_interrupt(u8 vector)
{
	(void)vector;
	apic_set(APIC_EOI, 0);
}

/* VP 1. */
static void hand_on(void *arg)
{
	struct hv_message m;

	(void)arg;
	guest_messages_init();
	for (;;) {
		guest_message_wait(&m);
		came[1]++;
		apic_set(APIC_ICR_HIGH, 0);
		apic_set(APIC_ICR, VECTOR);
	}
}

/* Waits in HLT for the next message, here or at VP 1. */
static void wait_for_intercept(u64 before)
{
	struct hv_message m;

	while (came[0] + came[1] == before)
		if (guest_message_poll(&m))
			came[0]++;
		else
			irq_wait();
}

/* Lets the child go on. */
static void settle(void)
{
	child_register_set(id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
	child_resume(id, 0);
}

/* That many intercepts; of those, how many VP 0 got. */
static u64 run(u32 intercepts)
{
	u64 here = came[0];

	for (u32 i = 0; i < intercepts; i++) {
		u64 before = came[0] + came[1];

		settle();
		wait_for_intercept(before);
	}
	return came[0] - here;
}

static void bind(u64 child, u64 mask)
{
	assert(child_affinity(child, 0, mask) == HV_STATUS_SUCCESS);
}

/* Bound to the other processor it stays there; let go, it comes and stays. */
static void test_comes(void)
{
	u64 here, moves;

	bind(id, 2);
	here = run(INTERCEPTS);
	guest_check(here == 0, "bound-elsewhere", "%lu of %u", here, INTERCEPTS);
	bind(id, BOTH);
	moves = counters[HV_VP_COUNTER_MIGRATIONS];
	here = run(INTERCEPTS);
	moves = counters[HV_VP_COUNTER_MIGRATIONS] - moves;
	guest_check(here >= MOST, "comes", "%lu of %u", here, INTERCEPTS);
	guest_check(
		moves >= 1 && moves <= 2 * (INTERCEPTS - MOST), "and-stays", "%lu moves", moves);
}

/* Here it would wait for one that runs whenever the root halts. */
static void test_not_behind_another(void)
{
	u8 *ram;
	u64 spinner = child_of(code_count, RAM, &ram), here;
	volatile u64 *count = (volatile u64 *)(void *)(ram + CHILD_DATA);

	child_register_set(spinner, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	bind(spinner, 1);
	child_release(spinner, 0);
	assert(guest_sleep_while(count, 0, SECOND));
	here = run(INTERCEPTS);
	guest_check(here <= INTERCEPTS - MOST, "not-behind-another", "%lu of %u", here, INTERCEPTS);
	child_suspend(spinner, 0);
	child_end(spinner);
}

/*
 * The other processor takes it, and its next message comes there while this one is busy: however long that is
 * for, as a host that has much to do may let the other one wait for its turn.
 */
static void test_not_behind_a_busy_root(void)
{
	u32 taken = 0;

	for (u32 i = 0; i < TRIES; i++) {
		u64 before = came[0] + came[1], there = came[1];
		u64 end = rdtsc() + guest_tsc_hz() / 5;

		settle();
		while (came[1] == there && rdtsc() < end)
			cpu_pause();
		taken += came[1] != there;
		wait_for_intercept(before);
	}
	guest_check(taken >= TRIES / 2, "not-behind-a-busy-root", "%u of %u", taken, TRIES);
}

void guest_main(void)
{
	u8 *ram;

	guest_messages_init();
	guest_on_interrupt(VECTOR, end_of_interrupt);
	assert(guest_start_vp(1, hand_on, NULL) == HV_STATUS_SUCCESS);
	id = child_of(code_out, RAM, &ram);
	counters = child_counters(id, 0);
	child_release(id, 0);
	wait_for_intercept(0);
	test_comes();
	test_not_behind_another();
	test_not_behind_a_busy_root();
}
