/* SPDX-License-Identifier: MIT */
/*
 * A child's TSC is its own: it stands while its parent has frozen its time, goes
 * on from there, and is restored with the reference time, whoever asks: RDTSC,
 * RDTSCP, RDMSR, the parent. So do the timers that go by it. What it may be is
 * known from the parent's TSC around each step.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/hypercall.h"
#include "hv/msr.h"
#include "hv/timer.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define SECOND     1000000u /* us */
#define PAUSE_US   30000u
#define ROUNDS     4u
#define CLOCK_PAGE 0x30000u
#define VECTOR     0x41u
#define DEADLINE   HV_X64_REGISTER_TSC_DEADLINE

/* The child's TSC is the parent's and between these two. */
static u64 behind_least, behind_most;

static void begin(void)
{
	behind_least = behind_most = 0;
	probe_begin();
}

static u64 us_to_ticks(u64 us)
{
	return us * (guest_tsc_hz() / SECOND);
}

static u64 restore(u32 sequence, u32 reserved, u64 when, u64 tsc)
{
	const struct hv_restore_time_input in = {
		.partition_id = probe.id,
		.tsc_sequence = sequence,
		.reserved = reserved,
		.reference_time = when,
		.tsc = tsc,
	};

	return guest_hypercall_block(HV_CALL_RESTORE_PARTITION_TIME, &in, sizeof(in), NULL, 0);
}

/* EDX:EAX */
static u64 pair(void)
{
	return (u32)probe_get(PROBE_RAX) | probe_get(PROBE_RDX) << 32;
}

static u64 by_rdtsc(void)
{
	PROBE(0x0f, 0x31, 0xe6, 0x80); /* rdtsc; out %al, $0x80 */
	return pair();
}

static u64 by_rdtscp(void)
{
	PROBE(0x0f, 0x01, 0xf9, 0xe6, 0x80);
	return pair();
}

static u64 by_rdmsr(void)
{
	probe_set(PROBE_RCX, MSR_TSC);
	PROBE(0x0f, 0x32, 0xe6, 0x80);
	return pair();
}

static u64 by_register(void)
{
	return probe_get(HV_X64_REGISTER_TSC);
}

static const struct way {
	const char *name;
	u64 (*read)(void);
} ways[] = {
	{ "rdtsc", by_rdtsc }, { "rdmsr", by_rdmsr }, { "register", by_register },
	{ "rdtscp", by_rdtscp }, /* last: not every processor has it */
};

static u32 way_count(void)
{
	bool rdtscp = cpuid(0x80000001u, 0).edx & BIT(27);

	return ARRAY_SIZE(ways) - !rdtscp;
}

/* Whether a reading between two of the parent's TSC can be. */
static bool can_be(u64 before, u64 v, u64 after)
{
	return (s64)(v - (before - behind_most)) >= 0 && (s64)(after - behind_least - v) >= 0;
}

static void check_all(const char *name)
{
	u64 last = 0;

	for (u32 i = 0; i < way_count(); i++) {
		u64 before = rdtsc_ordered(), v = ways[i].read(), after = rdtsc_ordered();

		guest_check(can_be(before, v, after), name, "%s %lx: %lx to %lx, behind %lx to %lx",
			ways[i].name, v, before, after, behind_least, behind_most);
		guest_check(!last || v > last, "forward", "%s %s", name, ways[i].name);
		last = v;
	}
}

/* The child, whose VPs are at rest, stands still for that long. */
static void stand(u64 us)
{
	u64 from = rdtsc_ordered(), to, begun, ending, tsc, now;

	probe_freeze(1);
	begun = rdtsc_ordered();
	tsc = by_register();
	now = probe_time();
	guest_sleep_us(us);
	guest_check(by_register() == tsc && probe_time() == now, "stands");
	ending = rdtsc_ordered();
	probe_freeze(0);
	to = rdtsc_ordered();
	behind_least += ending - begun;
	behind_most += to - from;
}

static void test_pauses(void)
{
	begin();
	check_all("at-first");
	for (u32 i = 0; i < ROUNDS; i++) {
		stand(PAUSE_US);
		if (guest_bootinfo->processors > 1)
			assert(child_affinity(probe.id, 0, 1 + i % 2) == 0);
		check_all("after-a-pause");
	}
	probe_end();
}

/* One that is made later is like the others. */
static void test_later_vp(void)
{
	u64 before, v, after;

	begin();
	stand(PAUSE_US);
	(void)by_rdtsc();
	child_add_vp(probe.id, 1, CHILD_CODE, CHILD_STACK - 0x800);
	before = rdtsc_ordered();
	child_release(probe.id, 1);
	guest_message_wait(&probe.m);
	after = rdtsc_ordered();
	v = (u32)child_register(probe.id, 1, PROBE_RAX) | child_register(probe.id, 1, PROBE_RDX)
								  << 32;
	guest_check(can_be(before, v, after), "later-vp", "%lx: %lx to %lx", v, before, after);
	probe_end();
}

static u64 page_word(u32 offset)
{
	probe_set(PROBE_RSI, CLOCK_PAGE + offset);
	PROBE(0x48, 0x8b, 0x06, 0xe6, 0x80); /* mov (%rsi), %rax; out %al, $0x80 */
	return probe_get(PROBE_RAX);
}

static u64 by_page(u64 tsc)
{
	return (u64)((unsigned __int128)tsc * page_word(8) >> 64) + page_word(16);
}

/* Factor and offset of the page are the same for ever: only its sequence tells of a pause. */
static void test_page(void)
{
	u64 scale, offset, before, v;
	u32 sequence;

	begin();
	child_deposit_pages(probe.id, 8);
	probe_set(HV_REGISTER_REFERENCE_TSC, CLOCK_PAGE | 1);
	sequence = (u32)page_word(0);
	scale = page_word(8);
	offset = page_word(16);
	guest_check(probe_get(HV_REGISTER_REFERENCE_TSC_SEQUENCE) == sequence, "sequence-register");
	for (u32 i = 0; i < ROUNDS; i++) {
		probe_freeze(1);
		guest_check((u32)page_word(0) == 0, "page-frozen");
		probe_freeze(0);
		stand(PAUSE_US);
		guest_check(page_word(8) == scale && page_word(16) == offset, "page-the-same");
		guest_check(
			(u32)page_word(0) && (u32)page_word(0) != sequence &&
				probe_get(HV_REGISTER_REFERENCE_TSC_SEQUENCE) == (u32)page_word(0),
			"page-sequence");
		sequence = (u32)page_word(0);
		before = probe_time();
		v = by_page(by_rdtsc());
		guest_check(before <= v && v <= probe_time(), "page-is-the-counter", "%lu %lu %lu",
			before, v, probe_time());
	}
	probe_end();
}

/*
 * One that runs on, and never leaves the guest by itself: as soon as the page is
 * valid again, the TSC that belongs to it is there.
 */
static void test_running(void)
{
	volatile struct code_clock *c;
	u32 rounds = guest_is_qemu() ? 200 : 20, ahead = 0, reads = 0;

	begin();
	c = (void *)(probe.ram + CHILD_DATA);
	child_deposit_pages(probe.id, 8);
	memcpy(probe.ram + CHILD_CODE, code_page_clock,
		(size_t)(code_page_clock_end - code_page_clock));
	probe_set(PROBE_RDI, CHILD_DATA);
	probe_set(PROBE_RBX, CLOCK_PAGE);
	probe_set(HV_REGISTER_REFERENCE_TSC, CLOCK_PAGE | 1);
	assert(child_affinity(probe.id, 0, guest_bootinfo->processors > 1 ? 2 : 1) == 0);
	child_release(probe.id, 0);
	for (u32 i = 0; i < rounds; i++) {
		u64 last;

		reads += guest_sleep_while(&c->count, c->count, 10 * SECOND);
		probe_freeze(1);
		guest_sleep_us(1000);
		probe_freeze(0);
		last = c->last;
		ahead += last > probe_time();
	}
	guest_check(reads == rounds, "running", "%u of %u", reads, rounds);
	guest_check(!c->back && !ahead, "running-never-back", "%lu back, %u ahead, of %lu", c->back,
		ahead, c->count);
	probe_end();
}

static struct code_timer *timer_start(u64 us)
{
	struct code_timer *t = (void *)(probe.ram + CHILD_DATA);

	memcpy(probe.ram + CHILD_CODE, code_timer, (size_t)(code_timer_end - code_timer));
	probe_set(PROBE_RDI, CHILD_DATA);
	child_gate(probe.ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
	*t = (struct code_timer){ .initial = us * 200 };
	child_release(probe.id, 0);
	guest_check(guest_sleep_while(&t->start_tsc, 0, 10 * SECOND), "timer-starts");
	child_suspend(probe.id, 0);
	return t;
}

/* Its APIC's timer counts by the same clock: what is left is left. */
static void test_apic_timer(void)
{
	struct code_timer *t;
	u64 us = 20000, before;

	/* A slow host may come too late for a short time: most of it shall be left. */
	for (;; us *= 4) {
		begin();
		before = rdtsc_ordered();
		t = timer_start(us);
		if (rdtsc_ordered() - before < us_to_ticks(us / 4) || us > 10 * SECOND)
			break;
		child_end(probe.id);
	}
	for (u32 i = 0; i < ROUNDS; i++)
		stand(us);
	guest_check(t->count == 0, "timer-stands");
	child_release(probe.id, 0);
	guest_check(
		guest_sleep_while(&t->count, 0, 100 * SECOND) && t->count == 1, "timer-goes-on");
	/* It began after that. */
	guest_check(t->last_tsc - before >= us_to_ticks(us) - us_to_ticks(us) / 100, "timer-length",
		"%lu of %lu", t->last_tsc - before, us_to_ticks(us));
	guest_check((s64)(rdtsc_ordered() - behind_least - t->last_tsc) >= 0, "timer-tsc");
	probe_end();
}

static void apic_write(u32 reg, u32 v)
{
	probe_set(PROBE_RSI, APIC_DEFAULT_BASE + reg);
	probe_set(PROBE_RAX, v);
	PROBE(0x89, 0x06, 0xe6, 0x80); /* mov %eax, (%rsi); out %al, $0x80 */
}

/* STI, and HLT for ever: until its timer's handler is there. */
static void wait_timer(const char *name, u64 deadline)
{
	u64 tsc;

	PROBE(0xfb, 0xf4, 0xeb, 0xfd);
	guest_check(probe_took(VECTOR), name);
	tsc = by_rdtsc();
	guest_check((s64)(tsc - deadline) >= 0 && tsc - deadline < us_to_ticks(10 * SECOND),
		"deadline-time", "%s %lx %lx", name, tsc, deadline);
	guest_check(probe_get(DEADLINE) == 0, "deadline-over", "%s", name);
	apic_write(APIC_EOI, 0);
}

static u64 set_deadline(u64 v)
{
	struct hv_register_assoc one = { .name = DEADLINE, .value = { .wide = { v } } };

	return HV_RESULT_STATUS(child_set_registers(probe.id, 0, &one, 1));
}

static void test_deadline(void)
{
	u64 deadline;

	begin();
	guest_check(probe_get(DEADLINE) == 0 && set_deadline(0) == HV_STATUS_SUCCESS &&
			    set_deadline(1) == HV_STATUS_INVALID_REGISTER_VALUE,
		"deadline-other-mode");
	if (!(cpuid(1, 0).ecx & BIT(24))) {
		probe_end();
		return;
	}
	probe_gate(VECTOR);
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_LVT_TIMER, (u32)APIC_TIMER_DEADLINE | VECTOR);
	deadline = by_register() + us_to_ticks(4 * PAUSE_US);
	probe_set(PROBE_RCX, MSR_TSC_DEADLINE);
	probe_set(PROBE_RAX, (u32)deadline);
	probe_set(PROBE_RDX, deadline >> 32);
	PROBE(0x0f, 0x30, 0xe6, 0x80); /* wrmsr; out %al, $0x80 */
	guest_check(probe_get(DEADLINE) == deadline, "deadline-by-child");
	stand(8 * PAUSE_US);
	guest_check(probe_get(DEADLINE) == deadline, "deadline-stands");
	wait_timer("deadline", deadline);
	deadline = by_register() + us_to_ticks(PAUSE_US);
	guest_check(set_deadline(deadline) == HV_STATUS_SUCCESS && probe_get(DEADLINE) == deadline,
		"deadline-by-parent");
	wait_timer("deadline-of-parent", deadline);
	probe_end();
}

/* Whatever was: the same clock as another that was saved, far ahead or behind. */
static void test_restored(u64 when, u64 tsc)
{
	u64 before, after, v;

	begin();
	child_deposit_pages(probe.id, 8);
	probe_set(HV_REGISTER_REFERENCE_TSC, CLOCK_PAGE | 1);
	probe_freeze(1);
	guest_check(restore(1234, 0, when, tsc) == HV_STATUS_SUCCESS, "restore");
	guest_check(by_register() == tsc && probe_time() == when, "restored-stands");
	before = rdtsc_ordered();
	probe_freeze(0);
	behind_least = before - tsc;
	behind_most = rdtsc_ordered() - tsc;
	check_all("restored");
	guest_check((u32)page_word(0) == 1235, "restored-sequence", "%lu", page_word(0));
	before = probe_time();
	v = by_page(by_rdtsc());
	after = probe_time();
	guest_check(
		when <= before && before <= v && v <= after && after < when + 60 * HV_TIME_PER_SEC,
		"restored-time", "%lu: %lu %lu %lu", when, before, v, after);
	stand(PAUSE_US);
	check_all("restored-pause");
	probe_end();
}

static void test_refused(void)
{
	struct hv_restore_time_input own = { .partition_id = HV_PARTITION_SELF };
	u64 v, result;

	begin();
	guest_check(restore(0, 0, 5, 5) == HV_STATUS_INVALID_PARTITION_STATE, "restore-running");
	probe_freeze(1);
	guest_check(restore(0, 1, 5, 5) == HV_STATUS_INVALID_PARAMETER, "restore-reserved");
	probe_freeze(0);
	result = guest_hypercall_block(HV_CALL_RESTORE_PARTITION_TIME, &own, sizeof(own), NULL, 0);
	guest_check(result == HV_STATUS_INVALID_PARTITION_ID, "restore-own", "%lx", result);
	v = by_rdtsc();
	guest_check(rdtsc_ordered() - v < us_to_ticks(60 * SECOND), "restore-refused", "%lx", v);
	probe_end();
}

void guest_main(void)
{
	guest_messages_init();
	test_pauses();
	test_later_vp();
	test_page();
	test_running();
	test_apic_timer();
	test_deadline();
	test_restored(1ull << 40, 1ull << 50);
	test_restored(77, 5);
	test_refused();
}
