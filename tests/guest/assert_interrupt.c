/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that a parent asserts at its child's VPs: every kind of them, how
 * their ends come back, and what is refused; and the child's own APICs in
 * x2APIC mode.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "hv/interrupt.h"
#include "hv/msr.h"
#include "lib/string.h"
#include "tests/guest/lib/child_smp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define SECOND    1000000u
#define VECTOR    0x60u /* and the two behind it */
#define EXTINT    0x30u
#define LEVEL     HV_ASSERT_LEVEL
#define LOGICAL   HV_ASSERT_LOGICAL
#define EVERYBODY 0xffffffffull

static volatile u64 *interrupts(u32 vp)
{
	return vp ? &smp_records[vp].interrupts : &smp_boss->interrupts;
}

static volatile u64 *nmis(u32 vp)
{
	return vp ? &smp_records[vp].nmis : &smp_boss->nmis;
}

static volatile u64 *extints(u32 vp)
{
	return vp ? &smp_records[vp].extints : &smp_boss->extints;
}

/* Asserts, and waits until *@count is one more; false also if it was more than one. */
static bool comes(volatile u64 *count, u64 control, u64 to, u32 vector)
{
	u64 before = *count;

	return smp_assert(control, to, vector) == HV_STATUS_SUCCESS &&
	       guest_sleep_while(count, before, SECOND) && *count == before + 1;
}

static bool comes_not(volatile u64 *count, u64 control, u64 to, u32 vector)
{
	u64 before = *count;

	if (smp_assert(control, to, vector) != HV_STATUS_SUCCESS)
		return false;
	guest_sleep_us(2000);
	return *count == before;
}

/* The end of a level interrupt. */
static bool told(u32 vp, u32 vector)
{
	const struct hv_apic_eoi *eoi = (const void *)probe.m.payload;

	guest_message_wait(&probe.m);
	return probe.m.header.type == HV_MESSAGE_APIC_EOI && probe.m.header.size == 8 &&
	       probe.m.header.sender == probe.id && eoi->vp_index == vp && eoi->vector == vector;
}

static bool told_nothing(void)
{
	return !guest_message_poll(&probe.m);
}

/* To each VP of three once; whoever looks at one alone afterwards finds no other's late. */
static bool comes_to_everybody(void)
{
	u64 before[3];
	bool all = true;

	for (u32 i = 0; i < 3; i++)
		before[i] = *interrupts(i);
	if (smp_assert(HV_ASSERT_FIXED, EVERYBODY, VECTOR) != HV_STATUS_SUCCESS)
		return false;
	for (u32 i = 0; i < 3; i++)
		all &= guest_sleep_while(interrupts(i), before[i], SECOND) &&
		       *interrupts(i) == before[i] + 1;
	return all;
}

static void test_edges(void)
{
	guest_check(comes(interrupts(0), HV_ASSERT_FIXED, 0, VECTOR), "fixed-page");
	guest_check(comes(interrupts(1), HV_ASSERT_FIXED, 1, VECTOR), "fixed-x2apic");
	guest_check(comes(interrupts(2), HV_ASSERT_FIXED | LOGICAL, 1u << 2, VECTOR), "logical");
	guest_check(comes(interrupts(1), HV_ASSERT_LOWEST_PRIORITY, 1, VECTOR), "lowest");
	guest_check(comes_to_everybody(), "everybody");
	guest_check(comes_not(interrupts(1), HV_ASSERT_FIXED, 0xff, VECTOR), "xapic-broadcast");
	guest_check(comes_not(interrupts(1), HV_ASSERT_FIXED, 17, VECTOR), "nobody");
	guest_check(comes(nmis(0), HV_ASSERT_NMI, 0, 0), "nmi-page");
	guest_check(comes(nmis(1), HV_ASSERT_NMI, 1, 0), "nmi-x2apic");
	guest_check(told_nothing(), "edges-silent");
}

static void test_levels(void)
{
	u64 before;
	u32 seen = 0;

	guest_check(comes(interrupts(1), LEVEL, 1, VECTOR) && told(1, VECTOR), "level-x2apic");
	smp_records[2].eoi_msr = HV_MSR_EOI;
	guest_check(comes(interrupts(2), LEVEL, 2, VECTOR) && told(2, VECTOR), "level-synthetic");
	guest_check(comes(interrupts(0), LEVEL, 0, VECTOR) && told(0, VECTOR), "level-page");
	guest_check(comes(interrupts(1), LEVEL | HV_ASSERT_LOWEST_PRIORITY, 1, VECTOR + 1) &&
			    told(1, VECTOR + 1),
		"level-lowest");
	guest_check(told_nothing(), "level-once");
	/* More than the slot holds, of two VPs, before anybody reads. */
	before = *interrupts(1);
	for (u32 i = 0; i < 3; i++)
		guest_check(comes(interrupts(0), LEVEL, 0, VECTOR + i) &&
				    comes(interrupts(1), LEVEL, 1, VECTOR + i),
			"level-unread");
	guest_check(*interrupts(1) == before + 3, "level-unread-all");
	for (u32 i = 0; i < 6; i++) {
		const struct hv_apic_eoi *eoi = (const void *)probe.m.payload;

		guest_message_wait(&probe.m);
		if (probe.m.header.type == HV_MESSAGE_APIC_EOI)
			seen |= 1u << (eoi->vp_index * 4 + eoi->vector - VECTOR);
	}
	guest_check(seen == 0x77 && told_nothing(), "level-none-lost", "%x", seen);
	/* The line stays up: it is asserted again at each end. */
	before = *interrupts(1);
	for (u32 i = 0; i < 20; i++)
		if (smp_assert(LEVEL, 1, VECTOR) != 0 || !told(1, VECTOR))
			guest_fail("level-line", "%u", i);
	guest_check(*interrupts(1) == before + 20, "level-line", "%lu", *interrupts(1) - before);
}

/* At a vector of a SINT that ends by itself, the end is its delivery. */
static void test_auto_eoi(void)
{
	child_suspend(probe.id, 0);
	child_register_set(probe.id, 0, HV_REGISTER_SINT0 + 5, VECTOR | HV_SINT_AUTO_EOI);
	child_release(probe.id, 0);
	guest_check(comes(interrupts(0), LEVEL, 0, VECTOR) && told(0, VECTOR) && told_nothing(),
		"auto-eoi");
	child_suspend(probe.id, 0);
	child_register_set(probe.id, 0, HV_REGISTER_SINT0 + 5, HV_SINT_MASKED);
	child_release(probe.id, 0);
}

static u64 clear(void)
{
	const struct hv_partition_input in = { probe.id };

	return guest_hypercall_block(HV_CALL_CLEAR_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

static void test_extint(void)
{
	u64 before;

	guest_check(comes(extints(0), HV_ASSERT_EXTINT, 0, EXTINT), "extint");
	guest_check(comes(extints(1), HV_ASSERT_EXTINT, 1, EXTINT), "extint-halted");
	/* No TPR holds it back, and it has no end: the next one comes. */
	smp_order(SMP_BOSS_MSR, HV_MSR_TPR, 0xff);
	before = *interrupts(0);
	guest_check(comes_not(interrupts(0), HV_ASSERT_FIXED, 0, VECTOR), "tpr");
	guest_check(comes(extints(0), HV_ASSERT_EXTINT, 0, EXTINT) &&
			    comes(extints(0), HV_ASSERT_EXTINT, 0, EXTINT),
		"extint-tpr");
	smp_order(SMP_BOSS_MSR, HV_MSR_TPR, 0);
	guest_check(guest_sleep_while(interrupts(0), before, SECOND), "tpr-down");
}

/* Where interrupts are off it waits, and may be withdrawn. */
static void test_extint_masked(void)
{
	smp_send(3, SMP_INIT);
	smp_records[3].act = SMP_MASKED;
	smp_send(3, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_counts(3) && comes_not(extints(3), HV_ASSERT_EXTINT, 3, EXTINT),
		"extint-masked");
	guest_check(clear() == HV_STATUS_SUCCESS, "extint-clear");
	child_suspend(probe.id, 3);
	child_register_set(probe.id, 3, HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	child_release(probe.id, 3);
	guest_check(smp_counts(3), "extint-unmasked");
	guest_sleep_us(2000);
	guest_check(*extints(3) == 0, "extint-withdrawn");
	/* And one that is not comes when they are on. */
	child_suspend(probe.id, 3);
	child_register_set(probe.id, 3, HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED);
	child_release(probe.id, 3);
	guest_check(comes_not(extints(3), HV_ASSERT_EXTINT, 3, EXTINT), "extint-masked-again");
	child_suspend(probe.id, 3);
	child_register_set(probe.id, 3, HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	child_release(probe.id, 3);
	guest_check(guest_sleep_while(extints(3), 0, SECOND) && *extints(3) == 1, "extint-waited");
}

/* VP 0 in the other mode. */
static void test_x2apic(void)
{
	u64 base = APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_BSP | APIC_BASE_X2APIC;
	u64 before;

	smp_boss->eoi_msr = MSR_X2APIC(APIC_EOI);
	smp_order(SMP_BOSS_MSR, MSR_APIC_BASE, base);
	smp_order(SMP_BOSS_READ, MSR_APIC_BASE, 0);
	guest_check(smp_boss->value == base, "x2apic", "%lx", smp_boss->value);
	smp_order(SMP_BOSS_READ, MSR_X2APIC(APIC_LDR), 0);
	guest_check(smp_boss->value == 1, "x2apic-ldr", "%lx", smp_boss->value);
	guest_check(comes(interrupts(0), LEVEL, 0, VECTOR) && told(0, VECTOR), "x2apic-level");
	guest_check(comes_not(interrupts(0), HV_ASSERT_FIXED, 0xff, VECTOR), "x2apic-broadcast");
	before = *interrupts(0);
	smp_order(SMP_BOSS_MSR, MSR_X2APIC(APIC_SELF_IPI), VECTOR);
	guest_check(
		guest_sleep_while(interrupts(0), before, SECOND) && *interrupts(0) == before + 1,
		"self-ipi");
	before = *interrupts(2);
	smp_order(SMP_BOSS_MSR, MSR_X2APIC(APIC_ICR), 4ull << 32 | 0x4800 | VECTOR);
	guest_check(guest_sleep_while(interrupts(2), before, SECOND), "x2apic-icr");
}

/* The pins, which are masked until the guest says what they are for. */
static void test_pins(void)
{
	guest_check(comes_not(nmis(0), HV_ASSERT_LOCAL_1, 0, 0), "lint1-masked");
	guest_check(comes_not(extints(0), HV_ASSERT_LOCAL_0, 0, EXTINT), "lint0-masked");
	smp_order(SMP_BOSS_MSR, MSR_X2APIC(APIC_LVT_LINT0), APIC_DM_EXTINT << 8);
	smp_order(SMP_BOSS_MSR, MSR_X2APIC(APIC_LVT_LINT1), APIC_DM_NMI << 8);
	guest_check(comes(nmis(0), HV_ASSERT_LOCAL_1, 0, 0), "lint1-nmi");
	guest_check(comes(extints(0), HV_ASSERT_LOCAL_0, 0, EXTINT), "lint0-extint");
	smp_order(SMP_BOSS_MSR, MSR_X2APIC(APIC_LVT_LINT0), VECTOR);
	guest_check(comes(interrupts(0), HV_ASSERT_LOCAL_0, 0, EXTINT), "lint0-fixed");
}

/* As many IPIs as it can; the last is as good as the first. */
static void test_storm(void)
{
	u64 before = *interrupts(1);

	smp_order(SMP_BOSS_MSR, MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_BSP);
	smp_order(
		SMP_BOSS_MSR, MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE);
	smp_order(SMP_BOSS_STORM, 3000, SMP_ICR_ASSERT | VECTOR);
	guest_check(guest_sleep_while(interrupts(1), before, SECOND), "ipi-storm");
	guest_sleep_us(2000);
	guest_check(comes(interrupts(1), LEVEL, 1, VECTOR) && told(1, VECTOR), "after-storm");
}

static u64 raw(u64 id, u64 control, u64 to, u32 vector, u8 vtl, u8 reserved)
{
	const struct hv_assert_interrupt_input in = { .partition_id = id,
		.control = control,
		.destination = to,
		.vector = vector,
		.target_vtl = vtl,
		.reserved = { 0, 0, reserved } };

	return guest_hypercall_block(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

static void test_refused(void)
{
	static const struct {
		u64 control, to;
		u32 vector;
		u8 vtl, reserved;
	} bad[] = { { HV_ASSERT_FIXED, 0, 15, 0, 0 }, { HV_ASSERT_FIXED, 0, 256, 0, 0 },
		{ HV_ASSERT_LOWEST_PRIORITY, 0, 0, 0, 0 }, { HV_ASSERT_SMI, 0, VECTOR, 0, 0 },
		{ HV_ASSERT_REMOTE_READ, 0, VECTOR, 0, 0 }, { 10, 0, VECTOR, 0, 0 },
		{ 0xffffffff, 0, VECTOR, 0, 0 }, { HV_ASSERT_EXTINT, 0, 256, 0, 0 },
		{ HV_ASSERT_SIPI, 0, 256, 0, 0 }, { BIT(34), 0, VECTOR, 0, 0 },
		{ BIT(63), 0, VECTOR, 0, 0 }, { 0, BIT(32), VECTOR, 0, 0 }, { 0, 0, VECTOR, 1, 0 },
		{ 0, 0, VECTOR, 0, 1 } };

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		u64 result = raw(probe.id, bad[i].control, bad[i].to, bad[i].vector, bad[i].vtl,
			bad[i].reserved);

		guest_check(result == HV_STATUS_INVALID_PARAMETER, "refused", "%u: %lx", i, result);
	}
	guest_check(raw(probe.id + 77, 0, 0, VECTOR, 0, 0) == HV_STATUS_INVALID_PARTITION_ID,
		"no-partition");
	guest_check(raw(HV_PARTITION_ID_ROOT, 0, 0, VECTOR, 0, 0) == HV_STATUS_ACCESS_DENIED,
		"own-partition");
}

void guest_main(void)
{
	guest_messages_init();
	smp_begin();
	for (u32 i = 0; i < 3; i++)
		smp_gate((u8)(VECTOR + i), false);
	smp_gate(EXTINT, true);
	for (u32 i = 1; i < SMP_VPS; i++) {
		smp_records[i].act = SMP_HALT;
		(void)smp_assert(HV_ASSERT_SIPI, i, SMP_PAGE_1);
		guest_check(smp_starts_are(i, 1), "started");
	}
	test_refused();
	test_edges();
	test_levels();
	test_auto_eoi();
	test_extint();
	/* Bochs' AMD-V would not come back from a guest with interrupts off. */
	if (guest_is_qemu() || guest_is_vmx())
		test_extint_masked();
	test_x2apic();
	test_pins();
	test_storm();
	guest_check(told_nothing(), "silent");
	child_end(probe.id);
	guest_check(clear() == HV_STATUS_INVALID_PARTITION_ID, "clear-no-partition");
}
