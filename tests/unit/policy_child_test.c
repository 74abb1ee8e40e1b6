/* SPDX-License-Identifier: MIT */
/*
 * What a child sees of the processor: its CPUID table on a host that has every
 * bit, what its parent disables, what goes with that, topology and sizes; and
 * that none of it follows the host once the child is made.
 * sources: hypervisor/policy_child.c hypervisor/policy_cpuid.c
 * sources: hypervisor/policy_cpuid_child.c hypervisor/xsave_area.c hypervisor/policy_cr.c tests/unit/fake_vp.c
 * cflags: -Itests/unit/fake_cpuid -Itests/unit/fake_cr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fake_vp.h"
#include "hypervisor/clock.h"
#include "hypervisor/policy.h"
#include "hypervisor/trap.h"
#include "x86/cr.h"
#include "x86/msr.h"

#define ALL     0xffffffffu
#define INTEL   0x756e6547u
#define AMD     0x68747541u
#define X2APIC  (1u << 21)
#define AVX     (1u << 28)
#define XSAVE   (1u << 26)
#define AVX512F (1u << 16)

u64 fake_xcr0;
u64 fake_dr[4];
u64 clock_tsc_hz = 2500000000ull;

/* The host. */
static u32 host_bits, host_max, host_vendor;
static bool host_gone;
static u32 msr_groups_settled;

/* L1 data and code, L2, L3, and a fifth that has no place. */
static struct cpuid_regs cache(u32 subleaf)
{
	static const u32 eax[] = { 0x1c004121, 0x1c004122, 0x1c004143, 0x1c03c163, 0x1c03c183 };

	return (struct cpuid_regs){ subleaf < 5 ? eax[subleaf] : 0, 0x1c0003f, 63, 0 };
}

static struct cpuid_regs component(u32 subleaf)
{
	static const struct cpuid_regs regs[] = {
		[2] = { 256, 576, 0, 0 },
		[5] = { 64, 1088, 0, 0 },
		[6] = { 512, 1152, 2, 0 },
		[7] = { 1024, 1664, 2, 0 },
	};

	if (subleaf == 1)
		return (struct cpuid_regs){ ALL, 12345, ALL, ALL };
	return subleaf < 8 ? regs[subleaf] : (struct cpuid_regs){ ALL, ALL, ALL, ALL };
}

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf)
{
	if (host_gone)
		fail_msg("leaf 0x%x of the host read late", leaf);
	if (leaf == 0)
		return (struct cpuid_regs){ host_max, host_vendor, 0x6c65746e, 0x49656e69 };
	if (leaf == 0x80000000u)
		return (struct cpuid_regs){ leaf + host_max, 0, 0, 0 };
	if (leaf == 4)
		return cache(subleaf);
	if (leaf == 0xd)
		return component(subleaf);
	if (leaf == 0x80000008u)
		return (struct cpuid_regs){ 0x00003928, host_bits, 0x7007, host_bits };
	return (struct cpuid_regs){ host_bits, host_bits, host_bits, host_bits };
}

struct cpu *this_cpu(void)
{
	return &fake_cpu;
}

bool msr_read_safe(u32 msr, u64 *v)
{
	assert_int_equal(msr, 0x8b);
	*v = 0xabcdull << 32;
	return !host_gone;
}

void policy_msr_init(struct partition *p)
{
	/* By then CPUID is settled. */
	assert_int_equal(policy_cpuid_of(p, 0).ebx, host_vendor);
	msr_groups_settled++;
}

static struct hv_creation_properties off;

static void make(u64 flags)
{
	static struct partition parent;

	host_gone = false;
	fake_partition.parent = &parent;
	fake_partition.create_flags = flags;
	policy_child_init(&fake_partition, &off);
	host_gone = true;
}

static int setup(void **state)
{
	(void)state;
	fake_vp_reset();
	memset(&off, 0, sizeof(off));
	fake_cpu.features.xsave = true;
	fake_cpu.features.xcr0_mask = 0xe7;
	fake_vp.apic_id = 0;
	host_bits = ALL;
	host_max = 0x20;
	host_vendor = INTEL;
	fake_xcr0 = 7;
	msr_groups_settled = 0;
	make(HV_CREATE_LOCAL_APIC | HV_CREATE_X2APIC);
	return 0;
}

static struct cpuid_regs get(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	policy_cpuid(&fake_vp, leaf, subleaf, &r);
	return r;
}

static void check(u32 leaf, u32 subleaf, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	struct cpuid_regs r = get(leaf, subleaf);

	if (r.eax != eax || r.ebx != ebx || r.ecx != ecx || r.edx != edx)
		fail_msg("leaf 0x%x.%u: 0x%x 0x%x 0x%x 0x%x", leaf, subleaf, r.eax, r.ebx, r.ecx,
			r.edx);
}

/* Beside the root's: no HTT with one VP, no SPEC_CTRL. */
static void test_all_bits(void **state)
{
	(void)state;
	check(0x0, 0, 0xd, INTEL, 0x6c65746e, 0x49656e69);
	check(0x1, 0, ALL, 0x0001ffff, 0xf7fa3203, 0x0f8bfbff);
	check(0x2, 0, ALL, ALL, ALL, ALL);
	check(0x3, 0, 0, 0, 0, 0);
	check(0x6, 0, 4, 0, 0, 0);
	check(0x7, 0, 0, 0xfdbf27e9, 0x00405f46, 0x0000051c);
	check(0x7, 1, 0, 0, 0, 0);
	check(0xa, 0, 0, 0, 0, 0);
	check(0x80000000, 0, 0x80000008, 0, 0, 0);
	check(0x80000001, 0, ALL, ALL, 0x002109f1, 0xedd3fbff);
	check(0x80000004, 7, ALL, ALL, ALL, ALL);
	check(0x80000007, 0, 0, 0, 0, 0x100);
	check(0x80000008, 0, 0x00003028, 0x00000005, 0x7007, 0);
	for (u32 leaf = 0xe; leaf < 0x40; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
	for (u32 leaf = 0x80000009; leaf < 0x80000040; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
	check(ALL, 0, 0, 0, 0, 0);
	assert_int_equal(fake_partition.tsc_hz, clock_tsc_hz);
	assert_int_equal(fake_partition.microcode, 0xabcdull << 32);
	assert_int_equal(msr_groups_settled, 1);
	/* What a parent may be told: bits of the banks that exist, by their TLFS numbers. */
	assert_int_equal(fake_partition.processor_features[0], 0x16020fcfa7ffffffull);
	assert_int_equal(fake_partition.processor_features[1], 0x20006);
	assert_int_equal(fake_partition.xsave_states, 0xe7);
}

/* Behind its last leaf the host answers with whatever. */
static void test_small_host(void **state)
{
	(void)state;
	host_max = 7;
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(0, 0).eax, 7);
	check(0xb, 0, 0, 0, 0, 0);
	check(0xd, 0, 0, 0, 0, 0);
	assert_int_equal(get(0x80000000, 0).eax, 0x80000007);
	assert_int_equal(get(1, 0).ecx & (XSAVE | AVX), 0);
	assert_int_equal(fake_partition.xsave_states, 0);
}

/* A TLFS number of a feature, and where it stands in CPUID; leaf 0xd1 is 0xd.1. */
static const struct feature {
	u8 word, bit;
	u32 leaf;
	char reg;
	u8 cpuid_bit;
} features[] = {
	{ 0, 0, 1, 'c', 0 },
	{ 0, 5, 0x80000001, 'c', 6 },
	{ 0, 15, 0x80000001, 'd', 26 },
	{ 0, 18, 1, 'c', 17 },
	{ 0, 22, 7, 'b', 0 },
	{ 0, 23, 7, 'b', 7 },
	{ 0, 31, 7, 'b', 13 },
	{ 0, 35, 7, 'b', 20 },
	{ 0, 38, 0x80000001, 'd', 27 },
	{ 0, 42, 0x80000008, 'b', 2 },
	{ 0, 49, 7, 'd', 4 },
	{ 0, 57, 7, 'c', 22 },
	{ 0, 58, 7, 'c', 2 },
	{ 0, 60, 7, 'd', 10 },
	{ 1, 1, 0x80000007, 'd', 8 },
	{ 1, 2, 0x80000008, 'b', 0 },
	{ 1, 17, 1, 'c', 24 },
	{ 2, 1, 0xd1, 'a', 0 },
	{ 2, 4, 1, 'c', 12 },
	{ 2, 7, 7, 'b', 17 },
	{ 2, 11, 0xd1, 'a', 1 },
	{ 2, 19, 7, 'c', 8 },
	{ 2, 24, 7, 'd', 8 },
};

static bool shows(const struct feature *f)
{
	struct cpuid_regs r = get(f->leaf == 0xd1 ? 0xd : f->leaf, f->leaf == 0xd1);
	u32 v = f->reg == 'a' ? r.eax : f->reg == 'b' ? r.ebx : f->reg == 'c' ? r.ecx : r.edx;

	return v >> f->cpuid_bit & 1;
}

/* Each feature takes away its own bit, and the one it names. */
static void test_each_feature(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];
		u64 *word = f->word < 2 ? &off.disabled_processor_features[f->word]
					: &off.disabled_xsave_features;

		*word = 1ull << f->bit;
		make(HV_CREATE_LOCAL_APIC | HV_CREATE_X2APIC);
		if (shows(f))
			fail_msg("word %u bit %u", f->word, f->bit);
		if (f->word < 2)
			assert_int_equal(
				fake_partition.processor_features[f->word] >> f->bit & 1, 0);
		*word = 0;
		make(HV_CREATE_LOCAL_APIC | HV_CREATE_X2APIC);
		assert_true(shows(f));
	}
}

/* Everything, bits without a name included: what is left has no number. */
static void test_all_features(void **state)
{
	(void)state;
	memset(&off, 0xff, sizeof(off));
	make(HV_CREATE_LOCAL_APIC | HV_CREATE_X2APIC);
	assert_int_equal(fake_partition.processor_features[0], 0);
	assert_int_equal(fake_partition.processor_features[1], 0);
	assert_int_equal(fake_partition.xsave_states, 0);
	assert_int_equal(get(1, 0).ecx, 0x80200000);
	check(0x7, 0, 0, 0x40, 0, 0);
	check(0xd, 0, 0, 0, 0, 0);
	check(0xd, 1, 0, 0, 0, 0);
	check(0xd, 2, 0, 0, 0, 0);
}

#define C1_AVX    (AVX | 1u << 12 | 1u << 29)
#define X1_AVX    (1u << 11 | 1u << 16 | 1u << 21)
#define B7_AVX    (1u << 5 | B7_AVX512)
#define C7_AVX    (1u << 9 | 1u << 10 | C7_AVX512)
#define B7_AVX512 0xdc230000u
#define C7_AVX512 0x5842u
#define D7_AVX512 0x10cu

static void test_no_avx(void)
{
	assert_int_equal(get(1, 0).ecx & C1_AVX, 0);
	assert_int_equal(get(0x80000001, 0).ecx & X1_AVX, 0);
	assert_int_equal(get(7, 0).ebx & B7_AVX, 0);
	assert_int_equal(get(7, 0).ecx & C7_AVX, 0);
	assert_int_equal(get(7, 0).edx & D7_AVX512, 0);
	assert_false(policy_xcr0_valid(&fake_vp, 7));
}

/* Nothing without its registers' place in the XSAVE area. */
static void test_dependencies(void **state)
{
	(void)state;
	off.disabled_xsave_features = 1;
	make(HV_CREATE_LOCAL_APIC);
	test_no_avx();
	assert_int_equal(get(1, 0).ecx & XSAVE, 0);
	assert_int_equal(fake_partition.xsave_states, 0);
	assert_false(policy_cr4_valid(&fake_vp, CR4_OSXSAVE));
	check(0xd, 0, 0, 0, 0, 0);
	/* Without AVX there is XSAVE of the rest. */
	off.disabled_xsave_features = 1 << 2;
	make(HV_CREATE_LOCAL_APIC);
	test_no_avx();
	assert_int_equal(fake_partition.xsave_states, 3);
	fake_xcr0 = 3;
	check(0xd, 0, 3, 576, 576, 0);
	check(0xd, 2, 0, 0, 0, 0);
	assert_true(policy_xcr0_valid(&fake_vp, 3));
	assert_true(get(7, 0).ecx & 1u << 8); /* GFNI is there for SSE as well */
	/* The same if the host does not switch it. */
	off.disabled_xsave_features = 0;
	fake_cpu.features.xcr0_mask = 3;
	make(HV_CREATE_LOCAL_APIC);
	test_no_avx();
	fake_cpu.features.xcr0_mask = 0xe7;
	/* AVX-512 needs AVX2, and takes its own with it. */
	off.disabled_xsave_features = 1 << 3;
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(7, 0).ebx & B7_AVX, 0);
	assert_int_equal(get(1, 0).ecx & C1_AVX, C1_AVX);
	assert_int_equal(fake_partition.xsave_states, 7);
	off.disabled_xsave_features = 1 << 6;
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(7, 0).ebx & B7_AVX, 1u << 5);
	assert_int_equal(get(7, 0).ecx & C7_AVX512, 0);
	assert_int_equal(get(7, 0).edx & D7_AVX512, 0);
	assert_int_equal(fake_partition.xsave_states, 7);
	check(0xd, 5, 0, 0, 0, 0);
	/* Vectors of AES need AES. */
	off.disabled_xsave_features = 0;
	off.disabled_processor_features[0] = 1ull << 16 | 1ull << 17;
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(7, 0).ecx & (1u << 9 | 1u << 10), 0);
}

/* By the VP's XCR0 as it is. */
static void test_xsave_sizes(void **state)
{
	(void)state;
	fake_xcr0 = 1;
	check(0xd, 0, 0xe7, 576, 2688, 0);
	fake_xcr0 = 7;
	check(0xd, 0, 0xe7, 832, 2688, 0);
	check(0xd, 1, 7, 832, 0, 0);
	fake_xcr0 = 0xe7;
	check(0xd, 0, 0xe7, 2688, 2688, 0);
	/* 576 + 256 + 64, then to 64, 512 and 1024. */
	check(0xd, 1, 7, 576 + 256 + 64 + 512 + 1024, 0, 0);
	check(0xd, 2, 256, 576, 0, 0);
	check(0xd, 3, 0, 0, 0, 0);
	check(0xd, 7, 1024, 1664, 2, 0);
	check(0xd, 8, 0, 0, 0, 0);
	check(0xd, 64, 0, 0, 0, 0);
	/* Without XSAVEC no compacted form. */
	off.disabled_xsave_features = 1 << 11;
	make(HV_CREATE_LOCAL_APIC);
	check(0xd, 1, 5, 0, 0, 0);
}

static void test_apic(void **state)
{
	(void)state;
	assert_int_equal(get(1, 0).ecx & X2APIC, X2APIC);
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(1, 0).ecx & X2APIC, 0);
	assert_int_equal(get(1, 0).edx & 1u << 9, 1u << 9);
	make(HV_CREATE_X2APIC);
	assert_int_equal(get(1, 0).ecx & (X2APIC | 1u << 24), 0);
	assert_int_equal(get(1, 0).edx & 1u << 9, 0);
	assert_int_equal(get(0x80000001, 0).edx & 1u << 9, 0);
	/* It is ours, so it does not take a host that has one. */
	host_bits = 0;
	make(HV_CREATE_LOCAL_APIC | HV_CREATE_X2APIC);
	assert_int_equal(get(1, 0).ecx & X2APIC, X2APIC);
}

static void test_osxsave(void **state)
{
	(void)state;
	assert_int_equal(get(1, 0).ecx & 1u << 27, 0);
	fake_register(HV_X64_REGISTER_CR4)->u64 |= CR4_OSXSAVE;
	assert_int_equal(get(1, 0).ecx & 1u << 27, 1u << 27);
}

/* VPs 0 to 4: ids of three bits. */
static void test_topology(void **state)
{
	(void)state;
	fake_partition.vp_limit = 1;
	check(0xb, 0, 0, 1, 0x100, 0);
	check(0xb, 1, 0, 1, 0x201, 0);
	check(0xb, 2, 0, 0, 2, 0);
	check(0x4, 0, 0x121, 0x1c0003f, 63, 0);
	fake_partition.vp_limit = 5;
	fake_vp.apic_id = 3;
	assert_int_equal(get(1, 0).ebx, 0x0308ffff);
	assert_int_equal(get(1, 0).edx & 1u << 28, 1u << 28);
	check(0xb, 0, 0, 1, 0x100, 3);
	check(0xb, 1, 3, 5, 0x201, 3);
	check(0xb, 2, 0, 0, 2, 3);
	check(0xb, 0x105, 0, 0, 5, 3);
	/* Level 1 and 2 are each core's, level 3 is the socket's; no fifth cache. */
	check(0x4, 0, 7u << 26 | 0x121, 0x1c0003f, 63, 0);
	check(0x4, 2, 7u << 26 | 0x143, 0x1c0003f, 63, 0);
	check(0x4, 3, 7u << 26 | 7u << 14 | 0x163, 0x1c0003f, 63, 0);
	check(0x4, 4, 0, 0, 0, 0);
	check(0x4, ALL, 0, 0, 0, 0);
	/* Intel has no cores there. */
	assert_int_equal(get(0x80000008, 0).ecx, 0x7007);
	host_vendor = AMD;
	make(HV_CREATE_LOCAL_APIC);
	assert_int_equal(get(0x80000008, 0).ecx, 3u << 12 | 4);
	assert_int_equal(get(0x80000001, 0).ecx & 2, 2);
	fake_partition.vp_limit = 1;
	assert_int_equal(get(0x80000008, 0).ecx, 0);
	assert_int_equal(get(0x80000001, 0).ecx & 2, 0);
}

static void test_hypervisor_leaves(void **state)
{
	(void)state;
	check(0x40000000, 0, 0x4000000a, 0x7263694d, 0x666f736f, 0x76482074);
	check(0x40000001, 0, 0x31237648, 0, 0, 0);
	fake_partition.privileges = 0x3000000a6eull;
	check(0x40000003, 0, 0xa6e, 0x30, 0, 0x80510);
	/* No interrupt remapping; the APIC's MSRs only to those who may use them. */
	check(0x40000004, 0, 0xe24, 0xfff, 0, 0);
	fake_partition.privileges = 0x3000000010ull;
	check(0x40000003, 0, 0x10, 0x30, 0, 0x410);
	check(0x40000004, 0, 0xe2c, 0xfff, 0, 0);
	check(0x40000005, 0, 64, 64, 0, 0);
	check(0x40000006, 0, 0xa, 0, 0, 0);
	for (u32 leaf = 0x40000007; leaf <= 0x40000020; leaf++)
		check(leaf, 0, 0, 0, 0, 0);
}

/* Control registers follow the table, not the host. */
static void test_control(void **state)
{
	(void)state;
	assert_true(policy_cr4_valid(&fake_vp, CR4_SMEP | CR4_PCIDE | CR4_UMIP));
	assert_true(policy_efer_valid(&fake_vp, EFER_NXE));
	assert_true(policy_cr3_valid(&fake_vp, (1ull << 40) - 1));
	assert_false(policy_cr3_valid(&fake_vp, 1ull << 40));
	assert_true(policy_xcr0_valid(&fake_vp, 0xe7));
	off.disabled_processor_features[0] = 1ull << 23 | 1ull << 18 | 1ull << 58;
	make(HV_CREATE_LOCAL_APIC);
	assert_false(policy_cr4_valid(&fake_vp, CR4_SMEP));
	assert_false(policy_cr4_valid(&fake_vp, CR4_PCIDE));
	assert_false(policy_cr4_valid(&fake_vp, CR4_UMIP));
	assert_true(policy_cr4_valid(&fake_vp, CR4_SMAP));
	assert_int_equal(policy_cpuid_of(&fake_partition, 0x40000000).eax, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_bits, setup),
		cmocka_unit_test_setup(test_small_host, setup),
		cmocka_unit_test_setup(test_each_feature, setup),
		cmocka_unit_test_setup(test_all_features, setup),
		cmocka_unit_test_setup(test_dependencies, setup),
		cmocka_unit_test_setup(test_xsave_sizes, setup),
		cmocka_unit_test_setup(test_apic, setup),
		cmocka_unit_test_setup(test_osxsave, setup),
		cmocka_unit_test_setup(test_topology, setup),
		cmocka_unit_test_setup(test_hypervisor_leaves, setup),
		cmocka_unit_test_setup(test_control, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
