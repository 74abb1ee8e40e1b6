/* SPDX-License-Identifier: MIT */
/*
 * Interrupt commands between four virtual APICs: who gets what.
 * sources: hypervisor/vlapic.c hypervisor/vlapic_regs.c hypervisor/vlapic_icr.c hypervisor/vlapic_level.c hypervisor/vlapic_timer.c hypervisor/reference_time.c hypervisor/timer.c tests/unit/fake/fake.c tests/unit/vlapic_machine.c
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
#define INIT    (APIC_DM_INIT << 8)
#define STARTUP (APIC_DM_STARTUP << 8)
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

/* SMI, what is reserved, and ExtINT, which no VP is the source of. */
static void test_what_is_ignored(void **state)
{
	static const u32 modes[] = { APIC_DM_SMI, 3, APIC_DM_EXTINT };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		machine_logs = 0;
		assert_int_equal(send(0, 1, modes[i] << 8 | ASSERT | 8), 0);
		assert_int_equal(nmis(), 0);
		assert_int_equal(machine_logs, 1);
	}
	assert_int_equal(vps[1].vlapic.extint, 0);
}

static u32 started(u32 *counts)
{
	u32 set = 0;

	for (u32 i = 0; i < MACHINE_VPS; i++) {
		assert_in_range(counts[i], 0, 1);
		set |= counts[i] << i;
		counts[i] = 0;
	}
	return set;
}

/* As any other message, but that software need not have enabled the APIC. */
static void test_init_and_sipi(void **state)
{
	(void)state;
	partition.parent = &partition;
	page_write(2, APIC_SVR, 0xff);
	assert_int_equal(send(0, 2, INIT | ASSERT), 0);
	assert_int_equal(started(machine_inits), 4);
	assert_int_equal(send(1, 1, INIT | ASSERT), 0);
	assert_int_equal(started(machine_inits), 2);
	assert_int_equal(send(1, 0, INIT | OTHERS | ASSERT), 0);
	assert_int_equal(started(machine_inits), 0xd);
	assert_int_equal(send(1, 0, INIT | ALL | ASSERT), 0);
	assert_int_equal(started(machine_inits), 0xf);
	assert_int_equal(started(machine_sipis), 0);
	assert_int_equal(send(0, 2, STARTUP | ASSERT | 0x9a), 0);
	assert_int_equal(started(machine_sipis), 4);
	assert_int_equal(machine_sipi_vector, 0x9a);
	assert_int_equal(send(0, 0xff, STARTUP | ASSERT | 8), 0);
	assert_int_equal(started(machine_sipis), 0xf);
	/* De-assertion of INIT; and a processor without an APIC hears nothing. */
	assert_int_equal(send(0, 2, INIT | (u32)APIC_ICR_LEVEL), 0);
	assert_int_equal(started(machine_inits), 0);
	msr_set(2, MSR_APIC_BASE, 0xfee00000);
	assert_int_equal(send(0, 2, INIT | ASSERT), 0);
	assert_int_equal(send(0, 2, STARTUP | ASSERT | 8), 0);
	assert_int_equal(started(machine_inits) | started(machine_sipis), 0);
	assert_int_equal(machine_logs, 0);
}

/* The root's first VP is not started again. */
static void test_root_init(void **state)
{
	(void)state;
	assert_int_equal(send(1, 0, INIT | ASSERT), 0);
	assert_int_equal(started(machine_inits), 0);
	assert_int_equal(machine_logs, 1);
	assert_int_equal(send(0, 1, INIT | ASSERT), 0);
	assert_int_equal(started(machine_inits), 2);
}

static u32 reached_by(struct vlapic_message m)
{
	vlapic_send(&partition, &m);
	return reached();
}

#define MESSAGE(...)                          \
	(struct vlapic_message)               \
	{                                     \
		.vector = VECTOR, __VA_ARGS__ \
	}

/* What comes from outside has no sender's mode: each receiver's own decides. */
static void test_messages(void **state)
{
	(void)state;
	for (u32 i = 0; i < MACHINE_VPS; i++)
		page_write(i, APIC_LDR, 1u << (24 + i));
	to_x2apic(3);
	for (u32 i = 0; i < MACHINE_VPS; i++)
		assert_int_equal(reached_by(MESSAGE(.dest = i)), 1u << i);
	assert_int_equal(reached_by(MESSAGE(.dest = 4)), 0);
	assert_int_equal(reached_by(MESSAGE(.dest = 0x100)), 0);
	assert_int_equal(reached_by(MESSAGE(.dest = 0xff)), 0x7);
	assert_int_equal(reached_by(MESSAGE(.dest = ~0u)), 0xf);
	assert_int_equal(reached_by(MESSAGE(.dest = 0x6, .logical = true)), 0x6);
	assert_int_equal(reached_by(MESSAGE(.dest = 0xe, .logical = true)), 0xe);
	assert_int_equal(reached_by(MESSAGE(.dest = 0x106, .logical = true)), 0);
	assert_int_equal(reached_by(MESSAGE(.dest = 0xff, .logical = true)), 0xf);
	vlapic_send(&partition, &MESSAGE(.dest = 2, .mode = APIC_DM_NMI));
	assert_int_equal(nmis(), 4);
	vlapic_send(&partition, &MESSAGE(.dest = 2, .mode = APIC_DM_LOWEST));
	assert_int_equal(reached(), 4);
}

static bool extint(u32 vp, u8 *vector)
{
	assert_int_equal(vlapic_has_extint(&vps[vp].vlapic), vps[vp].vlapic.extint != 0);
	return vlapic_extint_take(&vps[vp].vlapic, vector);
}

static void test_extint(void **state)
{
	u8 vector;

	(void)state;
	vlapic_send(&partition, &MESSAGE(.dest = 1, .mode = APIC_DM_EXTINT));
	assert_int_equal(reached(), 0);
	assert_true(vps[1].work & VP_WORK_INTERRUPT);
	assert_true(extint(1, &vector));
	assert_int_equal(vector, VECTOR);
	assert_false(extint(1, &vector));
	/* Vector 0 is one; the last counts; withdrawn it is gone. */
	vlapic_extint(&vps[1], VECTOR);
	vlapic_extint(&vps[1], 0);
	assert_true(extint(1, &vector));
	assert_int_equal(vector, 0);
	vlapic_extint(&vps[1], VECTOR);
	vlapic_extint_clear(&vps[1].vlapic);
	assert_false(extint(1, &vector));
}

/* What becomes of the pins is said by their LVTs. */
static void test_pins(void **state)
{
	const struct vlapic_message pin[2] = { MESSAGE(.dest = 1, .mode = VLAPIC_DM_LINT0),
		MESSAGE(.dest = 1, .mode = VLAPIC_DM_LINT1) };
	const u32 lvt[2] = { APIC_LVT_LINT0, APIC_LVT_LINT1 };
	u8 vector;

	(void)state;
	partition.parent = &partition;
	for (u32 i = 0; i < 2; i++) {
		page_write(1, lvt[i], NMI | (u32)APIC_LVT_MASKED);
		vlapic_send(&partition, &pin[i]);
		assert_int_equal(nmis(), 0);
		page_write(1, lvt[i], NMI);
		vlapic_send(&partition, &pin[i]);
		assert_int_equal(nmis(), 2);
		page_write(1, lvt[i], APIC_DM_EXTINT << 8 | 0x99);
		vlapic_send(&partition, &pin[i]);
		assert_true(extint(1, &vector));
		assert_int_equal(vector, VECTOR);
		page_write(1, lvt[i], 0x61);
		vlapic_send(&partition, &pin[i]);
		assert_true(is_pending(1, 0x61));
		assert_int_equal(pending_count(1), 1);
		take(1, 0x61);
		page_write(1, lvt[i], INIT);
		vlapic_send(&partition, &pin[i]);
		assert_int_equal(started(machine_inits), 2);
		/* Disabled by software, all LVTs are masked. */
		page_write(1, lvt[i], NMI);
	}
	page_write(1, APIC_SVR, 0xff);
	vlapic_send(&partition, &pin[0]);
	vlapic_send(&partition, &pin[1]);
	assert_int_equal(nmis(), 0);
	/* Without an APIC they are the processor's own. */
	msr_set(1, MSR_APIC_BASE, 0xfee00000);
	vlapic_send(&partition, &pin[1]);
	assert_int_equal(nmis(), 2);
	vlapic_send(&partition, &pin[0]);
	assert_true(extint(1, &vector));
	assert_int_equal(vector, VECTOR);
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
		TEST(test_init_and_sipi),
		TEST(test_root_init),
		TEST(test_messages),
		TEST(test_extint),
		TEST(test_pins),
		TEST(test_illegal_vectors),
		TEST(test_off),
		TEST(test_while_vps_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
