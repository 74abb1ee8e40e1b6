/* SPDX-License-Identifier: MIT */
/*
 * Level interrupts that a parent asserts: the TMR, each way to end one, and
 * that the parent hears of every end, in one slot that it empties when it likes.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c
 * sources: hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hv/msr.h"
#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/msr.h"

#define VECTOR 0x52u

static void level(u32 vp, u8 vector)
{
	const struct vlapic_message m = { .dest = vp, .vector = vector, .level = true };

	vlapic_send(&partition, &m);
}

static bool in_tmr(u32 vp, u8 vector)
{
	return vps[vp].vlapic.tmr[vector / 32] >> (vector % 32) & 1;
}

static void accept(u32 vp, u8 vector)
{
	assert_int_equal(vlapic_pending(&vps[vp]), vector);
	vlapic_accept(&vps[vp], vector);
}

static void told(u32 vp, u8 vector)
{
	struct hv_apic_eoi eoi = { ~0u, ~0u };

	assert_true(machine_read(&eoi));
	assert_int_equal(eoi.vp_index, vp);
	assert_int_equal(eoi.vector, vector);
}

static void told_nothing(void)
{
	struct hv_apic_eoi eoi;

	assert_false(machine_read(&eoi));
}

static void end_by_page(u32 vp)
{
	page_write(vp, APIC_EOI, 0);
}

static void end_by_synthetic(u32 vp)
{
	msr_set(vp, HV_MSR_EOI, 0);
}

static void end_by_x2apic(u32 vp)
{
	to_x2apic(vp);
	msr_set(vp, MSR_X2APIC(APIC_EOI), 0);
}

static void test_ends(void **state)
{
	void (*const ends[])(u32) = { end_by_page, end_by_synthetic, end_by_x2apic };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(ends); i++) {
		level(i, VECTOR);
		assert_true(is_pending(i, VECTOR) && in_tmr(i, VECTOR));
		accept(i, VECTOR);
		assert_true(in_tmr(i, VECTOR));
		told_nothing();
		ends[i](i);
		told(i, VECTOR);
		told_nothing();
		/* An edge at the same vector is nobody's business. */
		vlapic_interrupt(&vps[i], VECTOR, false);
		assert_false(in_tmr(i, VECTOR));
		accept(i, VECTOR);
		ends[i](i);
		told_nothing();
	}
}

/* Over as soon as it is delivered. */
static void test_auto_eoi(void **state)
{
	(void)state;
	vps[0].synic.auto_eoi = 1;
	vps[0].synic.sint[0] = VECTOR;
	level(0, VECTOR);
	told_nothing();
	accept(0, VECTOR);
	told(0, VECTOR);
	assert_int_equal(vps[0].vlapic.isr_highest, 0);
	level(0, VECTOR + 1);
	accept(0, VECTOR + 1);
	told_nothing();
	end_by_page(0);
	told(0, VECTOR + 1);
}

/* All vectors of all VPs end before the parent looks: each is told, none twice. */
static void test_many(void **state)
{
	u32 seen[MACHINE_VPS][256] = { 0 };
	struct hv_apic_eoi eoi;

	(void)state;
	for (u32 vector = 16; vector < 256; vector++) {
		level(1, (u8)vector);
		accept(1, (u8)vector);
		end_by_page(1);
	}
	/* One in the slot and one behind, which is filled anew for all others. */
	assert_int_equal(machine_posts, 2);
	while (machine_read(&eoi))
		seen[eoi.vp_index][eoi.vector]++;
	for (u32 vector = 0; vector < 256; vector++)
		assert_int_equal(seen[1][vector], vector >= 16);
	/* Once it was read it is posted anew. */
	level(1, VECTOR);
	accept(1, VECTOR);
	end_by_page(1);
	assert_int_equal(machine_posts, 3);
	told(1, VECTOR);
}

/* Asserted again while it is in service: the end of the first is told, then that of the second. */
static void test_again_in_service(void **state)
{
	(void)state;
	level(0, VECTOR);
	accept(0, VECTOR);
	end_by_page(0);
	level(0, VECTOR);
	told(0, VECTOR);
	told_nothing();
	accept(0, VECTOR);
	end_by_page(0);
	told(0, VECTOR);
	/* One is in the slot, one behind it; all others are one. */
	for (u32 i = 0; i < 9; i++) {
		level(0, VECTOR);
		accept(0, VECTOR);
		end_by_page(0);
	}
	for (u32 i = 0; i < 3; i++)
		told(0, VECTOR);
	told_nothing();
}

/* An APIC that takes nothing: the parent may try again when it does. */
static void test_disabled(void **state)
{
	(void)state;
	page_write(0, APIC_SVR, 0xff);
	level(0, VECTOR);
	assert_false(is_pending(0, VECTOR));
	told_nothing();
	page_write(0, APIC_SVR, 0x1ff);
	told(0, VECTOR);
	told_nothing();
	for (u32 i = 0; i < MACHINE_VPS; i++)
		page_write(i, APIC_SVR, 0xff);
	vlapic_send(&partition,
		&(struct vlapic_message){
			.dest = 0xff, .vector = VECTOR, .mode = APIC_DM_LOWEST, .level = true });
	told_nothing();
	for (u32 i = 0; i < MACHINE_VPS; i++)
		page_write(i, APIC_SVR, 0x1ff);
	told(0, VECTOR);
	told_nothing();
	/* What a reset drops, too; not what is still under way. */
	level(0, VECTOR);
	vlapic_reset(&vps[0]);
	assert_false(is_pending(0, VECTOR));
	told_nothing();
	page_write(0, APIC_SVR, 0x1ff);
	told(0, VECTOR);
	level(0, VECTOR);
	page_write(0, APIC_SVR, 0xff);
	page_write(0, APIC_SVR, 0x1ff);
	told_nothing();
	accept(0, VECTOR);
	end_by_page(0);
	told(0, VECTOR);
}

/* Of several that got it each ends its own. */
static void test_broadcast(void **state)
{
	(void)state;
	level(0xff, VECTOR);
	for (u32 i = 0; i < MACHINE_VPS; i++) {
		accept(i, VECTOR);
		end_by_page(i);
		told(i, VECTOR);
	}
}

#define TEST(t) cmocka_unit_test_setup(t, machine_set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends),
		TEST(test_auto_eoi),
		TEST(test_many),
		TEST(test_again_in_service),
		TEST(test_disabled),
		TEST(test_broadcast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
