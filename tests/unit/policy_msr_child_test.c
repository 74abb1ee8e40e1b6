/* SPDX-License-Identifier: MIT */
/*
 * MSRs of a child: every number of the ranges against a list written down
 * apart from the tables, for both vendors; nothing of the processor's; what
 * passes through; what is unknown, ignored or goes to the parent.
 * sources: hypervisor/policy_msr.c hypervisor/policy_cr.c hypervisor/reference_time.c tests/unit/fake_vp.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hv/vp.h"
#include "hypervisor/policy.h"
#include "hypervisor/synthetic.h"
#include "hypervisor/trap.h"
#include "policy_msr_machine.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define R     1
#define W     2
#define RW    3
#define INTEL 1
#define AMD   2
#define BOTH  3

/* What may be read and written, by whom, and what of it without an exit. */
static const struct expectation {
	u32 first, last;
	u8 vendor;
	u8 allowed;
	u8 pass;
} expectations[] = {
	{ 0x10, 0x10, BOTH, R, 0 },
	{ 0x17, 0x17, INTEL, R, 0 },
	{ 0x1b, 0x1b, BOTH, RW, 0 },
	{ 0x3a, 0x3a, INTEL, R, 0 },
	{ 0x8b, 0x8b, BOTH, RW, 0 },
	{ 0xfe, 0xfe, BOTH, R, 0 },
	{ 0x174, 0x176, BOTH, RW, RW },
	{ 0x179, 0x179, BOTH, R, 0 },
	{ 0x17a, 0x17a, BOTH, RW, 0 },
	{ 0x1a0, 0x1a0, INTEL, R, 0 }, /* writable with the value it has */
	{ 0x1d9, 0x1d9, BOTH, RW, 0 },
	{ 0x250, 0x250, BOTH, RW, 0 },
	{ 0x258, 0x259, BOTH, RW, 0 },
	{ 0x268, 0x26f, BOTH, RW, 0 },
	{ 0x277, 0x277, BOTH, RW, 0 },
	{ 0x2ff, 0x2ff, BOTH, RW, 0 },
	{ 0x6e0, 0x6e0, BOTH, RW, 0 },
	{ 0x800, 0x8ff, BOTH, RW, 0 },
	{ 0x40000000, 0x40000001, BOTH, RW, 0 },
	{ 0x40000002, 0x40000002, BOTH, R, 0 },
	{ 0x40000003, 0x40000003, BOTH, RW, 0 },
	{ 0x40000010, 0x40000010, BOTH, R, 0 },
	{ 0x40000020, 0x40000020, BOTH, R, 0 },
	{ 0x40000021, 0x40000021, BOTH, RW, 0 },
	{ 0x40000022, 0x40000023, BOTH, R, 0 },
	{ 0x40000070, 0x40000070, BOTH, W, 0 },
	{ 0x40000071, 0x40000073, BOTH, RW, 0 },
	{ 0x40000080, 0x40000084, BOTH, RW, 0 },
	{ 0x40000090, 0x4000009f, BOTH, RW, 0 },
	{ 0x400000b0, 0x400000b7, BOTH, RW, 0 },
	{ 0x400000f0, 0x400000f0, BOTH, R, 0 },
	{ 0x40000100, 0x40000105, BOTH, RW, 0 },
	{ 0xc0000080, 0xc0000080, BOTH, RW, 0 },
	{ 0xc0000081, 0xc0000084, BOTH, RW, RW },
	{ 0xc0000100, 0xc0000102, BOTH, RW, RW },
	{ 0xc0000103, 0xc0000103, BOTH, RW, 0 },
	{ 0xc0010010, 0xc0010010, AMD, RW, 0 },
	{ 0xc0010015, 0xc0010015, AMD, RW, 0 },
	{ 0xc001001f, 0xc001001f, AMD, RW, 0 },
	{ 0xc0010055, 0xc0010055, AMD, RW, 0 },
};

static const struct expectation nothing;

static bool intel, has_apic, has_tsc_aux;

static const struct expectation *expectation(u32 msr, u8 vendor)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
		if (msr >= expectations[i].first && msr <= expectations[i].last &&
			expectations[i].vendor & vendor)
			return &expectations[i];
	return &nothing;
}

/* The processor, which nothing here may touch. */
bool msr_read_safe(u32 msr, u64 *v)
{
	(void)v;
	fail_msg("0x%x of the processor read", msr);
	return false;
}

bool msr_write_safe(u32 msr, u64 v)
{
	(void)v;
	fail_msg("0x%x of the processor written", msr);
	return false;
}

void vp_tsc_aux_load(const struct vp *vp)
{
	(void)vp;
}

static u32 others; /* accesses of the APIC, the SynIC, the synthetic MSRs */

static bool other(struct vp *vp, u64 *v)
{
	assert_ptr_equal(vp, &fake_vp);
	others++;
	*v = 0x3333;
	return true;
}

bool vlapic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)msr;
	return other(vp, v);
}

bool vlapic_msr_write(struct vp *vp, u32 msr, u64 v)
{
	(void)msr;
	return other(vp, &v);
}

bool synic_msr_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)msr;
	return other(vp, v);
}

bool synic_msr_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(self, vp);
	(void)msr;
	return other(vp, &v);
}

bool synthetic_read(struct vp *vp, u32 msr, u64 *v)
{
	(void)msr;
	return other(vp, v);
}

bool synthetic_write(struct vp *vp, u32 msr, u64 v, struct vp *self)
{
	assert_ptr_equal(self, vp);
	(void)msr;
	return other(vp, &v);
}

struct cpuid_regs policy_cpuid_of(const struct partition *p, u32 leaf)
{
	assert_ptr_equal(p, &fake_partition);
	switch (leaf) {
	case 0:
		return (struct cpuid_regs){ 0xd, intel ? 0x756e6547 : 0x68747541, 0, 0 };
	case 1:
		return (struct cpuid_regs){ 0, 0, ~0u, has_apic ? ~0u : ~(1u << 9) };
	case 7:
		return (struct cpuid_regs){ 0 };
	default:
		return (struct cpuid_regs){ 0, 0, 0, has_tsc_aux ? ~0u : ~(1u << 27) };
	}
}

static int setup(void **state)
{
	static struct partition parent;

	(void)state;
	fake_vp_reset();
	fake_partition.parent = &parent;
	fake_partition.privileges = ~0ull;
	fake_partition.microcode = 0x1234ull << 32;
	intel = has_apic = has_tsc_aux = true;
	policy_msr_init(&fake_partition);
	fake_mode.cr0 = CR0_PE;
	fake_mode.efer = 0;
	others = stimer_accesses = 0;
	pending_vector = -1;
	return 0;
}

static void check_number(u32 msr, u8 vendor)
{
	u8 allowed = expectation(msr, vendor)->allowed;
	u32 lines = fake_log_lines;
	u64 v;

	if (policy_msr_read(&fake_vp, msr, &v) != ((allowed & R) != 0))
		fail_msg("read of 0x%x", msr);
	assert_int_equal(fake_log_lines, lines + !(allowed & R));
	lines = fake_log_lines;
	if (policy_msr_write(&fake_vp, msr, 0) != ((allowed & W) != 0))
		fail_msg("write of 0x%x", msr);
	assert_int_equal(fake_log_lines, lines + !(allowed & W));
}

static void check_all(u8 vendor)
{
	intel = vendor == INTEL;
	policy_msr_init(&fake_partition);
	for (u32 i = 0; i < 0x2000; i++) {
		check_number(i, vendor);
		check_number(0x40000000 + i, vendor);
		check_number(0xc0000000 + i, vendor);
		check_number(0xc0010000 + i, vendor);
	}
	check_number(0xffffffff, vendor);
}

static void test_every_number(void **state)
{
	(void)state;
	check_all(INTEL);
	check_all(AMD);
}

static u8 passes[2][0x2000];

static void pass(void *ctx, u32 msr, bool read, bool write)
{
	u8 *p = &passes[msr >= 0xc0000000][msr & 0x1fff];

	assert_ptr_equal(ctx, passes);
	assert_int_equal(*p, 0);
	*p = (u8)((read ? R : 0) | (write ? W : 0));
}

/* The same for every child, whatever its CPUID. */
static void test_pass_through(void **state)
{
	(void)state;
	fake_partition.msr_groups = 0;
	policy_msr_pass_through(&fake_partition, pass, passes);
	for (u32 i = 0; i < 0x2000; i++) {
		assert_int_equal(passes[0][i], expectation(i, BOTH)->pass);
		assert_int_equal(passes[1][i], expectation(0xc0000000 + i, BOTH)->pass);
	}
}

static void reads(u32 msr, u64 expected)
{
	u64 v;

	assert_true(policy_msr_read(&fake_vp, msr, &v));
	assert_int_equal(v, expected);
}

static void writes(u32 msr, u64 v)
{
	assert_true(policy_msr_write(&fake_vp, msr, v));
}

static void refuses(u32 msr, u64 v)
{
	assert_false(policy_msr_write(&fake_vp, msr, v));
}

static void test_constants(void **state)
{
	static const u32 fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x26f };

	(void)state;
	reads(0x17, 0);
	reads(0x3a, 1);
	reads(0x8b, 0x1234ull << 32);
	refuses(0x8b, 1);
	reads(0xfe, 0x100);
	refuses(0xfe, 0x100);
	reads(0x179, 0);
	reads(0x17a, 0);
	refuses(0x17a, 1);
	reads(0x1a0, 0x1801);
	writes(0x1a0, 0x1801);
	refuses(0x1a0, 0x1800);
	reads(0x1d9, 0);
	refuses(0x1d9, 1);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		writes(fixed[i], 0);
		reads(fixed[i], 0x0606060606060606ull);
	}
	writes(0x2ff, 0);
	reads(0x2ff, 0xc06);
	intel = false;
	policy_msr_init(&fake_partition);
	reads(0xc0010010, 0);
	refuses(0xc0010010, 1ull << 20);
	writes(0xc0010015, 0);
	reads(0xc0010015, 1ull << 24);
	writes(0xc001001f, ~0ull);
	reads(0xc001001f, 0);
	reads(0xc0010055, 0);
}

/* By the partition's CPUID, not by the host's. */
static void test_groups(void **state)
{
	u64 v;

	(void)state;
	writes(MSR_TSC_AUX, 7);
	reads(MSR_TSC_AUX, 7);
	has_tsc_aux = has_apic = false;
	policy_msr_init(&fake_partition);
	assert_false(policy_msr_read(&fake_vp, MSR_TSC_AUX, &v));
	refuses(MSR_TSC_AUX, 0);
	assert_false(policy_msr_read(&fake_vp, 0x1b, &v));
	assert_false(policy_msr_read(&fake_vp, 0x802, &v));
	assert_false(policy_msr_read(&fake_vp, 0x6e0, &v));
	refuses(0x40000070, 0);
	assert_int_equal(others, 0);
}

static void test_unknown_ignored(void **state)
{
	u32 lines = fake_log_lines;

	(void)state;
	fake_partition.ignore_msrs = true;
	reads(0xce, 0);
	writes(0xce, 0xdead);
	reads(0xc0010010, 0); /* AMD's, on Intel */
	writes(0xc0010010, 1);
	reads(0x200, 0); /* the root's */
	assert_int_equal(fake_log_lines, lines);
	/* What is known stays as strict as it is. */
	refuses(MSR_PAT, 2);
	refuses(0xfe, 0);
	refuses(0x40000004, 0);
	fake_partition.privileges = 0;
	refuses(0x40000000, 0);
	assert_int_equal(fake_log_lines, lines + 4);
}

/* No line where the parent will hear of it. */
static void test_parent_asked(void **state)
{
	u64 v;

	(void)state;
	fake_partition.intercepts.msr = HV_INTERCEPT_READ;
	assert_false(policy_msr_read(&fake_vp, 0xce, &v));
	assert_int_equal(fake_log_lines, 0);
	refuses(0xce, 0);
	assert_int_equal(fake_log_lines, 1);
	fake_partition.intercepts.msr = HV_INTERCEPT_WRITE;
	refuses(0xce, 0);
	assert_int_equal(fake_log_lines, 1);
}

/* Its parent has to do it, so it is no mistake of the guest's. */
static void test_parent_told(void **state)
{
	static const struct {
		u32 msr;
		u64 told, not ;
	} rows[] = {
		{ 0x40000003, 1, 0 },
		{ 0x40000105, 1ull << 63, 1ull << 62 },
		{ 0x40000105, 3ull << 62, 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		writes(rows[i].msr, rows[i].not );
		refuses(rows[i].msr, rows[i].told);
		assert_true(policy_msr_tells_parent(&fake_vp, rows[i].msr));
	}
	assert_int_equal(fake_log_lines, 0);
	assert_false(policy_msr_tells_parent(&fake_vp, 0x40000104));
	assert_false(policy_msr_tells_parent(&fake_vp, 0xce));
	fake_partition.privileges = 0;
	assert_false(policy_msr_tells_parent(&fake_vp, 0x40000003));
	refuses(0x40000003, 1);
	assert_int_equal(fake_log_lines, 1);
}

u64 clock_tsc_hz = 1000000000;

/* As RDTSC tells it, and only to be read. */
static void test_tsc(void **state)
{
	u64 v;

	(void)state;
	reference_time_start(&fake_partition.time);
	fake_partition.time.tsc_offset = 1ull << 60;
	assert_true(policy_msr_read(&fake_vp, 0x10, &v));
	assert_in_range(v, 1ull << 60, 1ull << 61);
	reference_time_freeze(&fake_partition.time);
	assert_true(policy_msr_read(&fake_vp, 0x10, &v));
	reads(0x10, v);
	refuses(0x10, v);
}

/* It halts, unless there is something to take. */
static void test_idle(void **state)
{
	(void)state;
	fake_vp.stop = 0;
	pending_vector = 0x31;
	reads(0x400000f0, 0);
	assert_int_equal(fake_vp.stop, 0);
	pending_vector = -1;
	reads(0x400000f0, 0);
	assert_int_equal(fake_vp.stop, VP_STOP_HALT);
	assert_true(fake_vp.idle);
	refuses(0x400000f0, 0);
	reads(0x400000b7, 0x4444);
	writes(0x400000b0, 1);
	assert_int_equal(stimer_accesses, 2);
	fake_partition.privileges = ~BIT(3);
	refuses(0x400000b0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_number, setup),
		cmocka_unit_test_setup(test_pass_through, setup),
		cmocka_unit_test_setup(test_constants, setup),
		cmocka_unit_test_setup(test_groups, setup),
		cmocka_unit_test_setup(test_unknown_ignored, setup),
		cmocka_unit_test_setup(test_parent_asked, setup),
		cmocka_unit_test_setup(test_parent_told, setup),
		cmocka_unit_test_setup(test_tsc, setup),
		cmocka_unit_test_setup(test_idle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
