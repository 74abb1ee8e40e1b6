/* SPDX-License-Identifier: MIT */
/*
 * Interrupt commands between four virtual APICs: who gets what.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_timer.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
 * cflags: -Itests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

#include "vlapic_machine.h"
#include "x86/apic.h"
#include "x86/atomic.h"
#include "x86/msr.h"

#define ASSERT  0x4000u
#define LOGICAL 0x0800u
#define LOWEST  (APIC_DM_LOWEST << 8)
#define NMI     (APIC_DM_NMI << 8)
#define SELF    (1u << 18)
#define ALL     (2u << 18)
#define OTHERS  (3u << 18)
#define VECTOR  0x52u

/* Sends by page and gives the set of VPs that got VECTOR; forgets it. */
static u32 reached(void)
{
	u32 set = 0;

	for (u32 i = 0; i < MACHINE_VPS; i++) {
		set |= (u32)is_pending(i, VECTOR) << i;
		assert_int_equal(pending_count(i), is_pending(i, VECTOR));
		vps[i].vlapic.irr[VECTOR / 32] = 0;
	}
	return set;
}

static u32 nmis(void)
{
	u32 set = 0;

	for (u32 i = 0; i < MACHINE_VPS; i++) {
		set |= (u32) !!(vps[i].work & VP_WORK_NMI) << i;
		vps[i].work = 0;
	}
	return set;
}

static u32 send(u32 from, u32 dest, u32 low)
{
	page_write(from, APIC_ICR_HIGH, dest << 24);
	page_write(from, APIC_ICR, low);
	assert_int_equal(page_read(from, APIC_ICR), low & ~(u32)APIC_ICR_PENDING);
	return reached();
}

static u32 send_x2(u32 from, u32 dest, u32 low)
{
	msr_set(from, MSR_X2APIC(APIC_ICR), (u64)dest << 32 | low);
	assert_int_equal(msr_get(from, MSR_X2APIC(APIC_ICR)), (u64)dest << 32 | low);
	return reached();
}

static void test_physical(void **state)
{
	(void)state;
	for (u32 from = 0; from < MACHINE_VPS; from++)
		for (u32 to = 0; to < MACHINE_VPS; to++)
			assert_int_equal(send(from, to, ASSERT | VECTOR), 1u << to);
	assert_int_equal(send(1, 9, ASSERT | VECTOR), 0);
	assert_int_equal(send(1, 0xff, ASSERT | VECTOR), 0xf);
	/* Delivery status is not software's. */
	assert_int_equal(send(1, 2, 0x1000 | ASSERT | VECTOR), 1u << 2);
}

/* APIC ids that are not the indices. */
static void test_physical_by_id(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VPS; i++)
		vps[i].vlapic.id = 3 - i;
	assert_int_equal(send(0, 3, ASSERT | VECTOR), 1u << 0);
	vps[2].vlapic.id = 0x80;
	assert_int_equal(send(0, 0x80, ASSERT | VECTOR), 1u << 2);
	assert_int_equal(send(0, 1, ASSERT | VECTOR), 0);
}

static void test_shorthands(void **state)
{
	(void)state;
	for (u32 from = 0; from < MACHINE_VPS; from++) {
		u32 me = 1u << from;

		/* The destination field means nothing. */
		assert_int_equal(send(from, 2, SELF | ASSERT | VECTOR), me);
		assert_int_equal(send(from, 2, ALL | ASSERT | VECTOR), 0xf);
		assert_int_equal(send(from, 2, OTHERS | ASSERT | VECTOR), 0xf & ~me);
	}
}

static void test_logical_flat(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VPS; i++)
		page_write(i, APIC_LDR, 1u << (24 + i));
	for (u32 mask = 0; mask < 0x100; mask++)
		assert_int_equal(send(3, mask, LOGICAL | ASSERT | VECTOR), mask & 0xf);
}

/* Two clusters of two. */
static void test_logical_cluster(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VPS; i++) {
		page_write(i, APIC_DFR, 0x0fffffff);
		page_write(i, APIC_LDR, (i / 2) << 28 | 1u << (24 + i % 2));
	}
	assert_int_equal(send(0, 0x01, LOGICAL | ASSERT | VECTOR), 1);
	assert_int_equal(send(0, 0x03, LOGICAL | ASSERT | VECTOR), 3);
	assert_int_equal(send(0, 0x12, LOGICAL | ASSERT | VECTOR), 8);
	assert_int_equal(send(0, 0x1f, LOGICAL | ASSERT | VECTOR), 0xc);
	assert_int_equal(send(0, 0x2f, LOGICAL | ASSERT | VECTOR), 0);
	assert_int_equal(send(0, 0xff, LOGICAL | ASSERT | VECTOR), 0xf);
}

static void test_x2apic(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VPS; i++) {
		to_x2apic(i);
		assert_int_equal(send_x2(i, i ^ 1, ASSERT | VECTOR), 1u << (i ^ 1));
	}
	assert_int_equal(send_x2(2, 0xff, ASSERT | VECTOR), 0);
	assert_int_equal(send_x2(2, ~0u, ASSERT | VECTOR), 0xf);
	assert_int_equal(send_x2(2, ~0u, LOGICAL | ASSERT | VECTOR), 0xf);
	assert_int_equal(send_x2(2, 0x0006, LOGICAL | ASSERT | VECTOR), 6);
	assert_int_equal(send_x2(2, 0x10006, LOGICAL | ASSERT | VECTOR), 0);
	assert_int_equal(send_x2(2, 0, OTHERS | ASSERT | VECTOR), 0xb);
}

static void test_self_ipi(void **state)
{
	u64 icr;

	(void)state;
	to_x2apic(1);
	icr = msr_get(1, MSR_X2APIC(APIC_ICR));
	msr_set(1, MSR_X2APIC(APIC_SELF_IPI), VECTOR);
	assert_int_equal(reached(), 2);
	assert_int_equal(msr_get(1, MSR_X2APIC(APIC_ICR)), icr);
	msr_set(1, MSR_X2APIC(APIC_SELF_IPI), 7);
	assert_int_equal(reached(), 0);
	assert_int_equal(vps[1].vlapic.esr_pending, APIC_ESR_SEND_ILLEGAL);
}

/* One that takes interrupts, and not always the same. */
static void test_lowest_priority(void **state)
{
	u32 seen = 0;

	(void)state;
	page_write(1, APIC_SVR, 0xff);
	for (u32 vector = 0x40; vector < 0x60; vector++) {
		u32 count = 0;

		page_write(0, APIC_ICR_HIGH, 0xff000000);
		page_write(0, APIC_ICR, LOWEST | ASSERT | vector);
		for (u32 i = 0; i < MACHINE_VPS; i++)
			if (is_pending(i, (u8)vector)) {
				count++;
				seen |= 1u << i;
			}
		assert_int_equal(count, 1);
	}
	assert_int_equal(seen, 0xd);
	for (u32 i = 0; i < MACHINE_VPS; i++)
		page_write(i, APIC_SVR, 0xff);
	assert_true(vlapic_icr_write(&vps[0], 0xffull << 56 | LOWEST | ASSERT | 0x70));
	for (u32 i = 0; i < MACHINE_VPS; i++)
		assert_false(is_pending(i, 0x70));
}

static void test_nmi(void **state)
{
	(void)state;
	page_write(2, APIC_SVR, 0xff); /* does not keep NMIs away */
	assert_int_equal(send(0, 2, NMI | ASSERT), 0);
	assert_int_equal(nmis(), 4);
	assert_int_equal(send(0, 0, OTHERS | NMI | ASSERT), 0);
	assert_int_equal(nmis(), 0xe);
	msr_set(2, MSR_APIC_BASE, 0xfee00000);
	assert_int_equal(send(0, 0, OTHERS | NMI | ASSERT), 0);
	assert_int_equal(nmis(), 0xa);
}

/* The root's INIT and SIPI start nobody; SMI, and what is reserved, neither. */
static void test_what_is_ignored(void **state)
{
	static const u32 modes[] = { APIC_DM_SMI, 3, APIC_DM_INIT, APIC_DM_STARTUP,
		APIC_DM_EXTINT };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		machine_logs = 0;
		assert_int_equal(send(0, 1, modes[i] << 8 | ASSERT | 8), 0);
		assert_int_equal(nmis(), 0);
		assert_int_equal(machine_logs, 1);
	}
	machine_logs = 0;
	assert_int_equal(send(0, 1, APIC_DM_INIT << 8 | (u32)APIC_ICR_LEVEL), 0);
	assert_int_equal(machine_logs, 0);
}

static void test_illegal_vectors(void **state)
{
	(void)state;
	for (u32 vector = 0; vector < 16; vector++) {
		vps[0].vlapic.esr_pending = 0;
		assert_int_equal(send(0, 1, ASSERT | vector), 0);
		assert_int_equal(vps[0].vlapic.esr_pending, APIC_ESR_SEND_ILLEGAL);
		assert_int_equal(vps[1].vlapic.esr_pending, 0);
	}
}

/* An APIC that is off sends nothing and takes nothing. */
static void test_off(void **state)
{
	(void)state;
	msr_set(1, MSR_APIC_BASE, 0xfee00000);
	assert_true(vlapic_icr_write(&vps[1], 2ull << 56 | ASSERT | VECTOR));
	assert_int_equal(reached(), 0);
	assert_int_equal(send(0, 0xff, ASSERT | VECTOR), 0xd);
	page_write(2, APIC_SVR, 0xff);
	assert_int_equal(send(0, 0xff, ASSERT | VECTOR), 0x9);
	/* Software-disabled, it still sends. */
	assert_int_equal(send(2, 3, ASSERT | VECTOR), 0x8);
}

#define TEST(t) cmocka_unit_test_setup(t, machine_set_up)

static bool stop_toggling;

/* A parent that makes and deletes VP 2 over and over. */
static void *toggle(void *arg)
{
	while (!load_relaxed(&stop_toggling)) {
		store_release(&partition.vps[2], NULL);
		store_release(&partition.vps[2], arg);
	}
	return NULL;
}

/* Each command sees it whole or not at all. */
static void test_while_vps_come_and_go(void **state)
{
	const u64 everybody = 0xffull << 56 | ASSERT | VECTOR;
	pthread_t thread;

	(void)state;
	stop_toggling = false;
	assert_int_equal(pthread_create(&thread, NULL, toggle, &vps[2]), 0);
	for (u32 i = 0; i < 500000; i++) {
		assert_true(vlapic_icr_write(&vps[0], everybody));
		assert_true(vlapic_icr_write(&vps[0], everybody | LOGICAL | LOWEST));
		assert_true(vlapic_icr_write(&vps[0], 2ull << 56 | ASSERT | VECTOR));
	}
	store_relaxed(&stop_toggling, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reached() & 0xb, 0xb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_physical),
		TEST(test_physical_by_id),
		TEST(test_shorthands),
		TEST(test_logical_flat),
		TEST(test_logical_cluster),
		TEST(test_x2apic),
		TEST(test_self_ipi),
		TEST(test_lowest_priority),
		TEST(test_nmi),
		TEST(test_what_is_ignored),
		TEST(test_illegal_vectors),
		TEST(test_off),
		TEST(test_while_vps_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
