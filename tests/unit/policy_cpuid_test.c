/* SPDX-License-Identifier: MIT */
/*
 * CPUID and control registers by policy, on a host that has every bit of every
 * leaf, and on one that has none: numbers written down apart from the tables.
 * sources: hypervisor/policy_cpuid.c hypervisor/policy_cpuid_child.c hypervisor/xsave_area.c
 * sources: hypervisor/policy_cr.c tests/unit/fake_vp.c
 * cflags: -Itests/unit/fake_cpuid
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_vp.h"
#include "hv/cpuid.h"
#include "hypervisor/policy.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define ALL 0xffffffffu

static u32 host_bits; /* every register of every leaf */
static u32 host_max;  /* last basic leaf; extended ones likewise */

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	if (leaf == 0 || leaf == 0x80000000u)
		return (struct cpuid_regs){ leaf + host_max, host_bits, host_bits, host_bits };
	return (struct cpuid_regs){ host_bits, host_bits, host_bits, host_bits };
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	fake_cpu.features.xsave = true;
	fake_cpu.features.xcr0_mask = 0xe7;
	fake_cpu.features.xsave_size = 2688;
	fake_cpu.features.phys_bits = 40;
	fake_vp.apic_id = 0x25;
	fake_partition.privileges = 0x0020110200000c73ull;
	host_bits = ALL;
	host_max = 0x20;
	return 0;
}

static struct cpuid_regs root_leaf(u32 leaf)
{
	struct cpuid_regs r;

	policy_cpuid(&fake_vp, leaf, 0, &r);
	return r;
}

static void check(u32 leaf, u32 subleaf, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	struct cpuid_regs r;

	policy_cpuid(&fake_vp, leaf, subleaf, &r);
	if (r.eax != eax || r.ebx != ebx || r.ecx != ecx || r.edx != edx)
		fail_msg("leaf 0x%x.%u: 0x%x 0x%x 0x%x 0x%x", leaf, subleaf, r.eax, r.ebx, r.ecx,
			r.edx);
}

static void test_basic(void **state)
{
	(void)state;
	check(0x0, 0, 0xd, ALL, ALL, ALL);
	check(0x1, 0, ALL, 0x25ffffff, 0xf7fa3203, 0x1f8bfbff);
	check(0x2, 0, ALL, ALL, ALL, ALL);
	check(0x3, 0, 0, 0, 0, 0);
	check(0x4, 1, ALL, ALL, ALL, ALL);
	check(0x5, 0, 0, 0, 0, 0);
	check(0x6, 0, 4, 0, 0, 0);
	check(0x7, 0, 0, 0xfdbf27e9, 0x00405f46, 0x8c00051c);
	check(0x7, 1, 0, 0, 0, 0);
	check(0x8, 0, 0, 0, 0, 0);
	check(0x9, 0, 0, 0, 0, 0);
	check(0xa, 0, 0, 0, 0, 0);
	check(0xb, 0, ALL, ALL, ALL, 0x25);
	check(0xb, 1, ALL, ALL, ALL, 0x25);
	check(0xc, 0, 0, 0, 0, 0);
	check(0xd, 0, 0xe7, ALL, 2688, 0);
	check(0xd, 1, 7, ALL, 0, 0);
	check(0xd, 2, ALL, ALL, ALL, ALL);
	check(0xd, 3, 0, 0, 0, 0);
	check(0xd, 7, ALL, ALL, ALL, ALL);
	check(0xd, 8, 0, 0, 0, 0);
	check(0xd, 9, 0, 0, 0, 0);
	check(0xd, 64, 0, 0, 0, 0);
	check(0xd, 66, 0, 0, 0, 0);
	for (u32 leaf = 0xe; leaf < 0x40; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
	check(0x3fffffff, 0, 0, 0, 0, 0);
}

static void test_extended(void **state)
{
	(void)state;
	check(0x80000000, 0, 0x80000008, ALL, ALL, ALL);
	check(0x80000001, 0, ALL, ALL, 0x002109f3, 0xedd3fbff);
	for (u32 leaf = 0x80000002; leaf <= 0x80000006; leaf++)
		check(leaf, 0, ALL, ALL, ALL, ALL);
	check(0x80000007, 0, 0, 0, 0, 0x100);
	check(0x80000008, 0, 0xffff30ff, 0x0100d005, ALL, 0);
	for (u32 leaf = 0x80000009; leaf <= 0x80000040; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
	check(0x8000000a, 0, 0, 0, 0, 0);
	check(0xc0000000, 0, 0, 0, 0, 0);
	check(ALL, 0, 0, 0, 0, 0);
}

static void test_hypervisor(void **state)
{
	(void)state;
	/* "Microsoft Hv", "Hv#1" */
	check(0x40000000, 0, 0x4000000a, 0x7263694d, 0x666f736f, 0x76482074);
	check(0x40000001, 0, 0x31237648, 0, 0, 0);
	check(0x40000003, 0, 0x00000c73, 0x00201102, 0, 0x110);
	fake_partition.privileges &= ~(1ull << 11);
	check(0x40000003, 0, 0x00000473, 0x00201102, 0, 0x10);
	check(0x40000004, 0, 0xeac, ALL, 0, 0);
	check(0x40000005, 0, 64, 64, 0, 0);
	check(0x40000006, 0, 0xa, 0, 0, 0);
	for (u32 leaf = 0x40000007; leaf <= 0x40000020; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
	/* Where guests look for other hypervisors, and for a virtual stack. */
	for (u32 leaf = 0x40000100; leaf <= 0x40010000; leaf += 0x100)
		check(leaf, 0, 0, 0, 0, 0);
	check(0x40000080, 0, 0, 0, 0, 0);
	check(0x40000081, 0, 0, 0, 0, 0);
}

static void test_version(void **state)
{
	struct cpuid_regs r = root_leaf(0x40000002);

	(void)state;
	assert_int_not_equal(r.eax, 0);
	assert_int_equal(r.ecx, 0);
}

/* OSXSAVE follows the guest's CR4; nothing appears that the host lacks. */
static void test_changing_bits(void **state)
{
	(void)state;
	assert_int_equal(root_leaf(1).ecx & BIT(27), 0);
	fake_register(HV_X64_REGISTER_CR4)->u64 |= CR4_OSXSAVE;
	assert_int_equal(root_leaf(1).ecx & BIT(27), BIT(27));
	host_bits = 0;
	host_max = 5;
	fake_cpu.features.xsave = false;
	check(0x0, 0, 5, 0, 0, 0);
	check(0x1, 0, 0, 0x25000000, 0x80000000, 0);
	check(0x7, 0, 0, 0, 0, 0);
	check(0xb, 0, 0, 0, 0, 0);
	check(0xd, 0, 0, 0, 0, 0);
	check(0xd, 1, 0, 0, 0, 0);
	check(0x80000000, 0, 0x80000005, 0, 0, 0);
	check(0x80000001, 0, 0, 0, 0, 0);
}

static void test_cr0(void **state)
{
	(void)state;
	assert_true(policy_cr0_valid(&fake_vp, CR0_PE | CR0_PG));
	assert_true(policy_cr0_valid(&fake_vp, 0));
	assert_false(policy_cr0_valid(&fake_vp, CR0_PG));
	assert_false(policy_cr0_valid(&fake_vp, CR0_NW));
	assert_true(policy_cr0_valid(&fake_vp, CR0_NW | CR0_CD));
	for (u32 bit = 32; bit < 64; bit++)
		assert_false(policy_cr0_valid(&fake_vp, CR0_PE | BIT(bit)));
}

static void test_cr3(void **state)
{
	(void)state;
	assert_true(policy_cr3_valid(&fake_vp, BIT(40) - 1));
	for (u32 bit = 40; bit < 64; bit++)
		assert_false(policy_cr3_valid(&fake_vp, BIT(bit)));
}

/* Bits 0 to 11, 16, 17, 18, 20, 21: never VMXE, SMXE, LA57, PKE, CET. */
static void test_cr4(void **state)
{
	const u64 allowed = 0x370fff;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++)
		assert_int_equal(policy_cr4_valid(&fake_vp, BIT(bit)), allowed >> bit & 1);
	host_bits = 0;
	for (u32 bit = 0; bit < 64; bit++)
		assert_false(policy_cr4_valid(&fake_vp, BIT(bit)));
	assert_true(policy_cr4_valid(&fake_vp, 0));
}

/* SCE, LME, LMA, NXE: never SVME, LMSLE, FFXSR, TCE. */
static void test_efer(void **state)
{
	const u64 allowed = 0xd01;

	(void)state;
	for (u32 bit = 0; bit < 64; bit++)
		assert_int_equal(policy_efer_valid(&fake_vp, BIT(bit)), allowed >> bit & 1);
	host_bits = 0;
	assert_false(policy_efer_valid(&fake_vp, EFER_NXE));
	assert_true(policy_efer_valid(&fake_vp, 0));
}

static void test_xcr0(void **state)
{
	static const u64 good[] = { 1, 3, 7, 0xe7 };

	(void)state;
	for (u64 v = 0; v < 0x400; v++) {
		bool valid = false;

		for (size_t i = 0; i < 4; i++)
			valid |= v == good[i];
		assert_int_equal(policy_xcr0_valid(&fake_vp, v), valid);
	}
	for (u32 bit = 8; bit < 64; bit++)
		assert_false(policy_xcr0_valid(&fake_vp, 7 | BIT(bit)));
	fake_cpu.features.xcr0_mask = 3;
	assert_false(policy_xcr0_valid(&fake_vp, 7));
	assert_true(policy_xcr0_valid(&fake_vp, 3));
}

static void test_pat(void **state)
{
	static const u8 good[] = { 0, 1, 4, 5, 6, 7 };

	(void)state;
	assert_true(policy_pat_valid(0x0007040600070406ull));
	for (u32 place = 0; place < 8; place++)
		for (u64 type = 0; type < 256; type++) {
			bool valid = false;

			for (size_t i = 0; i < sizeof(good); i++)
				valid |= type == good[i];
			assert_int_equal(policy_pat_valid(type << (8 * place)), valid);
		}
}

static void test_mode(void **state)
{
	const u64 pg = CR0_PE | CR0_PG, lma = EFER_LME | EFER_LMA;

	(void)state;
	assert_true(policy_mode_valid(0, 0, 0));
	assert_true(policy_mode_valid(pg, 0, 0));
	assert_true(policy_mode_valid(pg, CR4_PAE, lma));
	assert_true(policy_mode_valid(pg, CR4_PAE | CR4_PCIDE, lma));
	assert_true(policy_mode_valid(CR0_PE, CR4_PAE, EFER_LME));
	assert_false(policy_mode_valid(pg, 0, lma));
	assert_false(policy_mode_valid(pg, CR4_PAE, EFER_LME));
	assert_false(policy_mode_valid(CR0_PE, CR4_PAE, lma));
	assert_false(policy_mode_valid(pg, CR4_PAE, EFER_LMA));
	assert_false(policy_mode_valid(pg, CR4_PAE | CR4_PCIDE, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_basic, setup),
		cmocka_unit_test_setup(test_extended, setup),
		cmocka_unit_test_setup(test_hypervisor, setup),
		cmocka_unit_test_setup(test_version, setup),
		cmocka_unit_test_setup(test_changing_bits, setup),
		cmocka_unit_test_setup(test_cr0, setup),
		cmocka_unit_test_setup(test_cr3, setup),
		cmocka_unit_test_setup(test_cr4, setup),
		cmocka_unit_test_setup(test_efer, setup),
		cmocka_unit_test_setup(test_xcr0, setup),
		cmocka_unit_test_setup(test_pat, setup),
		cmocka_unit_test_setup(test_mode, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
