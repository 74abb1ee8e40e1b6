/* SPDX-License-Identifier: MIT */
/*
 * hypervisor/apic.c above a made-up local APIC, by page and by MSR.
 * sources: hypervisor/apic.c tests/unit/fake/fake.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hypervisor/apic.h"
#include "hypervisor/clock.h"
#include "hypervisor/cpu.h"
#include "hypervisor/die.h"
#include "hypervisor/log.h"
#include "hypervisor/paging.h"
#include "x86/apic.h"
#include "x86/msr.h"

#define TSC_HZ      2400000000ull
#define TIMER_HZ    1000000000ull
#define TICKS(tsc)  ((u64)(tsc)*TIMER_HZ / TSC_HZ)
#define BASE        0xfee00000ull
#define LAST_LVT(n) (0x14u | (u32)(n) << 16)

static u8 page[4096];
static struct cpu cpu;
static u32 regs[64];
static u64 base_msr, deadline, icr_msr;
static u64 counting_since;
static u32 eois, sends, logs, busy, page_accesses;
static bool stands; /* the timer does not count */
static u64 ahead;   /* what deadlines are compared with is so much more than the TSC */
static jmp_buf back;
u64 clock_tsc_hz = TSC_HZ;

struct cpu *this_cpu(void)
{
	return &cpu;
}

volatile void *paging_map_device(u64 spa, u64 size)
{
	assert_int_equal(spa, BASE);
	assert_true(size <= sizeof(page));
	return page;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	logs += level <= LOG_WARN;
}

_Noreturn void refuse(const char *fmt, ...)
{
	(void)fmt;
	longjmp(back, 1);
}

void clock_delay_us(u32 us)
{
	fake_tsc += us * TSC_HZ / 1000000;
}

static u32 reg_get(u32 reg)
{
	if (reg == APIC_ICR && busy) {
		busy--;
		return regs[reg / 16] | (u32)APIC_ICR_PENDING;
	}
	if (reg == APIC_TIMER_CURRENT && !stands)
		return regs[APIC_TIMER_INITIAL / 16] - (u32)TICKS(fake_tsc - counting_since);
	return regs[reg / 16];
}

/* The lowest bit stands for the highest: only their number matters here. */
static void isr_end(void)
{
	for (u32 i = 0; i < 8; i++)
		if (regs[APIC_ISR / 16 + i]) {
			regs[APIC_ISR / 16 + i] &= regs[APIC_ISR / 16 + i] - 1;
			return;
		}
}

static void reg_set(u32 reg, u32 v)
{
	regs[reg / 16] = v;
	if (reg == APIC_TIMER_INITIAL)
		counting_since = fake_tsc;
	if (reg == APIC_EOI) {
		eois++;
		isr_end();
	}
	sends += reg == APIC_ICR;
}

static u32 page_get(const volatile void *p)
{
	page_accesses++;
	return reg_get((u32)((const volatile u8 *)p - page));
}

static void page_set(volatile void *p, u32 v)
{
	page_accesses++;
	reg_set((u32)((volatile u8 *)p - page), v);
}

static u64 msr_get(u32 msr)
{
	if (msr == MSR_APIC_BASE)
		return base_msr;
	assert_true(base_msr & APIC_BASE_X2APIC);
	assert_in_range(msr, 0x800, 0x83f);
	return reg_get((msr - 0x800) * 16);
}

static void msr_set(u32 msr, u64 v)
{
	if (msr == MSR_TSC_DEADLINE) {
		deadline = v;
		if (v != 0 && v <= fake_tsc + ahead)
			regs[APIC_IRR / 16 + HV_VECTOR_TIMER / 32] |= 1u << HV_VECTOR_TIMER % 32;
		return;
	}
	if (msr == MSR_APIC_BASE) {
		/* Never off; to x2APIC only from on. */
		assert_true(v & APIC_BASE_ENABLE);
		assert_true(!(v & APIC_BASE_X2APIC) || base_msr & APIC_BASE_ENABLE);
		base_msr = v;
		return;
	}
	assert_true(base_msr & APIC_BASE_X2APIC);
	assert_in_range(msr, 0x800, 0x83f);
	if (msr == MSR_X2APIC(APIC_ICR))
		icr_msr = v;
	reg_set((msr - 0x800) * 16, (u32)v);
}

static int set_up(void **state)
{
	(void)state;
	memset(regs, 0, sizeof(regs));
	memset(&cpu, 0, sizeof(cpu));
	fake_tsc = 5000000;
	fake_tsc_step = 30;
	base_msr = BASE | APIC_BASE_ENABLE;
	deadline = 77;
	icr_msr = counting_since = 0;
	eois = sends = logs = busy = page_accesses = 0;
	stands = false;
	ahead = 0;
	regs[APIC_VERSION / 16] = LAST_LVT(6);
	fake_on_mmio_read = page_get;
	fake_on_mmio_write = page_set;
	fake_on_msr_read = msr_get;
	fake_on_msr_write = msr_set;
	return 0;
}

static void start(bool x2apic, bool tsc_deadline)
{
	cpu.features.x2apic = x2apic;
	cpu.features.tsc_deadline = tsc_deadline;
	apic_init(BASE);
	apic_enable();
	apic_timer_calibrate();
}

static void test_modes(void **state)
{
	(void)state;
	start(false, true);
	assert_int_equal(base_msr, BASE | APIC_BASE_ENABLE);
	assert_true(page_accesses > 0);

	set_up(state);
	start(true, true);
	assert_int_equal(base_msr, BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	assert_int_equal(page_accesses, 0);

	/* Off: by way of xAPIC mode; msr_set() checks the way. */
	set_up(state);
	base_msr = BASE;
	start(true, true);
	assert_int_equal(base_msr, BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	/* Left in x2APIC mode by the firmware: kept. */
	set_up(state);
	base_msr |= APIC_BASE_X2APIC;
	start(false, true);
	assert_int_equal(base_msr, BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	assert_int_equal(page_accesses, 0);
}

static void test_enable(void **state)
{
	for (u32 last = 3; last <= 6; last++) {
		const u32 untouched = 0x5555;

		set_up(state);
		regs[APIC_VERSION / 16] = LAST_LVT(last);
		regs[APIC_LVT_PERF / 16] = regs[APIC_LVT_THERMAL / 16] = untouched;
		regs[APIC_LVT_CMCI / 16] = untouched;
		regs[APIC_TPR / 16] = 0x80;
		regs[APIC_ISR / 16 + 3] = 0x90;
		regs[APIC_ISR / 16 + 7] = 1;
		start(false, true);
		assert_int_equal(regs[APIC_SVR / 16], APIC_SVR_ENABLE | HV_VECTOR_SPURIOUS);
		assert_int_equal(regs[APIC_TPR / 16], 0);
		assert_int_equal(regs[APIC_LVT_LINT0 / 16], APIC_LVT_MASKED);
		assert_int_equal(regs[APIC_LVT_LINT1 / 16], APIC_DM_NMI << 8);
		assert_int_equal(regs[APIC_LVT_ERROR / 16], HV_VECTOR_ERROR);
		assert_int_equal(regs[APIC_LVT_TIMER / 16], HV_VECTOR_TIMER | APIC_TIMER_DEADLINE);
		assert_int_equal(regs[APIC_LVT_PERF / 16], last >= 4 ? APIC_LVT_MASKED : untouched);
		assert_int_equal(
			regs[APIC_LVT_THERMAL / 16], last >= 5 ? APIC_LVT_MASKED : untouched);
		assert_int_equal(regs[APIC_LVT_CMCI / 16], last >= 6 ? APIC_LVT_MASKED : untouched);
		/* What the firmware left in service is ended. */
		assert_int_equal(eois, 3);
	}
}

static void test_identity(void **state)
{
	(void)state;
	start(false, true);
	regs[APIC_ID / 16] = 0x2a000000;
	assert_int_equal(apic_id(), 0x2a);
	set_up(state);
	start(true, true);
	regs[APIC_ID / 16] = 0x12345;
	assert_int_equal(apic_id(), 0x12345);
}

static void test_send(void **state)
{
	(void)state;
	start(false, true);
	busy = 5;
	apic_send(0x2a, HV_VECTOR_KICK);
	assert_int_equal(regs[APIC_ICR_HIGH / 16], 0x2a000000);
	assert_int_equal(regs[APIC_ICR / 16], HV_VECTOR_KICK);
	assert_int_equal(busy, 0);
	assert_int_equal(logs, 0);
	/* One that is never accepted ends, and is told. */
	busy = ~0u;
	apic_send(0x2a, HV_VECTOR_KICK);
	assert_int_equal(logs, 1);
	busy = 0;
	apic_send_nmi_others();
	assert_int_equal(regs[APIC_ICR / 16], 0xc4400);

	set_up(state);
	start(true, true);
	apic_send(0x12345, HV_VECTOR_KICK);
	assert_int_equal(icr_msr, 0x12345ull << 32 | HV_VECTOR_KICK);
	apic_send_nmi_others();
	assert_int_equal(icr_msr, 0xc4400);
}

static void test_timer_by_deadline(void **state)
{
	(void)state;
	start(true, true);
	apic_timer_set(123456789);
	assert_int_equal(deadline, 123456789);
	apic_timer_set(~0ull);
	assert_int_equal(deadline, 0);
	/* 0 would stop it, but means long ago. */
	apic_timer_set(0);
	assert_int_equal(deadline, 1);
}

/* After a reset that sets the TSC back, but not what deadlines are compared with. */
static void test_deadline_that_is_always_past(void **state)
{
	(void)state;
	ahead = 10 * TSC_HZ;
	start(true, true);
	assert_int_equal(deadline, 0);
	assert_int_equal(regs[APIC_LVT_TIMER / 16], HV_VECTOR_TIMER);
	apic_timer_set(fake_tsc + TSC_HZ);
	assert_int_equal(deadline, 0);
	assert_in_range(
		regs[APIC_TIMER_INITIAL / 16], TIMER_HZ - 1000, TIMER_HZ + TIMER_HZ / 20000);
	/* Other processors do the same. */
	apic_enable();
	assert_int_equal(regs[APIC_LVT_TIMER / 16], HV_VECTOR_TIMER);
}

/* Never before the deadline, and behind it no more than calibration explains. */
static void test_timer_by_count(void **state)
{
	static const u64 far[] = { 1, 100, 2400, 240000, 24000000, 2400000000, 9600000000 };
	const u32 *initial = &regs[APIC_TIMER_INITIAL / 16];

	(void)state;
	start(false, false);
	assert_int_equal(regs[APIC_LVT_TIMER / 16], HV_VECTOR_TIMER);
	assert_int_equal(regs[APIC_TIMER_DIVIDE / 16], 0xb);
	fake_tsc_step = 0;
	for (u32 i = 0; i < ARRAY_SIZE(far); i++) {
		apic_timer_set(fake_tsc + far[i]);
		assert_in_range(*initial, (far[i] * TIMER_HZ + TSC_HZ - 1) / TSC_HZ,
			TICKS(far[i]) + TICKS(far[i]) / 20000 + 1);
	}
	apic_timer_set(fake_tsc - 1);
	assert_int_equal(*initial, 1);
	/* Too far for 32 bits: early, and set again then. */
	apic_timer_set(fake_tsc + 100 * TSC_HZ);
	assert_int_equal(*initial, 0xfff00000);
	apic_timer_set(~0ull - 1);
	assert_int_equal(*initial, 0xfff00000);
	apic_timer_set(~0ull);
	assert_int_equal(*initial, 0);
}

static void test_timer_that_stands(void **state)
{
	(void)state;
	stands = true;
	if (setjmp(back) == 0) {
		start(false, false);
		fail_msg("not refused");
	}
}

static void test_errors(void **state)
{
	(void)state;
	start(false, true);
	regs[APIC_ESR / 16] = 0x40;
	/* The write that latches comes first; this APIC stores what it is given. */
	assert_int_equal(apic_errors(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_modes, set_up),
		cmocka_unit_test_setup(test_enable, set_up),
		cmocka_unit_test_setup(test_identity, set_up),
		cmocka_unit_test_setup(test_send, set_up),
		cmocka_unit_test_setup(test_timer_by_deadline, set_up),
		cmocka_unit_test_setup(test_deadline_that_is_always_past, set_up),
		cmocka_unit_test_setup(test_timer_by_count, set_up),
		cmocka_unit_test_setup(test_timer_that_stands, set_up),
		cmocka_unit_test_setup(test_errors, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
