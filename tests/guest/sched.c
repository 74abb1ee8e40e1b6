/* SPDX-License-Identifier: MIT */
/*
 * Scheduling of children's VPs beside the root.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/stats.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define RAM    (4 * MIB)

#define SECOND 1000000u

/* VP @vp of the child counts here from its start on. */
static volatile u64 *counter(u64 id, u32 vp, u8 *ram)
{
	child_register_set(id, vp, HV_X64_REGISTER_RAX + 7, CHILD_DATA + 64ull * vp);
	return (volatile u64 *)(void *)(ram + CHILD_DATA + 64ull * vp);
}

/* What a halted VP has to forget waits until it runs: it must not keep its processor busy. */
static void test_halted_flush(void)
{
	u8 *ram;
	u64 id = child_of(code_halt, RAM, &ram);
	const volatile u64 *halts = counter(id, 0, ram);

	child_release(id, 0);
	guest_check(guest_sleep_while(halts, 0, SECOND), "halts");
	guest_sleep_us(2000);
	child_unmap(id, RAM - PAGE_SIZE, PAGE_SIZE, 0);
	guest_sleep_us(2000);
	guest_pass("halted-flush");
	child_suspend(id, 0);
	child_end(id);
}

/* The same of an NMI that is masked for as long as the VP halts. */
static void test_halted_nmi(void)
{
	u8 *ram;
	u64 id = child_of(code_nmi_halt, RAM, &ram);
	const volatile u64 *nmis = counter(id, 0, ram);

	child_gate(ram, VEC_NMI, CHILD_CODE + CODE_NMI_HALT_HANDLER);
	child_release(id, 0);
	guest_check(guest_sleep_while(nmis, 0, SECOND), "nmi-comes");
	guest_sleep_us(2000);
	guest_check(*nmis == 1, "nmi-once", "%lu", *nmis);
	child_suspend(id, 0);
	guest_check(
		child_register(id, 0, HV_REGISTER_INTERRUPT_STATE) == HV_INTERRUPT_STATE_NMI_MASKED,
		"nmi-masked");
	child_end(id);
}

/* What comes before STI and HLT, and so was looked at before, ends the HLT nevertheless. */
static void test_halted_interrupt(void)
{
	u8 *ram;
	u64 id = child_of(code_self_halt, RAM, &ram);
	const volatile u64 *taken = counter(id, 0, ram);

	child_gate(ram, CODE_SELF_HALT_VECTOR, CHILD_CODE + CODE_SELF_HALT_HANDLER);
	child_release(id, 0);
	for (u32 i = 0; i < 100 && *taken < 100; i++)
		guest_sleep_us(10000);
	guest_check(*taken >= 100, "halt-after-interrupt", "%lu", *taken);
	child_suspend(id, 0);
	child_end(id);
}

/* A child of one VP that runs @code on processor 0, or NULL's own choice. */
static struct child {
	u64 id;
	u8 *ram;
	volatile u64 *count;
	const volatile u64 *stats;
} child[2];

static void start_two(u64 mask, const u8 *code, const u8 *end)
{
	for (u32 i = 0; i < 2; i++) {
		struct child *c = &child[i];

		if (i == 0)
			c->id = child_machine(code, (size_t)(end - code), RAM, &c->ram);
		else
			c->id = child_of(code_count, RAM, &c->ram);
		assert(child_affinity(c->id, 0, mask) == HV_STATUS_SUCCESS);
		c->count = counter(c->id, 0, c->ram);
		c->stats = child_counters(c->id, 0);
	}
	child_release(child[0].id, 0);
	child_release(child[1].id, 0);
}

static void end_two(void)
{
	child_end(child[0].id);
	child_end(child[1].id);
}

static u64 run_time(u32 i)
{
	return child[i].stats[HV_VP_COUNTER_TOTAL_RUN_TIME];
}

/* A host that takes the processor away for long spoils a measure. */
#define TRIES 5u

static bool is_half(u64 a, u64 b)
{
	return a && b && a * 10 >= (a + b) / 2 * 9 && b * 10 >= (a + b) / 2 * 9;
}

/* Two that always want the processor, while the root wakes up every @wake_us. */
static void test_halves(const char *name, u64 wake_us)
{
	u64 a = 0, b = 0;

	start_two(1, code_count, code_count_end);
	guest_sleep_us(20000);
	for (u32 try = 0; try < TRIES && !is_half(a, b); try++) {
		u64 a0 = run_time(0), b0 = run_time(1);

		for (u64 us = 0; us < 200000; us += wake_us)
			guest_sleep_us(wake_us);
		a = run_time(0) - a0;
		b = run_time(1) - b0;
	}
	guest_check(is_half(a, b), name, "%lu and %lu", a, b);
	guest_check(*child[0].count && *child[1].count, "both-count");
	end_two();
}

/* One that runs without any exit is counted when it stops. */
static u64 run_time_now(u32 i)
{
	child_suspend(child[i].id, 0);
	child_release(child[i].id, 0);
	return run_time(i);
}

/* What both got together in @us, in percent of one processor. */
static u64 got_percent(u64 us)
{
	u64 run = run_time_now(0) + run_time_now(1);
	u64 tsc = rdtsc();

	guest_sleep_us(us);
	return (run_time_now(0) + run_time_now(1) - run) * 100 / (rdtsc() - tsc);
}

/* Waits until it is at least @low, or for TRIES measures that it is at most @high. */
static void check_got(const char *name, u64 low, u64 high)
{
	u64 got = got_percent(100000);

	for (u32 try = 1; try < TRIES && (got < low || got > high); try++)
		got = got_percent(100000);
	guest_check(got >= low && got <= high, name, "%lu%%", got);
}

/* Both on one of two processors, whichever that is; let go, each has its own. */
static void test_affinity(void)
{
	for (u32 cpu = 0; cpu < 2; cpu++) {
		start_two(BIT(cpu), code_count, code_count_end);
		check_got("pinned-to-one", 50, 105);
		assert(child_affinity(child[0].id, 0, 3) == HV_STATUS_SUCCESS);
		check_got("spread-over-two", 180, 205);
		assert(child_affinity(child[1].id, 0, 3) == HV_STATUS_SUCCESS);
		assert(child_affinity(child[0].id, 0, BIT(cpu)) == HV_STATUS_SUCCESS);
		check_got("makes-room", 180, 205);
		end_two();
	}
}

/*
 * Two that sleep, and are woken on the same processor in the same interrupt.
 * One may not leave it: the other finds the processor that is idle.
 */
static void test_woken_together(void)
{
	struct code_timer *t[2];

	start_two(1, code_count, code_count_end);
	for (u32 i = 0; i < 2; i++) {
		child_suspend(child[i].id, 0);
		memcpy(child[i].ram + CHILD_CODE, code_wake_count,
			(size_t)(code_wake_count_end - code_wake_count));
		child_gate(child[i].ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
		t[i] = (struct code_timer *)(void *)child[i].count;
		*t[i] = (struct code_timer){ .initial = 20000 * 200 };
		child_register_set(child[i].id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
		child_release(child[i].id, 0);
	}
	for (u32 i = 0; i < 2; i++)
		guest_check(guest_sleep_while(&t[i]->spin, 0, SECOND), "sleeps");
	assert(child_affinity(child[1].id, 0, 3) == HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 2; i++)
		guest_check(guest_sleep_while(&t[i]->count, 0, SECOND), "wakes");
	check_got("woken-together", 180, 205);
	end_two();
}

/* Bochs' AMD-V keeps physical interrupts back while a guest's IF is off. */
static bool interrupts_masked_code(void)
{
	return guest_is_vmx() || guest_is_qemu();
}

static void test_masked(void)
{
	u64 before;

	start_two(1, code_count_masked, code_count_masked_end);
	before = *child[0].count;
	for (u32 i = 0; i < 20; i++)
		guest_sleep_us(1000);
	guest_check(*child[0].count > before, "masked-runs");
	guest_check(*child[1].count, "other-runs-beside-masked");
	end_two();
}

void guest_main(void)
{
	test_halted_flush();
	test_halted_nmi();
	test_halted_interrupt();
	if (interrupts_masked_code())
		test_masked();
	test_halves("halves", 50000);
	test_halves("halves-beside-root", 500);
	if (guest_bootinfo->processors == 1)
		return;
	test_affinity();
	test_woken_together();
}
