/* SPDX-License-Identifier: MIT */
/*
 * Processors of a child that start each other by INIT and SIPI from and in
 * real mode, as a PC's do, and the state in which they come up; and that no
 * storm of those disturbs whoever suspends, looks at or ends them.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/interrupt.h"
#include "lib/string.h"
#include "tests/guest/lib/child_smp.h"
#include "tests/guest/lib/message.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define SECOND  1000000u
#define VPS     4u
#define PAGE_1  0x40u /* of the others' code: SIPI vectors */
#define PAGE_2  0x41u
#define ASSERT  0x4000u
#define INIT    (APIC_DM_INIT << 8 | ASSERT)
#define SIPI    (APIC_DM_STARTUP << 8 | ASSERT)
#define NMI     (APIC_DM_NMI << 8 | ASSERT)
#define ALL     (2u << 18)
#define OTHERS  (3u << 18)
#define XMM_LOW 0x1122334455667788ull

static struct smp_boss *boss;
static struct smp_vp *records; /* by APIC id */

static void start_child(void)
{
	probe_begin();
	memcpy(probe.ram + CHILD_CODE, smp_boss, (size_t)(smp_boss_end - smp_boss));
	memcpy(probe.ram + PAGE_1 * PAGE_SIZE, smp_vp, (size_t)(smp_vp_end - smp_vp));
	memcpy(probe.ram + PAGE_2 * PAGE_SIZE, smp_vp, (size_t)(smp_vp_end - smp_vp));
	boss = (void *)(probe.ram + CHILD_DATA);
	records = (void *)(probe.ram + SMP_RECORDS);
	for (u32 i = 0; i < VPS; i++)
		records[i] = (struct smp_vp){ .eoi_msr = MSR_X2APIC(APIC_EOI), .mask = VPS - 1 };
	probe_set(PROBE_RDI, CHILD_DATA);
	child_gate(probe.ram, 2, CHILD_CODE + SMP_BOSS_NMI);
	/* Vector 2 of real mode. */
	((u32 *)(void *)probe.ram)[2] = (PAGE_1 << 24) | SMP_VP_NMI;
	for (u32 i = 1; i < VPS; i++) {
		child_deposit_pages(probe.id, 16);
		assert(child_create_vp(probe.id, i) == HV_STATUS_SUCCESS);
		child_release(probe.id, i);
	}
	child_release(probe.id, 0);
}

/* What VP 0 shall do; returns when it has. */
static void order(u64 command, u64 high, u64 low)
{
	boss->high = high;
	boss->low = low;
	boss->command = command;
	if (!guest_sleep_while(&boss->command, command, 4 * SECOND))
		guest_fail("order", "%lu was not followed", command);
}

static void send(u32 to, u32 low)
{
	order(SMP_BOSS_PAGE, (u64)to << 24, low);
}

static u64 activity(u32 vp)
{
	u64 v;

	child_suspend(probe.id, vp);
	v = child_register(probe.id, vp, HV_REGISTER_INTERNAL_ACTIVITY);
	child_release(probe.id, vp);
	return v;
}

static bool counts(u32 vp)
{
	return guest_sleep_while(&records[vp].count, records[vp].count, SECOND);
}

/* Until it waits for a SIPI; false: it does not come to that. */
static bool waits(u32 vp)
{
	for (u32 us = 10; us < SECOND; us *= 2) {
		if (activity(vp) == HV_ACTIVITY_STARTUP_SUSPEND)
			return true;
		guest_sleep_us(us);
	}
	return false;
}

static bool starts_are(u32 vp, u64 n)
{
	return guest_sleep_while(&records[vp].starts, n - 1, SECOND) && records[vp].starts == n;
}

static u64 get(u32 vp, u32 name)
{
	return child_register(probe.id, vp, name);
}

static void test_first_start(void)
{
	u32 signature = cpuid(1, 0).eax;

	guest_sleep_us(2000);
	guest_check(records[1].starts == 0 && waits(1), "not-started");
	send(1, SIPI | PAGE_1);
	guest_check(starts_are(1, 1) && counts(1), "first-start", "%lu", records[1].starts);
	guest_check(records[1].cs == PAGE_1 << 8 && (u8)records[1].cr0 == 0x10, "real-mode",
		"cs %x cr0 %x", records[1].cs, records[1].cr0);
	send(1, SIPI | PAGE_2);
	guest_sleep_us(2000);
	guest_check(records[1].starts == 1 && records[1].cs == PAGE_1 << 8, "second-sipi");
	send(1, INIT);
	guest_check(waits(1), "init");
	send(1, SIPI | PAGE_2);
	guest_check(starts_are(1, 2) && records[1].cs == PAGE_2 << 8, "again", "%lu at %x",
		records[1].starts, records[1].cs);
	guest_check(records[1].edx == signature, "edx", "%x, not %x", records[1].edx, signature);
}

/* Of one that ran: what INIT changes, and what it leaves. */
static void test_state(void)
{
	static const u32 zero[] = { HV_X64_REGISTER_CR2, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4,
		HV_X64_REGISTER_CR8, HV_X64_REGISTER_EFER, HV_X64_REGISTER_DR0,
		HV_X64_REGISTER_DR0 + 3, PROBE_RAX, PROBE_RBX, PROBE_RSP,
		HV_REGISTER_PENDING_INTERRUPTION, HV_REGISTER_INTERRUPT_STATE };
	struct hv_register_assoc xmm = { .name = HV_X64_REGISTER_XMM0,
		.value = { .wide = { XMM_LOW, ~XMM_LOW } } };
	union hv_register_value v;
	u64 cr0;

	child_suspend(probe.id, 1);
	assert(child_set_registers(probe.id, 1, &xmm, 1) == CHILD_DONE(1));
	child_register_set(probe.id, 1, HV_X64_REGISTER_LSTAR, 0x1234000);
	child_register_set(probe.id, 1, HV_X64_REGISTER_DR0, 0x5555);
	child_register_set(probe.id, 1, HV_X64_REGISTER_CR2, 0x5555);
	cr0 = get(1, HV_X64_REGISTER_CR0);
	child_register_set(probe.id, 1, HV_X64_REGISTER_CR0, cr0 | CR0_CD);
	child_release(probe.id, 1);
	send(1, INIT);
	guest_check(waits(1), "init-state");
	child_suspend(probe.id, 1);
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		guest_check(get(1, zero[i]) == 0, "init-zero", "%x is %lx", zero[i],
			get(1, zero[i]));
	guest_check(get(1, HV_X64_REGISTER_RIP) == 0xfff0 &&
			    get(1, HV_X64_REGISTER_RFLAGS) == RFLAGS_FIXED &&
			    get(1, HV_X64_REGISTER_DR7) == 0x400 &&
			    get(1, HV_X64_REGISTER_CR0) ==
				    ((cr0 & (CR0_CD | CR0_NW)) | CR0_CD | CR0_ET),
		"init-values", "cr0 %lx", get(1, HV_X64_REGISTER_CR0));
	assert(child_get_registers(probe.id, 1, &(u32){ HV_X64_REGISTER_CS }, &v, 1) ==
		CHILD_DONE(1));
	guest_check(v.segment.selector == 0xf000 && v.segment.base == 0xffff0000, "init-cs");
	assert(child_get_registers(probe.id, 1, &xmm.name, &v, 1) == CHILD_DONE(1));
	guest_check(v.wide[0] == XMM_LOW && v.wide[1] == ~XMM_LOW &&
			    get(1, HV_X64_REGISTER_LSTAR) == 0x1234000,
		"init-keeps", "xmm0 %lx lstar %lx", v.wide[0], get(1, HV_X64_REGISTER_LSTAR));
	guest_check(get(1, HV_X64_REGISTER_APIC_BASE) == (APIC_DEFAULT_BASE | 0xc00),
		"init-keeps-x2apic", "%lx", get(1, HV_X64_REGISTER_APIC_BASE));
	child_register_set(probe.id, 1, HV_X64_REGISTER_CR0, CR0_ET);
	child_release(probe.id, 1);
	send(1, SIPI | PAGE_1);
	guest_check(starts_are(1, 3), "started-after", "%lu", records[1].starts);
}

/* However it passes its time. */
static void test_halted(void)
{
	u64 starts = records[2].starts;

	records[2].act = SMP_HALT;
	send(2, SIPI | PAGE_1);
	guest_check(starts_are(2, ++starts), "halt-started");
	guest_sleep_us(2000);
	send(2, INIT);
	guest_check(waits(2), "init-halted");
	records[2].act = SMP_DEAD;
	send(2, SIPI | PAGE_1);
	guest_check(starts_are(2, ++starts), "dead-started");
	guest_message_wait(&probe.m);
	guest_check(probe.m.header.type == HV_MESSAGE_HALT, "halt-message");
	/* The INIT waits until the intercept is settled. */
	send(2, INIT);
	guest_check(get(2, HV_REGISTER_INTERCEPT_SUSPEND) == 1, "init-intercepted");
	child_resume(probe.id, 2);
	guest_check(waits(2), "init-dead");
	records[2].act = SMP_SELF;
	send(2, SIPI | PAGE_1);
	guest_check(starts_are(2, ++starts) && waits(2), "init-self");
	records[2].act = SMP_COUNT;
	send(2, SIPI | PAGE_1);
	guest_check(starts_are(2, ++starts) && counts(2), "started-again");
	/* One whose parent has suspended it. */
	child_suspend(probe.id, 2);
	send(2, INIT);
	send(2, SIPI | PAGE_2);
	guest_sleep_us(2000);
	guest_check(records[2].starts == starts, "suspended-stays");
	child_release(probe.id, 2);
	guest_check(starts_are(2, ++starts) && records[2].cs == PAGE_2 << 8, "suspended-starts");
	/* Without a pause between. */
	for (u32 i = 0; i < 20; i++) {
		send(2, INIT);
		send(2, SIPI | PAGE_1);
		if (!starts_are(2, ++starts))
			guest_fail("quick", "%u: %lu", i, records[2].starts);
	}
	guest_pass("quick");
}

static void test_nmi(void)
{
	send(2, INIT);
	guest_check(waits(2), "nmi-waits");
	send(2, NMI);
	send(2, SIPI | PAGE_1);
	guest_check(counts(2) && records[2].nmis == 0, "nmi-while-waiting", "%lu",
		records[2].nmis);
	send(2, NMI);
	guest_check(guest_sleep_while(&records[2].nmis, 0, SECOND) && records[2].nmis == 1,
		"nmi-real-mode", "%lu", records[2].nmis);
}

static void test_broadcast(void)
{
	u64 starts[VPS];

	send(0, INIT | OTHERS);
	for (u32 i = 1; i < VPS; i++) {
		starts[i] = records[i].starts;
		guest_check(waits(i), "init-others", "%u", i);
	}
	send(0, SIPI | OTHERS | PAGE_1);
	for (u32 i = 1; i < VPS; i++)
		guest_check(starts_are(i, starts[i] + 1), "sipi-others", "%u", i);
	/* The sender neither waits nor starts anew. */
	guest_check(guest_sleep_while(&boss->beats, boss->beats, SECOND), "sender-goes-on");
}

static u64 assert_interrupt(u64 control, u64 to, u32 vector)
{
	struct hv_assert_interrupt_input in = {
		.partition_id = probe.id, .control = control, .destination = to, .vector = vector
	};

	return guest_hypercall_block(
		HV_CALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

/* The parent can do it as well. */
static void test_by_parent(void)
{
	u64 starts = records[3].starts;

	guest_check(assert_interrupt(HV_ASSERT_INIT, 3, 0) == 0 && waits(3), "parent-init");
	guest_check(assert_interrupt(HV_ASSERT_SIPI, 3, PAGE_2) == 0 &&
			    starts_are(3, starts + 1) && records[3].cs == PAGE_2 << 8,
		"parent-sipi");
	/* And by hand. */
	assert(assert_interrupt(HV_ASSERT_INIT, 3, 0) == 0);
	guest_check(waits(3), "parent-init-again");
	child_suspend(probe.id, 3);
	child_register_set(probe.id, 3, HV_REGISTER_INTERNAL_ACTIVITY, 0);
	child_machine_vp(probe.id, 3, CHILD_CODE + 0x1000, CHILD_STACK - 0x800);
	/* incl (0x30000 + 3 * 64 + 8); jmp . - 7 */
	memcpy(probe.ram + CHILD_CODE + 0x1000,
		(const u8[]){ 0xff, 0x04, 0x25, 0xc8, 0x00, 0x03, 0x00, 0xeb, 0xf7 }, 9);
	child_release(probe.id, 3);
	guest_check(counts(3), "started-by-registers");
	assert(assert_interrupt(HV_ASSERT_SIPI, 3, PAGE_2) == 0);
	guest_sleep_us(2000);
	guest_check(records[3].starts == starts + 1, "sipi-to-running");
}

/* VP 0 begins where a processor begins after power-on, where nothing is here. */
static void test_first_vp(void)
{
	const struct hv_memory_intercept *m = (const void *)probe.m.payload;

	assert(assert_interrupt(HV_ASSERT_INIT, 0, 0) == 0);
	guest_message_wait(&probe.m);
	guest_check(probe.m.header.type == HV_MESSAGE_UNMAPPED_GPA && m->gpa >> 4 == 0xfffffff,
		"first-vp-init", "%x at %lx", probe.m.header.type, m->gpa);
	guest_check(get(0, HV_X64_REGISTER_RIP) == 0xfff0 &&
			    get(0, HV_REGISTER_INTERNAL_ACTIVITY) == 0,
		"first-vp-runs");
	child_end(probe.id);
}

/* Sends storms everywhere; a message is that of a VP that ran into nothing. */
static void storm_begin(void)
{
	start_child();
	for (u32 i = 1; i < VPS; i++) {
		records[i].act = SMP_STORM;
		records[i].vector = PAGE_1;
	}
	for (u32 i = 1; i < VPS; i++)
		assert(assert_interrupt(HV_ASSERT_SIPI, i, PAGE_1) == 0);
}

static u64 storm_starts(void)
{
	u64 sum = 0;

	for (u32 i = 1; i < VPS; i++)
		sum += records[i].starts;
	return sum;
}

/* Looks at VP @vp in each way there is, whatever it does just then. */
static void disturb(u32 vp, u32 round)
{
	static const u32 names[] = { HV_X64_REGISTER_RIP, HV_X64_REGISTER_CR0, HV_X64_REGISTER_CS };
	union hv_register_value v[ARRAY_SIZE(names)];
	u64 result;

	if (round % 2)
		child_suspend(probe.id, vp);
	/* Refused unless it waits. */
	result = child_get_registers(probe.id, vp, names, v, ARRAY_SIZE(names));
	if (result != CHILD_DONE(ARRAY_SIZE(names)) &&
		(round % 2 || HV_RESULT_STATUS(result) != HV_STATUS_INVALID_VP_STATE))
		guest_fail("storm-look", "%lx", result);
	if (round % 2) {
		child_register_set(probe.id, vp, HV_X64_REGISTER_DR0, round);
		child_release(probe.id, vp);
	}
	(void)assert_interrupt(round % 3 ? HV_ASSERT_INIT : HV_ASSERT_SIPI, vp, PAGE_1);
}

static void test_storm(void)
{
	u64 before;

	storm_begin();
	for (u32 i = 0; i < 400; i++) {
		disturb(1 + i % (VPS - 1), i / (VPS - 1));
		if (i % 16 == 0)
			guest_sleep_us(500);
		/* VP 0 runs into nothing sooner or later; others may, too, that were started by none. */
		while (guest_message_poll(&probe.m))
			;
	}
	before = storm_starts();
	for (u32 i = 1; i < VPS; i++)
		assert(assert_interrupt(HV_ASSERT_SIPI, i, PAGE_1) == 0);
	guest_sleep_us(20000);
	guest_check(storm_starts() > before, "storm", "%lu starts", storm_starts());
	/* Gone while it goes on; one by one, then all. */
	for (u32 i = 1; i < VPS - 1; i++)
		guest_check(child_delete_vp(probe.id, i) == 0, "storm-delete");
	child_end(probe.id);
	guest_pass("storm-end");
	while (guest_message_poll(&probe.m))
		;
}

void guest_main(void)
{
	child_input.flags |= HV_CREATE_X2APIC;
	guest_messages_init();
	start_child();
	test_first_start();
	test_state();
	test_halted();
	test_nmi();
	test_broadcast();
	test_by_parent();
	test_first_vp();
	for (u32 i = 0; i < 3; i++)
		test_storm();
}
