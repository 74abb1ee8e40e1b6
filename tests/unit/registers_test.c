/* SPDX-License-Identifier: MIT */
/*
 * Registers of a VP by name: every name there is, with values that are taken
 * and read back and values that are refused; FPU and SSE registers in the
 * area as the processor would load it; what stops a VP and lets it go on.
 * sources: hypervisor/registers.c hypervisor/registers_fpu.c hypervisor/registers_life.c
 * sources: hypervisor/segment.c hypervisor/policy_cr.c hypervisor/reference_time.c tests/unit/fake_vp.c
 * sources: tests/unit/host_assert.c
 */
#include "registers_machine.h"

static u64 get(u32 name)
{
	u64 high, v = get2(name, &high);

	assert_int_equal(high, 0);
	return v;
}

/* Taken and read back, and refused without a change. */
#define NONE 0xdeadull
static const struct {
	u32 name;
	u64 good[2];
	u64 bad[3];
} values[] = {
	{ 0x00010002, { 14 << 16 | 3 << 1 | 1, 0 },
		{ 1 | 3 << 1 | 2 << 16, 1 | 3 << 1 | 15 << 16, 1 | 3 << 1 | 22 << 16 } },
	{ 0x00010003, { 3, 0 }, { NONE, NONE, NONE } },
	{ 0x00010004, { 1 | 5 << 1 | 0x31 << 8, 0 },
		{ 1 | 0x31 << 8, 1 | 5 << 1 | 1 << 16, 1 | 3 << 1 } },
	{ 0x00020010, { 0xffff800000001000, 0x0000800000000000 },
		{ 0x0001000000000000, 0x8000000000000000, 0xfffe800000000000 } },
	{ 0x00020011, { 2, 0x3f7fd7 }, { 0, 0xa, 0x400002 } },
	{ 0x00040000, { CR0_PE | CR0_PG | CR0_ET, CR0_CD | CR0_NW },
		{ CR0_PG, CR0_NW, 1ull << 32 | 1 } },
	{ 0x00040001, { ~0ull, 5 }, { NONE, NONE, NONE } },
	{ 0x00040002, { 0xfffffff000, 0x1018 }, { 1ull << 40, 1ull << 63, NONE } },
	{ 0x00040003, { CR4_PAE | CR4_SMEP, 0 }, { CR4_VMXE, CR4_LA57, 1ull << 32 } },
	{ 0x00040004, { 15, 0 }, { 16, ~0ull, NONE } },
	{ 0x00040005, { 7, 0xe7 }, { 0, 5, 0x207 } },
	{ 0x00050004, { 0xffff0ff1, 0 }, { 1ull << 32, NONE, NONE } },
	{ 0x00050005, { 0x401, 0 }, { 1ull << 63, NONE, NONE } },
	{ 0x00080001, { EFER_LME | EFER_NXE | EFER_SCE, 0 }, { EFER_SVME, 1ull << 63, 2 } },
	{ 0x00080002, { 0xffff800000000000, 0x7fffffffffff },
		{ 0x800000000000, 1ull << 63, NONE } },
	{ 0x00080004, { 0x0007040600070406, 0 }, { 0x0007040600070402, 0x0800000000000000, NONE } },
	{ 0x00080005, { 0xffffffff, 0 }, { 1ull << 32, NONE, NONE } },
	{ 0x00080006, { 0xffff800000000000, 0x7fffffffffff },
		{ 0x800000000000, 1ull << 63, NONE } },
	{ 0x00080007, { 0xffff800000000000, 0x7fffffffffff },
		{ 0x800000000000, 1ull << 63, NONE } },
	{ 0x00080008, { ~0ull, 0 }, { NONE, NONE, NONE } },
	{ 0x00080009, { 0xffff800000000000, 0x7fffffffffff },
		{ 0x800000000000, 1ull << 63, NONE } },
	{ 0x0008000a, { 0xffff800000000000, 0x7fffffffffff },
		{ 0x800000000000, 1ull << 63, NONE } },
	{ 0x0008000b, { 0xffffffff, 0 }, { 1ull << 32, NONE, NONE } },
	{ 0x0008007b, { 0xffffffff, 0 }, { 1ull << 32, NONE, NONE } },
	{ 0x00080084, { 0, 0 }, { 1, 1ull << 63, NONE } },
	{ 0x0008000c, { 3, 3 }, { 0, 4, 1ull << 32 | 3 } },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		u32 name = values[i].name;

		for (u32 n = 0; n < 2; n++) {
			if (set(name, values[i].good[n]) != HV_STATUS_SUCCESS)
				fail_msg("0x%x refuses 0x%llx", name,
					(unsigned long long)values[i].good[n]);
			assert_int_equal(get(name), values[i].good[n]);
		}
		for (u32 n = 0; n < 3 && values[i].bad[n] != NONE; n++) {
			if (set(name, values[i].bad[n]) != HV_STATUS_INVALID_REGISTER_VALUE)
				fail_msg("0x%x takes 0x%llx", name,
					(unsigned long long)values[i].bad[n]);
			assert_int_equal(get(name), values[i].good[1]);
		}
	}
}

/* In the order of encoding; RSP is one of them. */
static void test_general(void **state)
{
	(void)state;
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(set(HV_X64_REGISTER_RAX + i, ~0ull - i), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 16; i++) {
		assert_int_equal(get(HV_X64_REGISTER_RAX + i), ~0ull - i);
		assert_int_equal(fake_vp.regs.gpr[i], ~0ull - i);
	}
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(
			set(HV_X64_REGISTER_DR0 + i, 0x8000000000000000 + i), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(get(HV_X64_REGISTER_DR0 + i), 0x8000000000000000 + i);
		assert_int_equal(fake_vp.dr[i], 0x8000000000000000 + i);
	}
}

static void test_segments(void **state)
{
	struct hv_segment data = { 0x1000, 0xffff, 0x10, 0x92 };
	union hv_register_value v, back;

	(void)state;
	for (u32 i = 0; i < 6; i++) {
		v.segment = data;
		if (i == 1)
			v.segment.attributes = 0x9a;
		assert_int_equal(register_set(&fake_vp, HV_X64_REGISTER_ES + i, &v, &parent_vp),
			HV_STATUS_SUCCESS);
		assert_int_equal(
			register_get(&fake_vp, HV_X64_REGISTER_ES + i, &back), HV_STATUS_SUCCESS);
		/* It is accessed once it is loaded. */
		v.segment.attributes |= 1;
		assert_memory_equal(&back, &v, sizeof(v));
	}
	v.segment = (struct hv_segment){ 0, 0xffff, 0, 0 };
	assert_int_equal(register_set(&fake_vp, HV_X64_REGISTER_CS, &v, &parent_vp),
		HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(register_set(&fake_vp, HV_X64_REGISTER_TR, &v, &parent_vp),
		HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(
		register_set(&fake_vp, HV_X64_REGISTER_LDTR, &v, &parent_vp), HV_STATUS_SUCCESS);
	v.segment.attributes = 0x89;
	assert_int_equal(
		register_set(&fake_vp, HV_X64_REGISTER_TR, &v, &parent_vp), HV_STATUS_SUCCESS);
	assert_int_equal(fake_register(HV_X64_REGISTER_TR)->segment.attributes, 0x8b);
}

static void test_tables(void **state)
{
	union hv_register_value v = { .table = { .limit = 0x7f, .base = 0xffff800000001000 } };
	union hv_register_value back;

	(void)state;
	for (u32 name = HV_X64_REGISTER_IDTR; name <= HV_X64_REGISTER_GDTR; name++) {
		v.table.pad[2] = 0;
		v.table.base = 0xffff800000001000;
		assert_int_equal(register_set(&fake_vp, name, &v, &parent_vp), HV_STATUS_SUCCESS);
		assert_int_equal(register_get(&fake_vp, name, &back), HV_STATUS_SUCCESS);
		assert_memory_equal(&back, &v, sizeof(v));
		v.table.base = 0x800000000000;
		assert_int_equal(register_set(&fake_vp, name, &v, &parent_vp),
			HV_STATUS_INVALID_REGISTER_VALUE);
		v.table.base = 0;
		v.table.pad[2] = 1;
		assert_int_equal(register_set(&fake_vp, name, &v, &parent_vp),
			HV_STATUS_INVALID_REGISTER_VALUE);
	}
}

/* Without XSAVE in CPUID, XCR0 is what it is. */
static void test_xfem_fixed(void **state)
{
	(void)state;
	fake_partition.xsave_states = 0;
	assert_int_equal(set(HV_X64_REGISTER_XFEM, 1), HV_STATUS_SUCCESS);
	assert_int_equal(set(HV_X64_REGISTER_XFEM, 3), HV_STATUS_INVALID_REGISTER_VALUE);
}

/* Where the processor lacks it, only nothing. */
static void test_tsc_aux_absent(void **state)
{
	(void)state;
	fake_cpu.features.tsc_aux = false;
	assert_int_equal(set(HV_X64_REGISTER_TSC_AUX, 1), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(set(HV_X64_REGISTER_TSC_AUX, 0), HV_STATUS_SUCCESS);
}

static u64 *bv(void)
{
	return (u64 *)(void *)(area + 512);
}

/* Leftovers in the area do not show while XSTATE_BV says initial. */
static void test_fpu_initial(void **state)
{
	u64 high;

	(void)state;
	memset(area + 32, 0xee, 480);
	memset(area, 0xee, 24);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(get(HV_X64_REGISTER_XMM0 + i), 0);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(get(HV_X64_REGISTER_FP_MMX0 + i), 0);
	assert_int_equal(get(HV_X64_REGISTER_FP_CONTROL), 0x37f);
	assert_int_equal(get2(HV_X64_REGISTER_XMM_CONTROL, &high), 0);
	assert_int_equal(high, 0x2ffffull << 32 | 0x1f80);
	/* One register set: the others become what they were. */
	assert_int_equal(set2(HV_X64_REGISTER_XMM0 + 15, 5, 6), HV_STATUS_SUCCESS);
	assert_int_equal(*bv(), 2);
	assert_int_equal(get(HV_X64_REGISTER_XMM0 + 14), 0);
	assert_int_equal(get2(HV_X64_REGISTER_XMM0 + 15, &high), 5);
	assert_int_equal(high, 6);
	assert_int_equal(area[160 + 15 * 16], 5);
	assert_int_equal(area[160 + 14 * 16], 0);
	assert_int_equal(set2(HV_X64_REGISTER_FP_MMX0 + 7, ~0ull, 0xffff), HV_STATUS_SUCCESS);
	assert_int_equal(*bv(), 3);
	assert_int_equal(get(HV_X64_REGISTER_FP_MMX0), 0);
	assert_int_equal(get(HV_X64_REGISTER_FP_CONTROL), 0x37f);
	assert_int_equal(get2(HV_X64_REGISTER_FP_MMX0 + 7, &high), ~0ull);
	assert_int_equal(high, 0xffff);
	assert_int_equal(*(u32 *)(void *)(area + 24), 0x1f80);
}

static void test_fpu_values(void **state)
{
	u64 high;

	(void)state;
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(set2(HV_X64_REGISTER_XMM0 + i, i, ~(u64)i), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(
			set2(HV_X64_REGISTER_FP_MMX0 + i, 0x100 + i, i), HV_STATUS_SUCCESS);
	/* FCW, FSW, FTW, FOP; FIP. */
	assert_int_equal(set2(HV_X64_REGISTER_FP_CONTROL, 0x01f800ff3800027full, 0x123456789abc),
		HV_STATUS_SUCCESS);
	/* FDP; MXCSR. The mask is the processor's. */
	assert_int_equal(set2(HV_X64_REGISTER_XMM_CONTROL, 0xabcdef, 0x9fc0), HV_STATUS_SUCCESS);
	for (u32 i = 0; i < 16; i++) {
		assert_int_equal(get2(HV_X64_REGISTER_XMM0 + i, &high), i);
		assert_int_equal(high, ~(u64)i);
	}
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(get2(HV_X64_REGISTER_FP_MMX0 + i, &high), 0x100 + i);
		assert_int_equal(high, i);
	}
	assert_int_equal(get2(HV_X64_REGISTER_FP_CONTROL, &high), 0x01f800ff3800027full);
	assert_int_equal(high, 0x123456789abc);
	assert_int_equal(get2(HV_X64_REGISTER_XMM_CONTROL, &high), 0xabcdef);
	assert_int_equal(high, 0x2ffffull << 32 | 0x9fc0);
	/* As the processor has them. */
	assert_int_equal(*(u16 *)(void *)area, 0x27f);
	assert_int_equal(*(u16 *)(void *)(area + 2), 0x3800);
	assert_int_equal(area[4], 0xff);
	assert_int_equal(area[5], 0);
	assert_int_equal(*(u16 *)(void *)(area + 6), 0x1f8);
	assert_int_equal(*(u64 *)(void *)(area + 8), 0x123456789abc);
	assert_int_equal(*(u64 *)(void *)(area + 16), 0xabcdef);
	assert_int_equal(*(u32 *)(void *)(area + 24), 0x9fc0);
	/* Nothing else of the area changed. */
	for (u32 i = 416; i < 512; i++)
		assert_int_equal(area[i], 0);
	for (u32 i = 520; i < 4096; i++)
		assert_int_equal(area[i], 0);
}

static void test_fpu_refused(void **state)
{
	u8 before[1024];

	(void)state;
	memcpy(before, area, sizeof(before));
	assert_int_equal(
		set2(HV_X64_REGISTER_FP_MMX0, 0, 1 << 16), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(
		set2(HV_X64_REGISTER_FP_CONTROL, 1ull << 40, 0), HV_STATUS_INVALID_REGISTER_VALUE);
	/* A bit that MXCSR has not would fault in the hypervisor. */
	assert_int_equal(
		set2(HV_X64_REGISTER_XMM_CONTROL, 0, 1ull << 18), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_memory_equal(before, area, sizeof(before));
	/* MXCSR alone leaves x87 in its initial state. */
	assert_int_equal(set2(HV_X64_REGISTER_XMM_CONTROL, 0, 0x1fc0), HV_STATUS_SUCCESS);
	assert_int_equal(*bv(), 0);
	assert_int_equal(*(u32 *)(void *)(area + 24), 0x1fc0);
}

/* FXSAVE has no XSTATE_BV: what the area holds counts. */
static void test_fpu_without_xsave(void **state)
{
	u64 high;

	(void)state;
	fake_cpu.features.xsave = false;
	memset(area + 160, 0x11, 16);
	assert_int_equal(get2(HV_X64_REGISTER_XMM0, &high), 0x1111111111111111);
	assert_int_equal(set2(HV_X64_REGISTER_XMM0 + 1, 2, 3), HV_STATUS_SUCCESS);
	assert_int_equal(set2(HV_X64_REGISTER_FP_MMX0, 2, 3), HV_STATUS_SUCCESS);
	assert_int_equal(*bv(), 0);
	assert_int_equal(get2(HV_X64_REGISTER_XMM0, &high), 0x1111111111111111);
}

/* SINTs alone may be asked for, also while the VP runs. */
static void test_notifications(void **state)
{
	u32 name = HV_REGISTER_DELIVERABILITY_NOTIFICATIONS;

	(void)state;
	notify_memory = true;
	assert_int_equal(set(name, 0x8005ull << 48), HV_STATUS_SUCCESS);
	assert_int_equal(notify_sints, 0x8005);
	assert_int_equal(get(name), 0x8005ull << 48);
	for (u32 bit = 0; bit < 48; bit++)
		assert_int_equal(set(name, 1ull << bit), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(notify_sints, 0x8005);
	assert_true(register_is_live(name, true) && register_is_live(name, false));
	notify_memory = false;
	assert_int_equal(set(name, 1ull << 48), HV_STATUS_INSUFFICIENT_MEMORY);
}

static void test_explicit_suspend(void **state)
{
	(void)state;
	assert_int_equal(get(HV_REGISTER_EXPLICIT_SUSPEND), 1);
	assert_int_equal(set(HV_REGISTER_EXPLICIT_SUSPEND, 0), HV_STATUS_SUCCESS);
	assert_int_equal(released, 1);
	assert_int_equal(get(HV_REGISTER_EXPLICIT_SUSPEND), 0);
	assert_int_equal(set(HV_REGISTER_EXPLICIT_SUSPEND, 1), HV_STATUS_SUCCESS);
	assert_int_equal(suspended, 1);
	assert_int_equal(set(HV_REGISTER_EXPLICIT_SUSPEND, 2), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(suspended + released, 2);
}

static void test_intercept_suspend(void **state)
{
	(void)state;
	assert_int_equal(get(HV_REGISTER_INTERCEPT_SUSPEND), 0);
	fake_vp.stop |= VP_STOP_INTERCEPT;
	assert_int_equal(get(HV_REGISTER_INTERCEPT_SUSPEND), 1);
	settle_status = HV_STATUS_INVALID_REGISTER_VALUE;
	assert_int_equal(set(HV_REGISTER_INTERCEPT_SUSPEND, 0), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(HV_REGISTER_INTERCEPT_SUSPEND), 1);
	settle_status = HV_STATUS_SUCCESS;
	assert_int_equal(set(HV_REGISTER_INTERCEPT_SUSPEND, 1), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(settled, 1);
	assert_int_equal(set(HV_REGISTER_INTERCEPT_SUSPEND, 0), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_REGISTER_INTERCEPT_SUSPEND), 0);
}

static void test_activity(void **state)
{
	(void)state;
	for (u64 v = 0; v < 4; v++) {
		assert_int_equal(set(HV_REGISTER_INTERNAL_ACTIVITY, v), HV_STATUS_SUCCESS);
		assert_int_equal(get(HV_REGISTER_INTERNAL_ACTIVITY), v);
		assert_int_equal(waits, v & 1);
		assert_int_equal(fake_vp.stop, VP_STOP_EXPLICIT | (v & 1 ? VP_STOP_STARTUP : 0) |
						       (v & 2 ? VP_STOP_HALT : 0));
	}
	assert_int_equal(woken, 4);
	assert_int_equal(set(HV_REGISTER_INTERNAL_ACTIVITY, 8), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(HV_REGISTER_INTERNAL_ACTIVITY), 3);
	/* A halt that any interrupt ends, and one that it does not. */
	assert_int_equal(set(HV_REGISTER_INTERNAL_ACTIVITY, 4), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_REGISTER_INTERNAL_ACTIVITY), 4);
	assert_int_equal(fake_vp.stop, VP_STOP_EXPLICIT | VP_STOP_HALT);
	assert_true(fake_vp.idle);
	assert_int_equal(set(HV_REGISTER_INTERNAL_ACTIVITY, 2), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_REGISTER_INTERNAL_ACTIVITY), 2);
	assert_false(fake_vp.idle);
}

/* Names and the MSRs behind them. */
static const struct {
	u32 name;
	u32 msr;
	bool read_only;
} behind[] = {
	{ 0x00090000, 0x40000010, true },
	{ 0x00090001, 0x40000001, false },
	{ 0x00090002, 0x40000000, false },
	{ 0x00090003, 0x40000002, true },
	{ 0x00090004, 0x40000020, true },
	{ 0x00090013, 0x40000073, false },
	{ 0x00090017, 0x40000021, false },
	{ 0x00000210, 0x40000100, false },
	{ 0x00000215, 0x40000105, false },
	{ 0x000b0000, 0x400000b0, false },
	{ 0x000b0007, 0x400000b7, false },
	{ 0x000a0000, 0x40000090, false },
	{ 0x000a000f, 0x4000009f, false },
	{ 0x000a0010, 0x40000080, false },
	{ 0x000a0011, 0x40000081, true },
	{ 0x000a0012, 0x40000082, false },
	{ 0x000a0013, 0x40000083, false },
	{ 0x000a0014, 0x40000084, false },
};

static void test_msrs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		u32 name = behind[i].name;

		assert_int_equal(register_msr(name), behind[i].msr);
		*msr_at(behind[i].msr) = 0x1000 + i;
		assert_int_equal(get(name), 0x1000 + i);
		if (behind[i].read_only) {
			assert_int_equal(set(name, 1), HV_STATUS_ACCESS_DENIED);
			continue;
		}
		assert_int_equal(set(name, 0x2000 + i), HV_STATUS_SUCCESS);
		assert_int_equal(written, behind[i].msr);
		refuse = true;
		assert_int_equal(set(name, 0x2000 + i), HV_STATUS_INVALID_REGISTER_VALUE);
		refuse = false;
	}
	assert_int_equal(register_msr(HV_X64_REGISTER_RAX), 0);
	assert_int_equal(register_msr(0x12345678), 0);
}

static void test_apic_base(void **state)
{
	(void)state;
	assert_int_equal(set(HV_X64_REGISTER_APIC_BASE, 0xfee00900), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_APIC_BASE), 0xfee00900);
	refuse = true;
	assert_int_equal(set(HV_X64_REGISTER_APIC_BASE, 0), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(HV_X64_REGISTER_APIC_BASE), 0xfee00900);
}

static void test_tsc(void **state)
{
	struct reference_time *clock = &fake_partition.time;
	u64 first;

	(void)state;
	reference_time_start(clock);
	first = get(HV_X64_REGISTER_TSC);
	assert_true(get(HV_X64_REGISTER_TSC) > first);
	reference_time_freeze(clock);
	first = get(HV_X64_REGISTER_TSC);
	assert_int_equal(get(HV_X64_REGISTER_TSC), first);
	reference_time_restore(clock, 5, 1ull << 60, 17);
	assert_int_equal(get(HV_X64_REGISTER_TSC), 1ull << 60);
	assert_int_equal(get(HV_REGISTER_REFERENCE_TSC_SEQUENCE), 17);
	assert_int_equal(set(HV_REGISTER_REFERENCE_TSC_SEQUENCE, 1), HV_STATUS_ACCESS_DENIED);
	assert_int_equal(set(HV_X64_REGISTER_TSC, first), HV_STATUS_ACCESS_DENIED);
}

static void test_deadline(void **state)
{
	(void)state;
	assert_int_equal(set(HV_X64_REGISTER_TSC_DEADLINE, 1ull << 63), HV_STATUS_SUCCESS);
	assert_int_equal(get(HV_X64_REGISTER_TSC_DEADLINE), 1ull << 63);
	refuse = true;
	assert_int_equal(set(HV_X64_REGISTER_TSC_DEADLINE, 1), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(get(HV_X64_REGISTER_TSC_DEADLINE), 1ull << 63);
}

/* First and last name of each run, written down apart from the table. */
static const struct {
	u32 first, last;
} known[] = {
	{ 0x00000000, 0x00000001 },
	{ 0x00000004, 0x00000004 },
	{ 0x00000210, 0x00000215 },
	{ 0x00010002, 0x00010004 },
	{ 0x00010006, 0x00010006 },
	{ 0x00020000, 0x00020011 },
	{ 0x00030000, 0x00030019 },
	{ 0x00040000, 0x00040005 },
	{ 0x00050000, 0x00050005 },
	{ 0x00060000, 0x00060007 },
	{ 0x00070000, 0x00070001 },
	{ 0x00080000, 0x0008000c },
	{ 0x0008007b, 0x0008007b },
	{ 0x00080084, 0x00080084 },
	{ 0x00080095, 0x00080095 },
	{ 0x00090000, 0x00090004 },
	{ 0x00090013, 0x00090013 },
	{ 0x00090017, 0x00090017 },
	{ 0x0009001a, 0x0009001a },
	{ 0x000a0000, 0x000a0014 },
	{ 0x000b0000, 0x000b0007 },
};

static bool is_known(u32 name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (name >= known[i].first && name <= known[i].last)
			return true;
	return false;
}

static void test_every_name(void **state)
{
	union hv_register_value v;

	(void)state;
	for (u32 group = 0; group < 0x20; group++)
		for (u32 i = 0; i < 0x300; i++) {
			u32 name = group << 16 | i;
			enum hv_status expected = is_known(name) ? HV_STATUS_SUCCESS
								 : HV_STATUS_UNKNOWN_REGISTER_NAME;

			if (register_get(&fake_vp, name, &v) != expected)
				fail_msg("0x%x", name);
			if (!is_known(name))
				assert_int_equal(set(name, 0), HV_STATUS_UNKNOWN_REGISTER_NAME);
		}
	assert_int_equal(register_get(&fake_vp, 0xffffffff, &v), HV_STATUS_UNKNOWN_REGISTER_NAME);
}

/* Only suspension and notifications, of a VP that runs. */
static void test_live(void **state)
{
	(void)state;
	for (u32 group = 0; group < 0x20; group++)
		for (u32 i = 0; i < 0x300; i++) {
			u32 name = group << 16 | i;
			bool notify = name == 0x10006;

			assert_int_equal(register_is_live(name, false), name < 2 || notify);
			assert_int_equal(register_is_live(name, true), name == 0 || notify);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test_setup(test_general, setup),
		cmocka_unit_test_setup(test_segments, setup),
		cmocka_unit_test_setup(test_tables, setup),
		cmocka_unit_test_setup(test_xfem_fixed, setup),
		cmocka_unit_test_setup(test_tsc_aux_absent, setup),
		cmocka_unit_test_setup(test_fpu_initial, setup),
		cmocka_unit_test_setup(test_fpu_values, setup),
		cmocka_unit_test_setup(test_fpu_refused, setup),
		cmocka_unit_test_setup(test_fpu_without_xsave, setup),
		cmocka_unit_test_setup(test_notifications, setup),
		cmocka_unit_test_setup(test_explicit_suspend, setup),
		cmocka_unit_test_setup(test_intercept_suspend, setup),
		cmocka_unit_test_setup(test_activity, setup),
		cmocka_unit_test_setup(test_msrs, setup),
		cmocka_unit_test_setup(test_apic_base, setup),
		cmocka_unit_test_setup(test_tsc, setup),
		cmocka_unit_test_setup(test_deadline, setup),
		cmocka_unit_test_setup(test_every_name, setup),
		cmocka_unit_test_setup(test_live, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
