/* SPDX-License-Identifier: MIT */
/*
 * A child's clocks under its parent's hand: frozen, set, and going on, seen by
 * the child itself; its timers meanwhile; who pays for its pages; and what it
 * tells its parent by MSR.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/cpuid.h"
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "hv/timer.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define SECOND     1000000u /* us */
#define US         10ull    /* in units of reference time */
#define MS         (1000 * US)
#define CLOCK_PAGE 0x30000u
#define ROUNDS     20u
#define DIRECT     (HV_STIMER_DIRECT | HV_STIMER_VECTOR(CODE_TIMER_VECTOR))

static volatile struct code_clock *data(void)
{
	return (volatile struct code_clock *)(void *)(probe.ram + CHILD_DATA);
}

static u64 set(u32 name, u64 v)
{
	struct hv_register_assoc one = { .name = name, .value = { .wide = { v } } };

	return child_set_registers(probe.id, 0, &one, 1);
}

static void set_time(u64 v)
{
	assert(child_set(probe.id, HV_PROPERTY_REFERENCE_TIME, v) == HV_STATUS_SUCCESS);
}

/* Until the child has read the time at least twice more. */
static void let_read(void)
{
	u64 before = data()->count;

	while (data()->count < before + 2 &&
		guest_sleep_while(&data()->count, data()->count, SECOND))
		;
	guest_check(data()->count >= before + 2, "reads");
}

/* It runs all the time: its clock stands, goes on, and never goes back. */
static void test_frozen_clock(void)
{
	u32 moved = 0, not_between = 0, by_page = 0;

	probe_start(code_clock, code_clock_end);
	probe_set(PROBE_RBX, CLOCK_PAGE);
	guest_check(
		set(HV_REGISTER_REFERENCE_TSC, CLOCK_PAGE | 1) == CHILD_DONE(1), "page-by-parent");
	child_release(probe.id, 0);
	let_read();
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 before = probe_time(), counter, frozen;

		probe_freeze(1);
		frozen = probe_time();
		let_read();
		moved += data()->last != frozen || probe_time() != frozen;
		not_between += frozen < before;
		probe_freeze(0);
		/* From here on; one may be under way. */
		counter = data()->by_counter;
		let_read();
		let_read();
		by_page += data()->by_counter <= counter + 1;
		before = data()->last;
		not_between += before < frozen || probe_time() < before;
	}
	guest_check(!moved, "frozen", "%u", moved);
	guest_check(!not_between, "goes-on", "%u", not_between);
	guest_check(by_page == ROUNDS, "by-page-again", "%u", by_page);
	guest_check(data()->back == 0, "never-back", "%lu of %lu", data()->back, data()->count);
	/* Set: forward it is not back, and exactly that. */
	probe_freeze(1);
	set_time(1ull << 40);
	let_read();
	guest_check(data()->last == (1ull << 40), "set", "%lx", data()->last);
	probe_freeze(0);
	let_read();
	guest_check(
		data()->last > (1ull << 40) && data()->last < (1ull << 40) + 60 * HV_TIME_PER_SEC,
		"set-goes-on", "%lx", data()->last);
	guest_check(data()->back == 0, "set-never-back");
	probe_end();
}

static volatile struct code_wait *waiter(void)
{
	return (volatile struct code_wait *)(void *)(probe.ram + CHILD_DATA);
}

/* A child that waits in HLT, or will at once, suspended again. */
static void start_waiter(void)
{
	probe_start(code_wait, code_wait_end);
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(&waiter()->ready, 0, 10 * SECOND), "ready");
	child_suspend(probe.id, 0);
}

/* *RDI is 1 more; when that was. */
static bool fired(u64 count)
{
	return guest_sleep_while(&waiter()->count, count, 10 * SECOND) &&
	       waiter()->count == count + 1;
}

static void test_frozen_timer(void)
{
	u64 due;

	probe_start(code_wait, code_wait_end);
	/* Armed by its parent before it ever ran, while the time stands. */
	probe_freeze(1);
	due = probe_time() + 20 * MS;
	assert(set(HV_REGISTER_STIMER0_CONFIG, HV_STIMER_AUTO_ENABLE | DIRECT) == CHILD_DONE(1));
	assert(set(HV_REGISTER_STIMER0_CONFIG + 1, due) == CHILD_DONE(1));
	guest_check(child_register(probe.id, 0, HV_REGISTER_STIMER0_CONFIG) ==
				    (HV_STIMER_ENABLE | HV_STIMER_AUTO_ENABLE | DIRECT) &&
			    child_register(probe.id, 0, HV_REGISTER_STIMER0_CONFIG + 1) == due,
		"registers");
	child_release(probe.id, 0);
	guest_sleep_us(40000);
	guest_check(waiter()->count == 0, "timer-frozen", "%lu", waiter()->count);
	probe_freeze(0);
	guest_check(
		fired(0) && waiter()->last >= due, "timer-goes-on", "%lu %lu", waiter()->last, due);
	/* Frozen while it waits for it in HLT; then set forward. */
	child_suspend(probe.id, 0);
	due = probe_time() + 3600 * HV_TIME_PER_SEC;
	assert(set(HV_REGISTER_STIMER0_CONFIG + 1, due) == CHILD_DONE(1));
	child_release(probe.id, 0);
	guest_sleep_us(2000);
	probe_freeze(1);
	guest_sleep_us(2000);
	guest_check(waiter()->count == 1, "timer-waits");
	set_time(due - MS);
	guest_check(waiter()->count == 1, "timer-waits-frozen");
	probe_freeze(0);
	guest_check(fired(1) && waiter()->last >= due, "timer-set-forward", "%lu %lu",
		waiter()->last, due);
	probe_end();
}

/* The beat stands still and goes on; what would have been meanwhile is not made up for. */
static void test_frozen_beat(void)
{
	u64 count, from;

	start_waiter();
	assert(set(HV_REGISTER_STIMER0_CONFIG + 2,
		       HV_STIMER_ENABLE | HV_STIMER_PERIODIC | DIRECT) == CHILD_DONE(1));
	assert(set(HV_REGISTER_STIMER0_CONFIG + 3, 5 * MS) == CHILD_DONE(1));
	child_release(probe.id, 0);
	for (u32 i = 0; i < 3; i++)
		guest_check(
			guest_sleep_while(&waiter()->count, waiter()->count, 10 * SECOND), "beat");
	probe_freeze(1);
	/* One may be on its way. */
	guest_sleep_us(20000);
	count = waiter()->count;
	guest_sleep_us(60000);
	guest_check(waiter()->count == count, "beat-frozen", "%lu", waiter()->count - count);
	from = probe_time();
	probe_freeze(0);
	guest_check(guest_sleep_while(&waiter()->count, count, 10 * SECOND), "beat-goes-on");
	guest_sleep_us(20000);
	count = waiter()->count - count;
	guest_check(
		count <= (probe_time() - from) / (5 * MS) + 1, "beat-not-made-up", "%lu", count);
	probe_end();
}

/* Suspended when it is due: it hears of it when it goes on. And a VP that moves. */
static void test_suspended_timer(void)
{
	u64 due;

	start_waiter();
	due = probe_time() + 2 * MS;
	assert(set(HV_REGISTER_STIMER0_CONFIG + 6, HV_STIMER_AUTO_ENABLE | DIRECT) ==
		CHILD_DONE(1));
	assert(set(HV_REGISTER_STIMER0_CONFIG + 7, due) == CHILD_DONE(1));
	guest_sleep_us(5000);
	guest_check(waiter()->count == 0, "suspended");
	child_release(probe.id, 0);
	guest_check(fired(0), "suspended-then");
	for (u64 i = 1; i <= 20; i++) {
		child_suspend(probe.id, 0);
		due = probe_time() + 3 * MS;
		assert(set(HV_REGISTER_STIMER0_CONFIG + 7, due) == CHILD_DONE(1));
		child_release(probe.id, 0);
		guest_sleep_us(1000);
		if (guest_bootinfo->processors > 1)
			assert(child_affinity(probe.id, 0, 1 + i % 2) == 0);
		if (!fired(i) || waiter()->last < due) {
			guest_fail("moves", "%lu: %lu %lu", i, waiter()->last, due);
			break;
		}
	}
	guest_pass("moved");
	probe_end();
}

/* A child without a page to spare cannot have one laid over, and changes nothing. */
static void test_who_pays(void)
{
	static const struct {
		u32 name;
		const char *what;
	} rows[] = {
		{ HV_REGISTER_REFERENCE_TSC, "reference-tsc" },
		{ HV_REGISTER_VP_ASSIST_PAGE, "vp-assist" },
	};
	u64 in_use, available, after;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		probe_begin();
		(void)child_withdraw_all(probe.id);
		guest_check(HV_RESULT_STATUS(set(rows[i].name, CLOCK_PAGE | 1)) ==
					    HV_STATUS_INVALID_REGISTER_VALUE &&
				    child_register(probe.id, 0, rows[i].name) == 0,
			"no-page", "%s", rows[i].what);
		assert(child_balance(probe.id, &available, &in_use) == HV_STATUS_SUCCESS);
		child_deposit_pages(probe.id, 8);
		probe.ram[CLOCK_PAGE] = 0x77;
		guest_check(set(rows[i].name, CLOCK_PAGE | 1) == CHILD_DONE(1), "page", "%s",
			rows[i].what);
		assert(child_balance(probe.id, &available, &after) == HV_STATUS_SUCCESS);
		/* The page, and the table of the large page that it splits. */
		guest_check(after - in_use <= 2 && after > in_use, "paid", "%s %lu", rows[i].what,
			after - in_use);
		guest_check(probe.ram[CLOCK_PAGE] == 0x77, "below-untouched", "%s", rows[i].what);
		guest_check(HV_RESULT_STATUS(set(rows[i].name, 1ull << 52 | 1)) ==
				    HV_STATUS_INVALID_REGISTER_VALUE,
			"no-place", "%s", rows[i].what);
		/* All pages come back with its end; child_end() counts on that. */
		probe_end();
	}
}

/* MOV to and from (RSI), at @gpa; true: it went by without a fault. */
static bool child_write(u64 gpa, u8 v)
{
	probe_set(PROBE_RSI, gpa);
	probe_set(PROBE_RAX, v);
	probe_gate(VEC_GP);
	PROBE(0x88, 0x06, 0xe6, 0x80); /* mov %al, (%rsi); out %al, $0x80 */
	return ((const struct hv_io_intercept *)probe.m.payload)->port == 0x80;
}

static u8 child_read(u64 gpa)
{
	probe_set(PROBE_RSI, gpa);
	PROBE(0x8a, 0x06, 0xe6, 0x80);
	return (u8)probe_get(PROBE_RAX);
}

/* The assist page is the child's to write, the clock's page is not. */
static void test_pages_of_child(void)
{
	probe_begin();
	child_deposit_pages(probe.id, 8);
	probe.ram[CLOCK_PAGE] = probe.ram[CLOCK_PAGE + PAGE_SIZE] = 0x77;
	assert(set(HV_REGISTER_REFERENCE_TSC, CLOCK_PAGE | 1) == CHILD_DONE(1));
	assert(set(HV_REGISTER_VP_ASSIST_PAGE, (CLOCK_PAGE + PAGE_SIZE) | 1) == CHILD_DONE(1));
	guest_check(!child_write(CLOCK_PAGE, 0x55), "clock-written");
	guest_check(child_read(CLOCK_PAGE) == 1, "clock-sequence");
	guest_check(child_read(CLOCK_PAGE + PAGE_SIZE) == 0, "assist-zeroed");
	guest_check(child_write(CLOCK_PAGE + PAGE_SIZE, 0x55) &&
			    child_read(CLOCK_PAGE + PAGE_SIZE) == 0x55,
		"assist-written");
	guest_check(probe.ram[CLOCK_PAGE] == 0x77 && probe.ram[CLOCK_PAGE + PAGE_SIZE] == 0x77,
		"below");
	probe_end();
}

static void child_wrmsr(u32 msr, u64 v)
{
	probe_set(PROBE_RCX, msr);
	probe_set(PROBE_RAX, (u32)v);
	probe_set(PROBE_RDX, v >> 32);
	PROBE(0x0f, 0x30, 0xe6, 0x80); /* wrmsr; out %al, $0x80 */
}

static u64 child_rdmsr(u32 msr)
{
	probe_set(PROBE_RCX, msr);
	PROBE(0x0f, 0x32, 0xe6, 0x80);
	return (u32)probe_get(PROBE_RAX) | probe_get(PROBE_RDX) << 32;
}

static bool told(u32 msr, u64 v)
{
	const struct hv_msr_intercept *m = (const void *)probe.m.payload;

	return probe.m.header.type == HV_MESSAGE_MSR && m->msr == msr &&
	       m->header.access == HV_ACCESS_WRITE && HV_INTERCEPT_LENGTH(&m->header) == 2 &&
	       m->header.rip == CHILD_CODE && (u32)m->rax == (u32)v && (u32)m->rdx == v >> 32;
}

static void test_told(void)
{
	const u64 both = HV_CRASH_NOTIFY | HV_CRASH_MESSAGE;
	struct guest_log_mark mark;

	probe_begin();
	mark = guest_log_mark();
	guest_check(child_rdmsr(HV_MSR_CRASH_CTL) == both, "crash-capabilities");
	for (u32 i = 0; i < HV_CRASH_PARAMETERS; i++) {
		child_wrmsr(HV_MSR_CRASH_P(i), 0x1234567800000000ull + i);
		guest_check(probe.m.header.type == HV_MESSAGE_IO_PORT &&
				    child_rdmsr(HV_MSR_CRASH_P(i)) == 0x1234567800000000ull + i &&
				    child_register(probe.id, 0, HV_X64_REGISTER_CRASH_P0 + i) ==
					    0x1234567800000000ull + i,
			"crash-parameter", "%u", i);
	}
	child_wrmsr(HV_MSR_CRASH_CTL, 0);
	guest_check(probe.m.header.type == HV_MESSAGE_IO_PORT, "crash-nothing");
	child_wrmsr(HV_MSR_CRASH_CTL, both);
	guest_check(told(HV_MSR_CRASH_CTL, both), "crash-told");
	guest_check(set(HV_X64_REGISTER_CRASH_CTL, both) != CHILD_DONE(1), "crash-not-settable");
	child_wrmsr(HV_MSR_RESET, 0);
	guest_check(probe.m.header.type == HV_MESSAGE_IO_PORT && child_rdmsr(HV_MSR_RESET) == 0,
		"reset-nothing");
	child_wrmsr(HV_MSR_RESET, HV_RESET_PARTITION);
	guest_check(told(HV_MSR_RESET, HV_RESET_PARTITION), "reset-told");
	guest_check(guest_log_silent(mark), "no-log");
	probe_end();
	/* Without the privilege it is no register at all. */
	child_privileges = HV_ACCESS_APIC_MSRS;
	probe_begin();
	probe_gate(VEC_GP);
	child_wrmsr(HV_MSR_RESET, HV_RESET_PARTITION);
	guest_check(probe_took(VEC_GP), "reset-refused");
	child_wrmsr(HV_MSR_REFERENCE_TSC, 0);
	guest_check(probe_took(VEC_GP), "page-refused");
	child_wrmsr(HV_MSR_STIMER_CONFIG(0), 0);
	guest_check(probe_took(VEC_GP), "timer-refused");
	probe_end();
	child_privileges = 0;
}

void guest_main(void)
{
	guest_messages_init();
	test_frozen_clock();
	test_frozen_timer();
	test_frozen_beat();
	test_suspended_timer();
	test_who_pays();
	test_pages_of_child();
	test_told();
}
