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
#define XMM_LOW 0x1122334455667788ull

static u64 get(u32 vp, u32 name)
{
	return child_register(probe.id, vp, name);
}

static void test_first_start(void)
{
	u32 signature = cpuid(1, 0).eax;

	guest_sleep_us(2000);
	guest_check(smp_records[1].starts == 0 && smp_waits(1), "not-started");
	smp_send(1, SMP_SIPI | SMP_PAGE_1);
	guest_check(
		smp_starts_are(1, 1) && smp_counts(1), "first-start", "%lu", smp_records[1].starts);
	guest_check(smp_records[1].cs == SMP_PAGE_1 << 8 && (u8)smp_records[1].cr0 == 0x10,
		"real-mode", "cs %x cr0 %x", smp_records[1].cs, smp_records[1].cr0);
	smp_send(1, SMP_SIPI | SMP_PAGE_2);
	guest_sleep_us(2000);
	guest_check(
		smp_records[1].starts == 1 && smp_records[1].cs == SMP_PAGE_1 << 8, "second-sipi");
	smp_send(1, SMP_INIT);
	guest_check(smp_waits(1), "init");
	smp_send(1, SMP_SIPI | SMP_PAGE_2);
	guest_check(smp_starts_are(1, 2) && smp_records[1].cs == SMP_PAGE_2 << 8, "again",
		"%lu at %x", smp_records[1].starts, smp_records[1].cs);
	guest_check(smp_records[1].edx == signature, "edx", "%x, not %x", smp_records[1].edx,
		signature);
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
	smp_send(1, SMP_INIT);
	guest_check(smp_waits(1), "init-state");
	child_suspend(probe.id, 1);
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		guest_check(
			get(1, zero[i]) == 0, "init-zero", "%x is %lx", zero[i], get(1, zero[i]));
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
	smp_send(1, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_starts_are(1, 3), "started-after", "%lu", smp_records[1].starts);
}

/* However it passes its time. */
static void test_halted(void)
{
	u64 starts = smp_records[2].starts;

	smp_records[2].act = SMP_HALT;
	smp_send(2, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_starts_are(2, ++starts), "halt-started");
	guest_sleep_us(2000);
	smp_send(2, SMP_INIT);
	guest_check(smp_waits(2), "init-halted");
	smp_records[2].act = SMP_DEAD;
	smp_send(2, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_starts_are(2, ++starts), "dead-started");
	guest_message_wait(&probe.m);
	guest_check(probe.m.header.type == HV_MESSAGE_HALT, "halt-message");
	/* The INIT waits until the intercept is settled. */
	smp_send(2, SMP_INIT);
	guest_check(get(2, HV_REGISTER_INTERCEPT_SUSPEND) == 1, "init-intercepted");
	child_resume(probe.id, 2);
	guest_check(smp_waits(2), "init-dead");
	smp_records[2].act = SMP_SELF;
	smp_send(2, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_starts_are(2, ++starts) && smp_waits(2), "init-self");
	smp_records[2].act = SMP_COUNT;
	smp_send(2, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_starts_are(2, ++starts) && smp_counts(2), "started-again");
	/* One whose parent has suspended it. */
	child_suspend(probe.id, 2);
	smp_send(2, SMP_INIT);
	smp_send(2, SMP_SIPI | SMP_PAGE_2);
	guest_sleep_us(2000);
	guest_check(smp_records[2].starts == starts, "suspended-stays");
	guest_check(get(2, HV_X64_REGISTER_RIP) == 0 && get(2, PROBE_RBX) == 0 &&
			    get(2, HV_REGISTER_INTERNAL_ACTIVITY) == 0,
		"suspended-seen", "rip %lx", get(2, HV_X64_REGISTER_RIP));
	child_release(probe.id, 2);
	guest_check(smp_starts_are(2, ++starts) && smp_records[2].cs == SMP_PAGE_2 << 8,
		"suspended-starts");
	/* Without a pause between. */
	for (u32 i = 0; i < 20; i++) {
		smp_send(2, SMP_INIT);
		smp_send(2, SMP_SIPI | SMP_PAGE_1);
		if (!smp_starts_are(2, ++starts))
			guest_fail("quick", "%u: %lu", i, smp_records[2].starts);
	}
	guest_pass("quick");
}

static void test_nmi(void)
{
	smp_send(2, SMP_INIT);
	guest_check(smp_waits(2), "nmi-waits");
	smp_send(2, SMP_NMI);
	smp_send(2, SMP_SIPI | SMP_PAGE_1);
	guest_check(smp_counts(2) && smp_records[2].nmis == 0, "nmi-while-waiting", "%lu",
		smp_records[2].nmis);
	smp_send(2, SMP_NMI);
	guest_check(guest_sleep_while(&smp_records[2].nmis, 0, SECOND) && smp_records[2].nmis == 1,
		"nmi-real-mode", "%lu", smp_records[2].nmis);
}

static void test_broadcast(void)
{
	u64 starts[SMP_VPS];

	smp_send(0, SMP_INIT | SMP_OTHERS);
	for (u32 i = 1; i < SMP_VPS; i++) {
		starts[i] = smp_records[i].starts;
		guest_check(smp_waits(i), "init-others", "%u", i);
	}
	smp_send(0, SMP_SIPI | SMP_OTHERS | SMP_PAGE_1);
	for (u32 i = 1; i < SMP_VPS; i++)
		guest_check(smp_starts_are(i, starts[i] + 1), "sipi-others", "%u", i);
	/* The sender neither waits nor starts anew. */
	guest_check(guest_sleep_while(&smp_boss->beats, smp_boss->beats, SECOND), "sender-goes-on");
}

/* The parent can do it as well. */
static void test_by_parent(void)
{
	u64 starts = smp_records[3].starts;

	guest_check(smp_assert(HV_ASSERT_INIT, 3, 0) == 0 && smp_waits(3), "parent-init");
	guest_check(smp_assert(HV_ASSERT_SIPI, 3, SMP_PAGE_2) == 0 &&
			    smp_starts_are(3, starts + 1) && smp_records[3].cs == SMP_PAGE_2 << 8,
		"parent-sipi");
	/* And by hand. */
	assert(smp_assert(HV_ASSERT_INIT, 3, 0) == 0);
	guest_check(smp_waits(3), "parent-init-again");
	child_suspend(probe.id, 3);
	child_register_set(probe.id, 3, HV_REGISTER_INTERNAL_ACTIVITY, 0);
	child_machine_vp(probe.id, 3, CHILD_CODE + 0x1000, CHILD_STACK - 0x800);
	child_register_set(probe.id, 3, HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
	/* incl (0x30000 + 3 * 64 + 8); jmp . - 7 */
	memcpy(probe.ram + CHILD_CODE + 0x1000,
		(const u8[]){ 0xff, 0x04, 0x25, 0xc8, 0x00, 0x03, 0x00, 0xeb, 0xf7 }, 9);
	child_release(probe.id, 3);
	guest_check(smp_counts(3), "started-by-registers");
	assert(smp_assert(HV_ASSERT_SIPI, 3, SMP_PAGE_2) == 0);
	guest_sleep_us(2000);
	guest_check(smp_records[3].starts == starts + 1, "sipi-to-running");
}

/* VP 0 begins where a processor begins after power-on, where nothing is here. */
static void test_first_vp(void)
{
	const struct hv_memory_intercept *m = (const void *)probe.m.payload;

	assert(smp_assert(HV_ASSERT_INIT, 0, 0) == 0);
	guest_message_wait(&probe.m);
	guest_check(probe.m.header.type == HV_MESSAGE_UNMAPPED_GPA && m->gpa >> 4 == 0xfffffff,
		"first-vp-init", "%x at %lx", probe.m.header.type, m->gpa);
	guest_check(
		get(0, HV_X64_REGISTER_RIP) == 0xfff0 && get(0, HV_REGISTER_INTERNAL_ACTIVITY) == 0,
		"first-vp-runs");
	child_end(probe.id);
}

/* Sends storms everywhere; a message is that of a VP that ran into nothing. */
static void storm_begin(void)
{
	smp_begin();
	for (u32 i = 1; i < SMP_VPS; i++) {
		smp_records[i].act = SMP_STORM;
		smp_records[i].vector = SMP_PAGE_1;
	}
	for (u32 i = 1; i < SMP_VPS; i++)
		assert(smp_assert(HV_ASSERT_SIPI, i, SMP_PAGE_1) == 0);
}

static u64 storm_starts(void)
{
	u64 sum = 0;

	for (u32 i = 1; i < SMP_VPS; i++)
		sum += smp_records[i].starts;
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
	(void)smp_assert(round % 3 ? HV_ASSERT_INIT : HV_ASSERT_SIPI, vp, SMP_PAGE_1);
}

static void test_storm(void)
{
	u64 before;

	storm_begin();
	for (u32 i = 0; i < 400; i++) {
		disturb(1 + i % (SMP_VPS - 1), i / (SMP_VPS - 1));
		if (i % 16 == 0)
			guest_sleep_us(500);
		/* VP 0 runs into nothing sooner or later; others may, too, that were started by none. */
		while (guest_message_poll(&probe.m))
			;
	}
	before = storm_starts();
	for (u32 i = 1; i < SMP_VPS; i++)
		assert(smp_assert(HV_ASSERT_SIPI, i, SMP_PAGE_1) == 0);
	guest_sleep_us(20000);
	guest_check(storm_starts() > before, "storm", "%lu starts", storm_starts());
	/* Gone while it goes on; one by one, then all. */
	for (u32 i = 1; i < SMP_VPS - 1; i++)
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
	smp_begin();
	test_first_start();
	test_state();
	test_halted();
	test_nmi();
	test_broadcast();
	test_by_parent();
	test_first_vp();
	/* Bochs' AMD-V keeps the root's interrupts back while a guest's IF is off, as it is there. */
	for (u32 i = 0; i < 3 && (guest_is_vmx() || guest_is_qemu()); i++)
		test_storm();
}
