/* SPDX-License-Identifier: MIT */
/*
 * Which made-up processors the AMD-V back end refuses, and what it tells.
 * sources: hypervisor/svm/caps.c
 * cflags: -I tests/unit/fake_cpuid
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/svm/caps.h"
#include "hypervisor/trap.h"
#include "x86/cpu.h"

bool msr_read_safe(u32 msr, u64 *v)
{
	(void)msr;
	(void)v;
	return false;
}

static struct cpuid_regs leaf_1, leaf_hypervisor;

struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	assert_true(leaf == 1 || leaf == 0x40000000);
	return leaf == 1 ? leaf_1 : leaf_hypervisor;
}

/* Only QEMU's own processor; KVM in QEMU, and bare metal, deliver once. */
static void only_one_delivers_twice(void **state)
{
	static const char *const names[] = { "TCGTCGTCGTCG", "KVMKVMKVM\0\0", "TCGTCGTCGTCH" };

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		memcpy(&leaf_hypervisor.ebx, names[i], 4);
		memcpy(&leaf_hypervisor.ecx, names[i] + 4, 4);
		memcpy(&leaf_hypervisor.edx, names[i] + 8, 4);
		leaf_1.ecx = 1u << 31;
		assert_int_equal(svm_caps_delivers_twice(), i == 0);
		leaf_1.ecx = 0x7fffffff;
		assert_false(svm_caps_delivers_twice());
	}
}

/* Numbers are the APM's, written out once more. */
static const struct svm_caps good = {
	.max_extended_leaf = 0x8000001f,
	.extended_ecx = 1u << 2,
	.vm_cr = 0,
	.asids = 16,
	.features = 1u << 0,
};

static void expect_line(const struct svm_caps *caps, const char *what, const char *advice)
{
	const char *line = svm_caps_unsupported(caps);

	assert_non_null(line);
	assert_non_null(strstr(line, what));
	assert_non_null(strstr(line, advice));
	assert_null(strchr(line, '\n'));
}

static void test_usable(void **state)
{
	struct svm_caps caps = good;

	(void)state;
	assert_null(svm_caps_unsupported(&caps));
	/* A lock bit without the disable bit forbids nothing. */
	caps.vm_cr = 1u << 3;
	assert_null(svm_caps_unsupported(&caps));
	caps.asids = 2;
	assert_null(svm_caps_unsupported(&caps));
}

static void test_no_svm(void **state)
{
	struct svm_caps caps = good;

	(void)state;
	caps.extended_ecx = ~(1u << 2);
	expect_line(&caps, "no AMD-V (SVM)", "choose another machine");
	caps = good;
	caps.max_extended_leaf = 0x80000000;
	expect_line(&caps, "no AMD-V (SVM)", "choose another machine");
}

static void test_off_in_firmware(void **state)
{
	struct svm_caps caps = good;

	(void)state;
	caps.vm_cr = 1u << 4;
	expect_line(&caps, "switched off in firmware", "enable SVM in the BIOS setup");
	caps.vm_cr = 1u << 4 | 1u << 3;
	expect_line(&caps, "switched off in firmware", "enable SVM in the BIOS setup");
}

static void test_no_nested_paging(void **state)
{
	struct svm_caps caps = good;

	(void)state;
	caps.features = ~1u;
	expect_line(&caps, "no nested paging", "choose another machine");
	caps = good;
	caps.max_extended_leaf = 0x80000009;
	expect_line(&caps, "no nested paging", "choose another machine");
}

static void test_no_asid(void **state)
{
	struct svm_caps caps = good;

	(void)state;
	caps.asids = 1;
	expect_line(&caps, "no address space", "choose another machine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_one_delivers_twice),
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_no_svm),
		cmocka_unit_test(test_off_in_firmware),
		cmocka_unit_test(test_no_nested_paging),
		cmocka_unit_test(test_no_asid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
