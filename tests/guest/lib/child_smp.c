/* SPDX-License-Identifier: MIT */
/*
 * A child whose VPs start each other, and what tests ask of it.
 */
#include "tests/guest/lib/child_smp.h"

#include "base/assert.h"
#include "hv/interrupt.h"
#include "lib/string.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/sleep.h"
#include "x86/apic.h"
#include "x86/desc.h"
#include "x86/msr.h"

#define SECOND     1000000u
#define VP_DEPOSIT 16u

struct smp_boss *smp_boss;
struct smp_vp *smp_records;

static void gate(u8 vector, u16 boss, u16 vp)
{
	u32 *real_mode = (u32 *)(void *)probe.ram;

	child_gate(probe.ram, vector, CHILD_CODE + boss);
	real_mode[vector] = SMP_PAGE_1 << 24 | vp;
}

void smp_gate(u8 vector, bool extint)
{
	if (extint)
		gate(vector, SMP_BOSS_EXTINT, SMP_VP_EXTINT);
	else
		gate(vector, SMP_BOSS_HANDLER, SMP_VP_HANDLER);
}

void smp_begin(void)
{
	size_t size = (size_t)(smp_vp_code_end - smp_vp_code);

	probe_begin();
	memcpy(probe.ram + CHILD_CODE, smp_boss_code, (size_t)(smp_boss_code_end - smp_boss_code));
	memcpy(probe.ram + SMP_PAGE_1 * PAGE_SIZE, smp_vp_code, size);
	memcpy(probe.ram + SMP_PAGE_2 * PAGE_SIZE, smp_vp_code, size);
	smp_boss = (void *)(probe.ram + CHILD_DATA);
	smp_records = (void *)(probe.ram + SMP_RECORDS);
	for (u32 i = 0; i < SMP_VPS; i++)
		smp_records[i] = (struct smp_vp){
			.eoi_msr = MSR_X2APIC(APIC_EOI), .vector = SMP_PAGE_1, .mask = SMP_VPS - 1
		};
	probe_set(PROBE_RDI, CHILD_DATA);
	gate(VEC_NMI, SMP_BOSS_NMI, SMP_VP_NMI);
	for (u32 i = 1; i < SMP_VPS; i++) {
		child_deposit_pages(probe.id, VP_DEPOSIT);
		assert(child_create_vp(probe.id, i) == HV_STATUS_SUCCESS);
		child_release(probe.id, i);
	}
	child_release(probe.id, 0);
}

void smp_order(u64 command, u64 high, u64 low)
{
	smp_boss->high = high;
	smp_boss->low = low;
	smp_boss->command = command;
	if (!guest_sleep_while(&smp_boss->command, command, 4 * SECOND))
		guest_fail("order", "%lu was not followed", command);
}

void smp_send(u32 to, u32 low)
{
	smp_order(SMP_BOSS_PAGE, (u64)to << 24, low);
}

u64 smp_assert(u64 control, u64 to, u32 vector)
{
	struct hv_assert_interrupt_input in = {
		.partition_id = probe.id, .control = control, .destination = to, .vector = vector
	};

	return guest_hypercall_block(HV_CALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0);
}

static u64 activity(u32 vp)
{
	u64 v;

	child_suspend(probe.id, vp);
	v = child_register(probe.id, vp, HV_REGISTER_INTERNAL_ACTIVITY);
	child_release(probe.id, vp);
	return v;
}

bool smp_waits(u32 vp)
{
	for (u32 us = 10; us < SECOND; us *= 2) {
		if (activity(vp) == HV_ACTIVITY_STARTUP_SUSPEND)
			return true;
		guest_sleep_us(us);
	}
	return false;
}

bool smp_counts(u32 vp)
{
	return guest_sleep_while(&smp_records[vp].count, smp_records[vp].count, SECOND);
}

bool smp_starts_are(u32 vp, u64 n)
{
	return guest_sleep_while(&smp_records[vp].starts, n - 1, SECOND) &&
	       smp_records[vp].starts == n;
}
