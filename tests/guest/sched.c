/* SPDX-License-Identifier: MIT */
/*
 * Scheduling of children's VPs beside the root.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/msr.h"
#include "hv/stats.h"
#include "hv/vpset.h"
#include "lib/string.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/sleep.h"
#include "x86/cpu.h"
#include "x86/desc.h"

#define RAM       (4 * MIB)

#define SECOND    1000000u
#define PERIOD_US 1000u
#define MOVES     (guest_is_qemu() ? 60u : 200u)
#define MOVE_US   310u /* in no ratio to the period */
#define PERIODIC  0x20000u
#define TICKS_US  200u

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

static void make_two(u64 mask, const u8 *code, const u8 *end)
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
}

static void start_two(u64 mask, const u8 *code, const u8 *end)
{
	make_two(mask, code, end);
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

/* Within a tenth; of a host that shares its processors, within a third. */
static bool is_half(u64 a, u64 b)
{
	u64 least = (a + b) / 2 / 10 * (guest_is_qemu() ? 7 : 9);

	return a && b && a >= least && b >= least;
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

/* More than one processor could give, at least. */
#define TWO_PROCESSORS (guest_is_qemu() ? 110u : 180u)

/* Both on one of two processors, whichever that is; let go, each has its own. */
static void test_affinity(void)
{
	for (u32 cpu = 0; cpu < 2; cpu++) {
		start_two(BIT(cpu), code_count, code_count_end);
		check_got("pinned-to-one", 50, 105);
		assert(child_affinity(child[0].id, 0, 3) == HV_STATUS_SUCCESS);
		check_got("spread-over-two", TWO_PROCESSORS, 205);
		assert(child_affinity(child[1].id, 0, 3) == HV_STATUS_SUCCESS);
		assert(child_affinity(child[0].id, 0, BIT(cpu)) == HV_STATUS_SUCCESS);
		check_got("makes-room", TWO_PROCESSORS, 205);
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
		*t[i] = (struct code_timer){ .initial = 20000 * TICKS_US };
		child_register_set(child[i].id, 0, HV_X64_REGISTER_RIP, CHILD_CODE);
		child_release(child[i].id, 0);
	}
	for (u32 i = 0; i < 2; i++)
		guest_check(guest_sleep_while(&t[i]->spin, 0, SECOND), "sleeps");
	assert(child_affinity(child[1].id, 0, 3) == HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 2; i++)
		guest_check(guest_sleep_while(&t[i]->count, 0, SECOND), "wakes");
	check_got("woken-together", TWO_PROCESSORS, 205);
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

/* More VPs than processors: all of them count, on one child's memory. */
static void test_many(void)
{
	u32 vps = guest_is_qemu() ? HV_MAX_PROCESSORS : 24, counting = 0;
	volatile u64 *counts[HV_MAX_PROCESSORS];
	u8 *ram;
	u64 id = child_of(code_count, RAM, &ram);

	for (u32 i = 1; i < vps; i++)
		child_add_vp(id, i, CHILD_CODE, CHILD_STACK);
	for (u32 i = 0; i < vps; i++)
		counts[i] = counter(id, i, ram);
	for (u32 i = 0; i < vps; i++)
		child_release(id, i);
	for (u32 i = 0; i < vps; i++)
		counting += guest_sleep_while(counts[i], 0, SECOND);
	guest_check(counting == vps, "many", "%u of %u", counting, vps);
	child_end(id);
}

/* The root's timer while all processors are busy: late by as much as emulators are themselves. */
static void test_root_is_heard(void)
{
	u32 in_time = 0, sleeps = 20;

	start_two(~0ull, code_count, code_count_end);
	for (u32 i = 0; i < sleeps; i++)
		in_time += guest_sleep_us(1000) < 2000;
	guest_check(in_time >= (guest_is_qemu() ? 1 : sleeps), "root-is-heard", "%u of %u", in_time,
		sleeps);
	end_two();
}

/* Two on a processor, of which the first makes hypercall @code again and again. */
static void start_caller(u64 code)
{
	make_two(1, code_count_call, code_count_call_end);
	child_register_set(child[0].id, 0, HV_REGISTER_GUEST_OS_ID, 1);
	child_register_set(child[0].id, 0, HV_REGISTER_HYPERCALL,
		(CHILD_DATA + PAGE_SIZE) | HV_MSR_HYPERCALL_ENABLE);
	child_register_set(child[0].id, 0, HV_X64_REGISTER_RAX + 3, CHILD_DATA + PAGE_SIZE);
	child_register_set(child[0].id, 0, HV_X64_REGISTER_RAX + 6, code | HV_CONTROL_FAST);
	child_release(child[0].id, 0);
	child_release(child[1].id, 0);
}

/* Who makes exits all the time pays for them. Calls: such as are refused. */
static void test_flood(const char *name, bool calls)
{
	u32 kind = calls ? EXIT_HYPERCALL : EXIT_CPUID;
	u64 a = 0, b = 0;

	if (calls)
		start_caller(HV_CALL_GET_PARTITION_ID);
	else
		start_two(1, code_count_cpuid, code_count_cpuid_end);
	for (u32 try = 0; try < TRIES && !is_half(a, b); try++) {
		u64 a0 = run_time(0), b0 = run_time(1);

		guest_sleep_us(100000);
		a = run_time(0) - a0;
		b = run_time(1) - b0;
	}
	guest_check(is_half(a, b), name, "%lu and %lu", a, b);
	guest_check(child[0].stats[HV_VP_COUNTER_EXITS + 2u * kind] > 100, "floods");
	end_two();
}

/* Who spins, and says so, has little of a turn; the other goes on. */
static void test_spinner_gives_way(void)
{
	u64 a0, b0, a, b;

	start_caller(HV_CALL_NOTIFY_LONG_SPIN_WAIT);
	a0 = run_time(0);
	b0 = run_time(1);
	guest_sleep_us(100000);
	a = run_time(0) - a0;
	b = run_time(1) - b0;
	guest_check(a * 4 < b && *child[0].count, "spinner-gives-way", "%lu and %lu", a, b);
	end_two();
}

/* From here on one child, moved all the time: timers and interrupts are neither lost nor doubled. */
static u64 id;
static u8 *ram;

static void *data(void)
{
	return ram + CHILD_DATA;
}

static void start(const u8 *code, const u8 *end)
{
	id = child_machine(code, (size_t)(end - code), RAM, &ram);
	child_gate(ram, CODE_TIMER_VECTOR, CHILD_CODE + CODE_TIMER_HANDLER);
	child_register_set(id, 0, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
}

static void move(u32 vp, u64 mask)
{
	u64 result = child_affinity(id, vp, mask);

	assert(result == HV_STATUS_SUCCESS);
}

/*
 * Each period ends with one interrupt. Where the emulator's processors are
 * threads of a busy host, one may come so late that it stands for many.
 */
static void test_periodic(const char *name, u64 spin)
{
	struct code_timer *t;
	u64 period = guest_tsc_hz() * PERIOD_US / 1000000, periods;

	start(code_timer, code_timer_end);
	t = data();
	*t = (struct code_timer){ .mode = PERIODIC, .initial = PERIOD_US * TICKS_US, .spin = spin };
	child_release(id, 0);
	for (u32 i = 0; i < MOVES; i++) {
		move(0, BIT(i % 2));
		guest_sleep_us(MOVE_US);
	}
	child_suspend(id, 0);
	periods = (t->last_tsc - t->start_tsc + period / 2) / period;
	guest_check(t->count <= periods && periods >= MOVES * MOVE_US / PERIOD_US / 2, name,
		"%lu in %lu periods", t->count, periods);
	if (guest_is_qemu())
		guest_check(t->count >= 10, "some-periods", "%lu of %lu", t->count, periods);
	else
		guest_check(t->count == periods, "all-periods", "%lu of %lu", t->count, periods);
	child_end(id);
}

/* It ends once, however often it moves before, while and after. */
static void test_one_shot(void)
{
	struct code_timer *t;

	start(code_timer, code_timer_end);
	t = data();
	*t = (struct code_timer){ .initial = 10 * MOVE_US * TICKS_US };
	child_release(id, 0);
	for (u32 i = 0; i < 30; i++) {
		move(0, BIT(i % 2));
		guest_sleep_us(MOVE_US);
	}
	/* However late on a host that is busy, but once. */
	(void)guest_sleep_while(&t->count, 0, SECOND);
	guest_sleep_us(20 * MOVE_US);
	guest_check(t->count == 1, "one-shot", "%lu", t->count);
	child_end(id);
}

/* The sender goes on only when the one before was counted, so that one that is lost ends it. */
static void test_ipis(void)
{
	volatile u64 *received, *sent;

	start(code_ipi, code_ipi_end);
	received = data();
	sent = received + 1;
	child_add_vp(id, 1, CHILD_CODE + CODE_IPI_TARGET, CHILD_STACK - 0x800);
	child_register_set(id, 1, HV_X64_REGISTER_RAX + 7, CHILD_DATA);
	child_release(id, 1);
	child_release(id, 0);
	for (u32 i = 0; i < MOVES; i++) {
		u64 before = *received;

		move(i % 2, BIT(i / 2 % 2));
		move(1 - i % 2, BIT(i / 4 % 2));
		if (!guest_sleep_while(received, before, SECOND)) {
			guest_fail("ipis", "lost at %lu of %lu", *received, *sent);
			break;
		}
	}
	child_suspend(id, 0);
	child_suspend(id, 1);
	guest_check(*received >= MOVES && (*received == *sent || *received + 1 == *sent),
		"ipis-once", "%lu of %lu", *received, *sent);
	child_end(id);
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
	test_root_is_heard();
	test_flood("flood-of-cpuid", false);
	test_flood("flood-of-calls", true);
	test_spinner_gives_way();
	test_many();
	if (guest_bootinfo->processors == 1)
		return;
	test_affinity();
	test_woken_together();
	test_periodic("periodic-running", 1);
	test_periodic("periodic-halted", 0);
	test_one_shot();
	test_ipis();
}
