/* SPDX-License-Identifier: MIT */
/*
 * The virtual APIC: priorities, errors, modes, and its registers by page and
 * by MSR against lists written apart from the implementation's table.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/msr.h"
#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/msr.h"

#define MASKED     ((u32)APIC_LVT_MASKED)
#define BASE_XAPIC (0xfee00000ull | APIC_BASE_ENABLE)

static struct vp *const vp = &vps[0];

static void test_reset(void **state)
{
	(void)state;
	vlapic_init(&vp->vlapic, 3, true);
	assert_int_equal(msr_get(0, MSR_APIC_BASE), BASE_XAPIC | APIC_BASE_BSP);
	assert_int_equal(page_read(0, APIC_ID), 3u << 24);
	assert_int_equal(page_read(0, APIC_VERSION), 0x60014);
	assert_int_equal(page_read(0, APIC_SVR), 0xff);
	assert_int_equal(page_read(0, APIC_DFR), 0xffffffff);
	assert_int_equal(page_read(0, APIC_LDR), 0);
	for (u32 reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg += 16)
		assert_int_equal(page_read(0, reg), MASKED);
	assert_int_equal(page_read(0, APIC_LVT_CMCI), MASKED);
	assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
	assert_int_equal(msr_get(1, MSR_APIC_BASE), BASE_XAPIC);
}

static void test_pending_and_accept(void **state)
{
	(void)state;
	vlapic_interrupt(vp, 0x45, false);
	assert_int_equal(machine_notified[0], 1);
	assert_true(vp->work & VP_WORK_INTERRUPT);
	vlapic_interrupt(vp, 0x45, false);
	assert_int_equal(machine_notified[0], 1);
	vlapic_interrupt(vp, 0x83, false);
	assert_int_equal(page_read(0, APIC_IRR + 0x20), 1u << 5);
	assert_int_equal(page_read(0, APIC_IRR + 0x40), 1u << 3);
	assert_int_equal(vlapic_pending(vp), 0x83);
	vlapic_accept(vp, 0x83);
	assert_int_equal(page_read(0, APIC_IRR + 0x40), 0);
	assert_int_equal(page_read(0, APIC_ISR + 0x40), 1u << 3);
	assert_int_equal(page_read(0, APIC_PPR), 0x80);
	/* A lower class waits, whatever comes; its end of interrupt lets it through. */
	assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
	assert_int_equal(vlapic_highest_irr(&vp->vlapic), 0x45);
	vp->work = 0;
	page_write(0, APIC_EOI, 0);
	assert_true(vp->work & VP_WORK_INTERRUPT);
	take(0, 0x45);
	assert_int_equal(page_read(0, APIC_PPR), 0);
	assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
}

/* Only a higher class nests, not a higher vector of the same. */
static void test_nesting(void **state)
{
	static const u8 nest[] = { 0x31, 0x4f, 0x9a, 0xff };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(nest); i++) {
		vlapic_interrupt(vp, nest[i], false);
		assert_int_equal(vlapic_pending(vp), nest[i]);
		vlapic_accept(vp, nest[i]);
		vlapic_interrupt(vp, nest[i] | 0xf, false);
		assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
		vp->vlapic.irr[nest[i] / 32] = 0;
	}
	for (u32 i = ARRAY_SIZE(nest); i-- > 0;) {
		assert_int_equal(vp->vlapic.isr_highest, nest[i]);
		vlapic_eoi(vp);
	}
	assert_int_equal(vp->vlapic.isr_highest, 0);
	vlapic_eoi(vp);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(vp->vlapic.isr[i], 0);
}

static void test_tpr(void **state)
{
	(void)state;
	vlapic_interrupt(vp, 0x51, false);
	page_write(0, APIC_TPR, 0x5e);
	assert_int_equal(machine_cr8[0], 5);
	assert_int_equal(page_read(0, APIC_TPR), 0x5e);
	assert_int_equal(page_read(0, APIC_PPR), 0x5e);
	assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
	vp->work = 0;
	page_write(0, APIC_TPR, 0x4f);
	assert_true(vp->work & VP_WORK_INTERRUPT);
	assert_int_equal(vlapic_pending(vp), 0x51);
	/* MOV to CR8 clears the low half. */
	machine_cr8[0] = 6;
	assert_int_equal(page_read(0, APIC_TPR), 0x60);
	assert_int_equal(vlapic_pending(vp), VLAPIC_NONE);
	vlapic_tpr_set(vp, 0);
	vlapic_accept(vp, 0x51);
	page_write(0, APIC_TPR, 0x42);
	assert_int_equal(page_read(0, APIC_PPR), 0x50);
	page_write(0, APIC_TPR, 0x52);
	assert_int_equal(page_read(0, APIC_PPR), 0x52);
}

static void test_level_and_edge(void **state)
{
	(void)state;
	vlapic_interrupt(vp, 0x61, true);
	assert_int_equal(page_read(0, APIC_TMR + 0x30), 2);
	take(0, 0x61);
	assert_int_equal(machine_eois[0x61], 1);
	vlapic_interrupt(vp, 0x61, false);
	assert_int_equal(page_read(0, APIC_TMR + 0x30), 0);
	/* A spurious EOI tells nobody. */
	take(0, 0x61);
	vlapic_eoi(vp);
	assert_int_equal(machine_eois[0x61], 2);
}

/* The SynIC hears of an EOI while something waits for it. */
static void test_eoi_for_messages(void **state)
{
	(void)state;
	vlapic_interrupt(vp, 0x61, false);
	take(0, 0x61);
	assert_int_equal(machine_synic_eois[0x61], 0);
	vp->synic.waiting_sints = 1;
	vlapic_interrupt(vp, 0x61, false);
	take(0, 0x61);
	assert_int_equal(machine_synic_eois[0x61], 1);
	assert_int_equal(machine_eois[0x61], 2);
}

/* What ends by itself is never in service, and keeps nobody waiting. */
static void test_auto_eoi(void **state)
{
	(void)state;
	vp->synic.auto_eoi = 1 << 3;
	vp->synic.sint[3] = 0x61;
	vlapic_interrupt(vp, 0x61, false);
	vlapic_interrupt(vp, 0x60, false);
	vlapic_accept(vp, 0x61);
	assert_int_equal(vp->vlapic.isr_highest, 0);
	assert_int_equal(vlapic_pending(vp), 0x60);
	/* Others are ended as ever. */
	vlapic_accept(vp, 0x60);
	assert_int_equal(vp->vlapic.isr_highest, 0x60);
	vlapic_eoi(vp);
	assert_int_equal(machine_eois[0x60], 1);
}

static void test_software_disable(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_ERROR, 0x40);
	vlapic_interrupt(vp, 0x50, false);
	page_write(0, APIC_SVR, 0xff);
	assert_int_equal(page_read(0, APIC_LVT_ERROR), MASKED | 0x40);
	page_write(0, APIC_LVT_ERROR, 0x41);
	assert_int_equal(page_read(0, APIC_LVT_ERROR), MASKED | 0x41);
	/* What was pending stays, nothing new comes. */
	assert_int_equal(vlapic_pending(vp), 0x50);
	vlapic_interrupt(vp, 0x60, true);
	assert_false(is_pending(0, 0x60));
	assert_int_equal(machine_eois[0x60], 0);
	/* The level that was missed is let loose again, what is pending is not. */
	page_write(0, APIC_SVR, 0x1ff);
	assert_int_equal(machine_eois[0x60], 1);
	assert_int_equal(machine_eois[0x50], 0);
	page_write(0, APIC_SVR, 0x1fe);
	assert_int_equal(machine_eois[0x60], 1);
	page_write(0, APIC_LVT_ERROR, 0x42);
	assert_int_equal(page_read(0, APIC_LVT_ERROR), 0x42);
}

static void test_errors(void **state)
{
	(void)state;
	page_write(0, APIC_LVT_ERROR, 0xe1);
	vlapic_interrupt(vp, 15, false);
	assert_int_equal(vlapic_pending(vp), 0xe1);
	assert_int_equal(page_read(0, APIC_ESR), 0);
	page_write(0, APIC_ESR, 0);
	assert_int_equal(page_read(0, APIC_ESR), APIC_ESR_RECV_ILLEGAL);
	page_write(0, APIC_ESR, 0x1234);
	assert_int_equal(page_read(0, APIC_ESR), 0);
	take(0, 0xe1);
	/* Masked: noted, not told. An illegal vector for errors is one more error. */
	page_write(0, APIC_LVT_ERROR, MASKED | 0xe1);
	page_write(0, APIC_ICR, 0x4003);
	assert_int_equal(pending_count(0), 0);
	page_write(0, APIC_LVT_ERROR, 5);
	page_write(0, APIC_ICR, 0x4003);
	assert_int_equal(pending_count(0), 0);
	page_write(0, APIC_ESR, 0);
	assert_int_equal(page_read(0, APIC_ESR), APIC_ESR_SEND_ILLEGAL | APIC_ESR_RECV_ILLEGAL);
}

/* Offsets that have a register in the page; all others are errors. */
static const u32 page_regs[] = { 0x20, 0x30, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0x100,
	0x110, 0x120, 0x130, 0x140, 0x150, 0x160, 0x170, 0x180, 0x190, 0x1a0, 0x1b0, 0x1c0, 0x1d0,
	0x1e0, 0x1f0, 0x200, 0x210, 0x220, 0x230, 0x240, 0x250, 0x260, 0x270, 0x280, 0x2f0, 0x300,
	0x310, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x390, 0x3e0 };

static bool listed(const u32 *list, size_t count, u32 what)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == what)
			return true;
	return false;
}

static void test_page_map(void **state)
{
	for (u32 reg = 0; reg < 0x1000; reg += 4) {
		bool is = listed(page_regs, ARRAY_SIZE(page_regs), reg);
		u32 v = 0xdeadbeef;

		machine_set_up(state);
		assert_int_equal(vlapic_read(vp, reg, &v), is);
		assert_true(is || v == 0);
		assert_int_equal(vp->vlapic.esr_pending, is ? 0 : APIC_ESR_ILLEGAL_REG);
		vp->vlapic.esr_pending = 0;
		assert_int_equal(vlapic_write(vp, reg, 0x4040), is);
		assert_int_equal(vp->vlapic.esr_pending, is ? 0 : APIC_ESR_ILLEGAL_REG);
	}
}

/* What is read back after all ones were written, by page. */
static void test_page_bits(void **state)
{
	static const struct {
		u32 reg, v;
	} rows[] = { { APIC_ID, 0 }, { APIC_VERSION, 0x60014 }, { APIC_TPR, 0xff },
		{ APIC_LDR, 0xff000000 }, { APIC_DFR, 0xffffffff }, { APIC_SVR, 0x3ff },
		{ APIC_ICR_HIGH, 0xff000000 }, { APIC_LVT_TIMER, 0x300ff },
		{ APIC_LVT_THERMAL, 0x107ff }, { APIC_LVT_PERF, 0x107ff },
		{ APIC_LVT_LINT0, 0x1a7ff }, { APIC_LVT_LINT1, 0x1a7ff },
		{ APIC_LVT_ERROR, 0x100ff }, { APIC_LVT_CMCI, 0x107ff },
		{ APIC_TIMER_INITIAL, ~0u }, { APIC_TIMER_DIVIDE, 0xb }, { APIC_EOI, 0 } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		machine_set_up(state);
		page_write(0, rows[i].reg, ~0u);
		assert_int_equal(page_read(0, rows[i].reg), rows[i].v);
	}
}

/* x2APIC: readable, writable, and the bits that a write may have. */
static const struct x2reg {
	u32 msr;
	bool r, w;
	u64 bits;
} x2regs[] = {
	{ 0x802, true, false, 0 },
	{ 0x803, true, false, 0 },
	{ 0x808, true, true, 0xff },
	{ 0x80a, true, false, 0 },
	{ 0x80b, false, true, 0 },
	{ 0x80d, true, false, 0 },
	{ 0x80f, true, true, 0x3ff },
	{ 0x828, true, true, 0 },
	{ 0x82f, true, true, 0x117ff },
	{ 0x830, true, true, 0xffffffff000cdfff },
	{ 0x832, true, true, 0x710ff },
	{ 0x833, true, true, 0x117ff },
	{ 0x834, true, true, 0x117ff },
	{ 0x835, true, true, 0x1f7ff },
	{ 0x836, true, true, 0x1f7ff },
	{ 0x837, true, true, 0x110ff },
	{ 0x838, true, true, 0xffffffff },
	{ 0x839, true, false, 0 },
	{ 0x83e, true, true, 0xb },
	{ 0x83f, false, true, 0xff },
};

static struct x2reg x2reg_of(u32 msr)
{
	if (msr >= 0x810 && msr < 0x828)
		return (struct x2reg){ msr, true, false, 0 };
	for (u32 i = 0; i < ARRAY_SIZE(x2regs); i++)
		if (x2regs[i].msr == msr)
			return x2regs[i];
	return (struct x2reg){ msr, false, false, 0 };
}

static void test_x2apic_map(void **state)
{
	for (u32 msr = 0x800; msr <= 0x8ff; msr++) {
		struct x2reg r = x2reg_of(msr);
		u64 v;

		machine_set_up(state);
		assert_false(vlapic_msr_read(vp, msr, &v));
		assert_false(vlapic_msr_write(vp, msr, 0));
		to_x2apic(0);
		assert_int_equal(vlapic_msr_read(vp, msr, &v), r.r);
		assert_int_equal(vlapic_msr_write(vp, msr, 0), r.w);
		for (u32 bit = 0; bit < 64; bit++)
			assert_int_equal(
				vlapic_msr_write(vp, msr, BIT(bit)), r.w && (r.bits & BIT(bit)));
	}
}

static void test_x2apic_values(void **state)
{
	u32 v;

	(void)state;
	vlapic_init(&vp->vlapic, 0x123, false);
	to_x2apic(0);
	assert_int_equal(msr_get(0, 0x802), 0x123);
	assert_int_equal(msr_get(0, 0x80d), 0x12u << 16 | 1u << 3);
	msr_set(0, 0x80f, 0x1ff);
	vlapic_interrupt(vp, 0x47, false);
	assert_int_equal(msr_get(0, 0x822), 1u << 7);
	/* The page is gone, and touching it is not this APIC's error. */
	assert_false(vlapic_read(vp, APIC_ID, &v));
	assert_false(vlapic_write(vp, APIC_TPR, 0x50));
	assert_false(vlapic_read(vp, 0x40, &v));
	assert_int_equal(vp->vlapic.esr_pending, 0);
	assert_int_equal(machine_cr8[0], 0);
	vlapic_accept(vp, 0x47);
	msr_set(0, 0x80b, 0);
	assert_int_equal(vp->vlapic.isr_highest, 0);
}

static void test_timer_modes_offered(void **state)
{
	(void)state;
	to_x2apic(0);
	msr_set(0, 0x832, 0x40030);
	assert_false(vlapic_msr_write(vp, 0x832, 0x60030));
	machine_offers &= ~(u32)BIT(24);
	assert_false(vlapic_msr_write(vp, 0x832, 0x40030));
	page_write(1, APIC_LVT_TIMER, 0x40030);
	assert_int_equal(page_read(1, APIC_LVT_TIMER), 0x30);
}

/* All changes of mode, SDM volume 3, figure 11-27. */
static void test_modes(void **state)
{
	enum { OFF, XAPIC, X2APIC, INVALID, COUNT };
	static const u64 bits[COUNT] = { 0, APIC_BASE_ENABLE, APIC_BASE_ENABLE | APIC_BASE_X2APIC,
		APIC_BASE_X2APIC };
	static const bool legal[3][COUNT] = {
		[OFF] = { true, true, false, false },
		[XAPIC] = { true, true, true, false },
		[X2APIC] = { true, false, true, false },
	};
	const u64 base = 0xfee00000ull | APIC_BASE_BSP;

	for (u32 from = OFF; from <= X2APIC; from++)
		for (u32 to = OFF; to < COUNT; to++) {
			machine_set_up(state);
			msr_set(0, MSR_APIC_BASE, base | bits[from]);
			assert_int_equal(vlapic_msr_write(vp, MSR_APIC_BASE, base | bits[to]),
				legal[from][to]);
			assert_int_equal(msr_get(0, MSR_APIC_BASE),
				base | bits[legal[from][to] ? to : from]);
		}
}

static void test_base_msr_refusals(void **state)
{
	const u64 base = BASE_XAPIC | APIC_BASE_BSP;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++)
		if (bit != 10 && bit != 11)
			assert_false(vlapic_msr_write(vp, MSR_APIC_BASE, base ^ BIT(bit)));
	machine_offers = 0;
	assert_false(vlapic_msr_write(vp, MSR_APIC_BASE, base | APIC_BASE_X2APIC));
	assert_int_equal(msr_get(0, MSR_APIC_BASE), base);
}

static void test_off_resets(void **state)
{
	u32 v;

	(void)state;
	page_write(0, APIC_LVT_TIMER, 0x20040);
	page_write(0, APIC_TIMER_INITIAL, 1000);
	page_write(0, APIC_TPR, 0x20);
	vlapic_interrupt(vp, 0x60, true);
	vlapic_accept(vp, 0x60);
	vlapic_interrupt(vp, 0x70, true);
	msr_set(0, MSR_APIC_BASE, 0xfee00000ull | APIC_BASE_BSP);
	assert_false(vp->vlapic.timer.armed);
	assert_false(vlapic_read(vp, APIC_ID, &v));
	vlapic_interrupt(vp, 0x80, false);
	assert_int_equal(pending_count(0), 0);
	msr_set(0, MSR_APIC_BASE, BASE_XAPIC | APIC_BASE_BSP);
	assert_int_equal(page_read(0, APIC_SVR), 0xff);
	assert_int_equal(page_read(0, APIC_TPR), 0);
	assert_int_equal(page_read(0, APIC_TIMER_INITIAL), 0);
	assert_int_equal(vp->vlapic.isr_highest, 0);
	/* The pins of both level interrupts open when software is back. */
	page_write(0, APIC_SVR, 0x1ff);
	assert_int_equal(machine_eois[0x60], 1);
	assert_int_equal(machine_eois[0x70], 1);
}

static void test_synthetic_msrs(void **state)
{
	u64 v;

	(void)state;
	msr_set(0, HV_MSR_TPR, 0x35);
	assert_int_equal(page_read(0, APIC_TPR), 0x35);
	assert_int_equal(msr_get(0, HV_MSR_TPR), 0x35);
	assert_false(vlapic_msr_write(vp, HV_MSR_TPR, 0x100));
	msr_set(0, HV_MSR_TPR, 0);
	vlapic_interrupt(vp, 0x61, false);
	vlapic_accept(vp, 0x61);
	msr_set(0, HV_MSR_EOI, 0);
	assert_int_equal(vp->vlapic.isr_highest, 0);
	assert_false(vlapic_msr_read(vp, HV_MSR_EOI, &v));
	msr_set(0, HV_MSR_ICR, 2ull << 56 | 0x4052);
	assert_true(is_pending(2, 0x52));
	assert_int_equal(msr_get(0, HV_MSR_ICR), 2ull << 56 | 0x4052);
	assert_int_equal(page_read(0, APIC_ICR), 0x4052);
	assert_int_equal(page_read(0, APIC_ICR_HIGH), 2u << 24);
	assert_false(vlapic_msr_read(vp, 0x40000074, &v));
	assert_false(vlapic_msr_write(vp, 0x40000074, 0));
}

#define TEST(t) cmocka_unit_test_setup(t, machine_set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reset),
		TEST(test_pending_and_accept),
		TEST(test_nesting),
		TEST(test_tpr),
		TEST(test_level_and_edge),
		TEST(test_eoi_for_messages),
		TEST(test_auto_eoi),
		TEST(test_software_disable),
		TEST(test_errors),
		TEST(test_page_map),
		TEST(test_page_bits),
		TEST(test_x2apic_map),
		TEST(test_x2apic_values),
		TEST(test_timer_modes_offered),
		TEST(test_modes),
		TEST(test_base_msr_refusals),
		TEST(test_off_resets),
		TEST(test_synthetic_msrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
