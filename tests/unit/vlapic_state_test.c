/* SPDX-License-Identifier: MIT */
/*
 * A virtual APIC's state, read from one VP in the midst of everything and set
 * on another: it goes on as the first would have; and what is refused.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c
 * sources: hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/vlapic_state.c hypervisor/timer.c
 * sources: tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hv/interrupt.h"
#include "hypervisor/vlapic_impl.h"
#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/msr.h"

#define TIMER    0x60u
#define PERIODIC 0x20000u
#define DEADLINE 0x40000u
#define BY_1     0xbu

static struct hv_local_apic_state s;
static u64 start;

static int set_up(void **state)
{
	(void)machine_set_up(state);
	start = fake_tsc;
	return 0;
}

static void at_us(u64 us)
{
	machine_run_to(start + machine_ns_to_tsc(us * 1000));
}

/* VP 1 of another machine takes the place of VP 0: same id. */
static void move(void)
{
	vlapic_state_get(&vps[0], &s);
	vps[1].vlapic.id = 0;
	assert_int_equal(vlapic_state_set(&vps[1], &s), HV_STATUS_SUCCESS);
}

static bool came(u32 vp)
{
	bool is = is_pending(vp, TIMER);

	vps[vp].vlapic.irr[TIMER / 32] &= ~(1u << TIMER % 32);
	return is;
}

static void begin_timer(u32 mode, u32 count)
{
	page_write(0, APIC_TIMER_DIVIDE, BY_1);
	page_write(0, APIC_LVT_TIMER, mode | TIMER);
	page_write(0, APIC_TIMER_INITIAL, count);
}

static void test_registers(void **state)
{
	struct hv_local_apic_state again;

	(void)state;
	page_write(0, APIC_LDR, 0x04000000);
	page_write(0, APIC_DFR, 0x0fffffff);
	page_write(0, APIC_SVR, 0x3f1);
	page_write(0, APIC_LVT_LINT0, APIC_DM_EXTINT << 8);
	page_write(0, APIC_LVT_CMCI, 0x77);
	page_write(0, APIC_LVT_ERROR, 0xfe);
	page_write(0, APIC_ICR_HIGH, 0x03000000);
	page_write(0, APIC_ICR, 0x44);
	vlapic_interrupt(&vps[0], 0x51, false);
	vlapic_accept(&vps[0], 0x51);
	vlapic_interrupt(&vps[0], 0x93, false);
	vlapic_level(&vps[0], 0xa1);
	vlapic_error(&vps[0], APIC_ESR_ILLEGAL_REG);
	page_write(0, APIC_ESR, 0);
	vlapic_error(&vps[0], APIC_ESR_RECV_ILLEGAL);
	vps[0].work |= VP_WORK_NMI;
	move();
	assert_int_equal(s.id, 0);
	assert_int_equal(s.version, page_read(0, APIC_VERSION));
	assert_int_equal(s.svr, 0x3f1);
	assert_int_equal(s.ldr, 0x04000000);
	assert_int_equal(s.dfr, 0x0fffffff);
	assert_int_equal(s.isr[2], 1u << 17);
	assert_int_equal(s.irr[4], 1u << 19);
	assert_int_equal(s.irr[5] & 2, 2);
	assert_int_equal(s.tmr[5], 2);
	assert_int_equal(s.irr[0], 4);
	assert_int_equal(s.esr, APIC_ESR_ILLEGAL_REG);
	assert_int_equal(s.error_status, APIC_ESR_RECV_ILLEGAL);
	assert_int_equal(s.lvt[3], APIC_DM_EXTINT << 8);
	assert_int_equal(s.lvt[6], 0x77);
	assert_int_equal(s.icr_high, 0x03000000);
	assert_int_equal(s.icr_low, 0x44);
	vlapic_state_get(&vps[1], &again);
	assert_memory_equal(&s, &again, sizeof(s));
	/* It knows what is in service, and what is more urgent. */
	assert_int_equal(vps[1].vlapic.isr_highest, 0x51);
	assert_int_equal(vlapic_pending(&vps[1]), vlapic_pending(&vps[0]));
	assert_true(vps[1].work & VP_WORK_NMI && vps[1].work & VP_WORK_INTERRUPT);
}

/* The parent of the new one hears of the end. */
static void test_level_in_flight(void **state)
{
	struct hv_apic_eoi eoi;

	(void)state;
	vlapic_level(&vps[0], 0xa1);
	vlapic_accept(&vps[0], 0xa1);
	vlapic_level(&vps[0], 0xb1);
	move();
	assert_false(machine_read(&eoi));
	vlapic_accept(&vps[1], 0xb1);
	vlapic_eoi(&vps[1]);
	vlapic_eoi(&vps[1]);
	assert_true(machine_read(&eoi) && eoi.vector == 0xb1);
	assert_true(machine_read(&eoi) && eoi.vector == 0xa1);
	assert_false(machine_read(&eoi));
}

/* 100 us, 40 of them before. */
static void test_one_shot(void **state)
{
	(void)state;
	begin_timer(0, 20000);
	at_us(40);
	move();
	assert_in_range(s.current_count, 11998, 12002);
	assert_int_equal(s.initial_count, 20000);
	/* At rest nothing fires. */
	at_us(1000);
	assert_false(came(0) || came(1));
	start = fake_tsc;
	assert_true(vps[1].vlapic.timer_stopped);
	vlapic_timer_resume(&vps[1]);
	vlapic_timer_resume(&vps[0]);
	at_us(10);
	assert_true(came(1)); /* it ran out while it was at rest */
	assert_true(came(0));
}

/* It goes on where it was; the first reading stops it, a second is as good. */
static void test_one_shot_goes_on(void **state)
{
	(void)state;
	begin_timer(0, 20000);
	at_us(40);
	move();
	vlapic_timer_resume(&vps[1]);
	at_us(99);
	assert_false(came(1));
	at_us(101);
	assert_true(came(1));
	at_us(1000);
	assert_false(came(1) || came(0));
	vlapic_state_get(&vps[0], &s);
	assert_true(came(0));
	assert_int_equal(s.current_count, 0);
	vlapic_state_get(&vps[0], &s);
	assert_false(came(0));
}

/* Over before the look: it is pending then, and the count ended. */
static void test_just_over(void **state)
{
	(void)state;
	begin_timer(0, 20000);
	fake_tsc = start + machine_ns_to_tsc(150000);
	move();
	assert_int_equal(s.irr[TIMER / 32], 1u << TIMER % 32);
	assert_int_equal(s.current_count, 0);
	vlapic_timer_resume(&vps[1]);
	assert_true(came(1));
	at_us(1000);
	assert_false(came(1));
}

static void test_periodic(void **state)
{
	(void)state;
	begin_timer(PERIODIC, 20000);
	at_us(330);
	assert_true(came(0));
	move();
	assert_in_range(s.current_count, 13998, 14002);
	vlapic_timer_resume(&vps[1]);
	at_us(399);
	assert_false(came(1));
	for (u64 us = 401; us < 900; us += 100) {
		at_us(us);
		assert_true(came(1));
	}
}

/* The deadline is a register of its own, and stays what it was. */
static void test_deadline(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_TIMER, DEADLINE | TIMER);
	msr_set(0, MSR_TSC_DEADLINE, start + 1000000);
	vlapic_state_get(&vps[0], &s);
	assert_int_equal(s.current_count, 0);
	assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_SUCCESS);
	assert_int_equal(msr_get(0, MSR_TSC_DEADLINE), start + 1000000);
	machine_run_to(start + 2000000);
	assert_false(came(0));
	vlapic_timer_resume(&vps[0]);
	machine_run_to(start + 2000001);
	assert_true(came(0));
}

/* By its own register: what is over since it was stopped has not been heard of. */
static void test_deadline_register(void **state)
{
	(void)state;
	assert_int_equal(vlapic_deadline_get(&vps[0]), 0);
	assert_false(vlapic_deadline_set(&vps[0], start + 1));
	assert_true(vlapic_deadline_set(&vps[0], 0));
	vlapic_timer_resume(&vps[0]);
	page_write(0, APIC_LVT_TIMER, DEADLINE | TIMER);
	msr_set(0, MSR_TSC_DEADLINE, start + 1000);
	assert_int_equal(vlapic_deadline_get(&vps[0]), start + 1000);
	machine_run_to(start + 2000);
	assert_false(came(0));
	assert_int_equal(vlapic_deadline_get(&vps[0]), start + 1000);
	/* Into another VP, whose clock stands elsewhere. */
	vlapic_state_get(&vps[0], &s);
	assert_true(came(0));
	s.id = 1u << 24;
	reference_time_freeze(&partition.time);
	reference_time_restore(&partition.time, 5, start + 400, 0);
	assert_int_equal(vlapic_state_set(&vps[1], &s), HV_STATUS_SUCCESS);
	vps[1].vlapic.irr[TIMER / 32] = 0;
	assert_true(vlapic_deadline_set(&vps[1], start + 1000));
	vlapic_timer_resume(&vps[1]);
	machine_run_to(fake_tsc + 100000);
	assert_false(came(1));
	reference_time_thaw(&partition.time);
	vlapic_timer_serve(&vps[1]);
	machine_run_to(fake_tsc + 599);
	assert_false(came(1));
	machine_run_to(fake_tsc + 1);
	assert_true(came(1));
	assert_int_equal(vlapic_deadline_get(&vps[1]), 0);
	/* A state of another mode has none. */
	assert_true(vlapic_deadline_set(&vps[1], ~0ull));
	s.lvt[0] = TIMER;
	assert_int_equal(vlapic_state_set(&vps[1], &s), HV_STATUS_SUCCESS);
	assert_int_equal(msr_get(1, MSR_TSC_DEADLINE), 0);
	assert_int_equal(vlapic_deadline_get(&vps[1]), 0);
}

/* At rest while the clock stands it is exactly what it was, however long that is. */
static void test_clock_stands(void **state)
{
	struct hv_local_apic_state again;

	(void)state;
	begin_timer(0, 20000);
	at_us(40);
	reference_time_freeze(&partition.time);
	move();
	at_us(100000);
	vlapic_state_get(&vps[0], &again);
	assert_memory_equal(&s, &again, sizeof(s));
	reference_time_thaw(&partition.time);
	start = fake_tsc;
	vlapic_timer_resume(&vps[1]);
	at_us(59);
	assert_false(came(1));
	at_us(61);
	assert_true(came(1));
}

static void test_x2apic(void **state)
{
	(void)state;
	to_x2apic(2);
	vlapic_state_get(&vps[2], &s);
	assert_int_equal(s.id, 2);
	assert_int_equal(s.ldr, 4);
	s.icr_high = 0x12345678;
	assert_int_equal(vlapic_state_set(&vps[2], &s), HV_STATUS_SUCCESS);
	assert_int_equal(msr_get(2, MSR_X2APIC(APIC_ICR)) >> 32, 0x12345678);
	s.ldr = 8;
	assert_int_equal(vlapic_state_set(&vps[2], &s), HV_STATUS_INVALID_REGISTER_VALUE);
	/* As it reads in the other mode it is another's. */
	vlapic_state_get(&vps[3], &s);
	assert_int_equal(s.id, 3u << 24);
	assert_int_equal(vlapic_state_set(&vps[2], &s), HV_STATUS_INVALID_REGISTER_VALUE);
}

/* One wrong word at a time, and nothing changes. */
static void test_refused(void **state)
{
	static const struct {
		size_t offset;
		u32 value;
	} bad[] = {
		{ offsetof(struct hv_local_apic_state, id), 1 },
		{ offsetof(struct hv_local_apic_state, version), 0 },
		{ offsetof(struct hv_local_apic_state, ldr), 1 },
		{ offsetof(struct hv_local_apic_state, svr), 0x1000 },
		{ offsetof(struct hv_local_apic_state, isr), 0x8000 },
		{ offsetof(struct hv_local_apic_state, isr), 4 },
		{ offsetof(struct hv_local_apic_state, tmr), 1 },
		{ offsetof(struct hv_local_apic_state, irr), 2 },
		{ offsetof(struct hv_local_apic_state, esr), 0x100 },
		{ offsetof(struct hv_local_apic_state, icr_high), 1 },
		{ offsetof(struct hv_local_apic_state, icr_low), 0x1000 },
		{ offsetof(struct hv_local_apic_state, lvt), 0x80000 },
		{ offsetof(struct hv_local_apic_state, lvt[6]), 0x20000 },
		{ offsetof(struct hv_local_apic_state, error_status), 0x100 },
		{ offsetof(struct hv_local_apic_state, current_count), 1 },
		{ offsetof(struct hv_local_apic_state, divide), 4 },
		{ offsetof(struct hv_local_apic_state, remote_read), 1 },
	};
	struct hv_local_apic_state before, after;

	(void)state;
	vlapic_state_get(&vps[0], &before);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = before;
		s.svr = 0x1aa;
		memcpy((u8 *)&s + bad[i].offset, &bad[i].value, sizeof(u32));
		assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_INVALID_REGISTER_VALUE);
		vlapic_state_get(&vps[0], &after);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

/* Of an APIC that is off every LVT entry is masked: a timer would beat for nobody. */
static void test_switched_off(void **state)
{
	(void)state;
	page_write(0, APIC_SVR, 0xff);
	vlapic_state_get(&vps[0], &s);
	assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(s.lvt); i++) {
		s.lvt[i] &= ~(u32)APIC_LVT_MASKED;
		assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_INVALID_REGISTER_VALUE);
		s.svr |= (u32)APIC_SVR_ENABLE;
		assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_SUCCESS);
		s.svr &= ~(u32)APIC_SVR_ENABLE;
		s.lvt[i] |= (u32)APIC_LVT_MASKED;
	}
	/* And so altogether. */
	msr_set(0, MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_BSP);
	s.svr |= (u32)APIC_SVR_ENABLE;
	assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_SUCCESS);
	s.lvt[0] &= ~(u32)APIC_LVT_MASKED;
	assert_int_equal(vlapic_state_set(&vps[0], &s), HV_STATUS_INVALID_REGISTER_VALUE);
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_registers),
		TEST(test_level_in_flight),
		TEST(test_one_shot),
		TEST(test_one_shot_goes_on),
		TEST(test_just_over),
		TEST(test_periodic),
		TEST(test_deadline),
		TEST(test_deadline_register),
		TEST(test_clock_stands),
		TEST(test_x2apic),
		TEST(test_refused),
		TEST(test_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
