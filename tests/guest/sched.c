/* SPDX-License-Identifier: MIT */
/*
 * Scheduling of children's VPs beside the root.
 * machines: svm-smp1-bios svm-smp2-bios vmx-smp1 vmx-smp2 ryzen-smp1
 */
#include "base/assert.h"
#include "hv/stats.h"
#include "tests/guest/lib/child_code.h"
#include "tests/guest/lib/child_vp.h"
#include "tests/guest/lib/sleep.h"
#include "x86/desc.h"

#define RAM    (4 * MIB)

#define SECOND 1000000u

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

void guest_main(void)
{
	test_halted_flush();
	test_halted_nmi();
}
