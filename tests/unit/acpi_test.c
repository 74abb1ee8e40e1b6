/* SPDX-License-Identifier: MIT */
/*
 * RSDP, RSDT and XSDT: finding tables, and each way in which they may be
 * damaged.
 * sources: lib/acpi.c lib/acpi_rsdp.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/acpi_build.h"

static struct acpi acpi;
static const char *why;

static int setup(void **state)
{
	(void)state;
	build_clear();
	why = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_clear();
	return 0;
}

static u64 add(const char *signature, size_t body)
{
	build_begin(signature);
	build_pad(body);
	return build_end_listed();
}

static void expect_why(const char *text)
{
	assert_non_null(why);
	assert_string_equal(why, text);
}

static void find_in_list(bool rsdt)
{
	struct acpi_table t;
	u64 apic, ssdt0, ssdt1;

	build.rsdt = rsdt;
	apic = add("APIC", 20);
	ssdt0 = add("SSDT", 1);
	build.list[build.count++] = 0; /* an empty place */
	ssdt1 = add("SSDT", 0);
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi.entry_count, 4);
	assert_int_equal(acpi_table_find(&acpi, "APIC", 0, &t, &why), 0);
	assert_int_equal(t.phys, apic);
	assert_int_equal(t.sdt->length, 56);
	assert_int_equal(acpi_table_find(&acpi, "SSDT", 0, &t, &why), 0);
	assert_int_equal(t.phys, ssdt0);
	assert_int_equal(acpi_table_find(&acpi, "SSDT", 1, &t, &why), 0);
	assert_int_equal(t.phys, ssdt1);
	assert_null(why);
	assert_int_equal(acpi_table_find(&acpi, "SSDT", 2, &t, &why), -ENOENT);
	expect_why("ACPI: SSDT: not there");
	assert_null(t.sdt);
	assert_int_equal(acpi_table_find(&acpi, "DMAR", 0, &t, &why), -ENOENT);
	expect_why("ACPI: DMAR: not there");
}

static void test_xsdt(void **state)
{
	(void)state;
	find_in_list(false);
}

static void test_rsdt(void **state)
{
	(void)state;
	find_in_list(true);
}

/* A boot loader may hand over 20 bytes of a later RSDP: its RSDT counts then. */
static void test_v2_rsdp_cut_to_v1(void **state)
{
	struct acpi_table t;

	(void)state;
	build.rsdt = true;
	add("APIC", 20);
	assert_int_equal(build_open(&acpi, &why), 0);
	memory_at(BUILD_RSDP)[15] = 2;
	memory_seal(memory_at(BUILD_RSDP), 20, 8);
	assert_int_equal(acpi_open(&acpi, &memory_access, memory_at(BUILD_RSDP), 20, &why), 0);
	assert_int_equal(acpi_table_find(&acpi, "APIC", 0, &t, &why), 0);
}

static int open_rsdp(size_t size)
{
	return acpi_open(&acpi, &memory_access, memory_at(BUILD_RSDP), size, &why);
}

static void test_rsdp_damaged(void **state)
{
	u8 *rsdp = memory_at(BUILD_RSDP);

	(void)state;
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(open_rsdp(19), -EINVAL);
	expect_why("ACPI: RSDP: cut short");
	rsdp[0] = 'X';
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: RSDP: wrong signature");
	rsdp[0] = 'R';
	rsdp[9]++;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: RSDP: wrong checksum");
	rsdp[9]--;
	rsdp[33]++;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: RSDP: wrong extended checksum");
	rsdp[33]--;
	for (u8 length = 35; length <= 37; length = (u8)(length + 2)) {
		rsdp[20] = length;
		assert_int_equal(open_rsdp(36), -EINVAL);
		expect_why("ACPI: RSDP: impossible length");
	}
	rsdp[20] = 36;
	assert_int_equal(open_rsdp(36), 0);
}

static void test_list_damaged(void **state)
{
	u8 *root = memory_at(BUILD_ROOT);

	(void)state;
	add("APIC", 20);
	assert_int_equal(build_open(&acpi, &why), 0);
	root[40]++;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: wrong checksum");
	root[40]--;
	root[0] = 'R';
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: another table in its place");
	root[0] = 'X';
	root[4] = 35;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: impossible length");
	root[7] = 1;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: impossible length");
	root[7] = 0;
	memory.end = BUILD_ROOT + 43;
	root[4] = 44;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: unreadable");
	memory.end = BUILD_ROOT + 35;
	assert_int_equal(open_rsdp(36), -EINVAL);
	expect_why("ACPI: XSDT: unreadable");
}

static void test_list_absurd(void **state)
{
	(void)state;
	build.count = 512;
	assert_int_equal(build_open(&acpi, &why), 0);
	build.count = 513;
	memset(memory_at(BUILD_ROOT), 0, 40);
	assert_int_equal(build_open(&acpi, &why), -EINVAL);
	expect_why("ACPI: XSDT: impossible number of tables");
	assert_int_equal(acpi.entry_count, 0);
}

static void test_table_damaged(void **state)
{
	struct acpi_table t;
	u64 apic = add("APIC", 20);

	(void)state;
	add("HPET", 20);
	assert_int_equal(build_open(&acpi, &why), 0);
	memory_at(apic)[50]++;
	assert_int_equal(acpi_table_find(&acpi, "APIC", 0, &t, &why), -EINVAL);
	expect_why("ACPI: APIC: wrong checksum");
	assert_null(t.sdt);
	memory_at(apic)[4] = 12;
	assert_int_equal(acpi_table_find(&acpi, "APIC", 0, &t, &why), -EINVAL);
	expect_why("ACPI: APIC: impossible length");
	/* The other one is still good. */
	assert_int_equal(acpi_table_find(&acpi, "HPET", 0, &t, &why), 0);
}

static void test_table_unreadable(void **state)
{
	struct acpi_table t;

	(void)state;
	add("APIC", 20);
	build.list[build.count++] = 0xFFFFFFFFFFFFFFF0; /* wraps */
	build.list[build.count++] = MEMORY_BASE + MEMORY_SIZE - 20;
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_table_find(&acpi, "APIC", 0, &t, &why), 0);
	assert_int_equal(acpi_table_find(&acpi, "HPET", 0, &t, &why), -EINVAL);
	expect_why("ACPI: HPET: not there, and another table is unreadable");
	assert_int_equal(acpi_table_at(&acpi, "DSDT", 0, &t, &why), -EINVAL);
	expect_why("ACPI: DSDT: unreadable");
	/* Unprintable signatures are not printed. */
	assert_int_equal(acpi_table_at(&acpi, "\1\2\x7F\xFF", 0, &t, &why), -EINVAL);
	expect_why("ACPI: ????: unreadable");
}

static void test_hide(void **state)
{
	struct acpi_table t;
	u64 dmar = add("DMAR", 100);
	struct acpi_sdt *sdt = (struct acpi_sdt *)memory_at(dmar);

	(void)state;
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_table_find(&acpi, "DMAR", 0, &t, &why), 0);
	acpi_table_hide(sdt);
	assert_int_equal(acpi_table_find(&acpi, "DMAR", 0, &t, &why), -ENOENT);
	assert_memory_equal(sdt->signature, "dMAR", 4);
	assert_int_equal(memory_sum(sdt, 136), 0);
	acpi_table_hide(sdt);
	assert_memory_equal(sdt->signature, "dMAR", 4);
	assert_int_equal(memory_sum(sdt, 136), 0);
}

static int find_rsdp(const void **rsdp, u32 *size)
{
	return acpi_rsdp_find(&memory_access, rsdp, size, &why);
}

static void test_search(void **state)
{
	const void *rsdp;
	u32 size;

	(void)state;
	assert_int_equal(find_rsdp(&rsdp, &size), -ENOENT);
	expect_why("ACPI: RSDP: not there");
	assert_null(rsdp);
	build_rsdp();
	assert_int_equal(find_rsdp(&rsdp, &size), 0);
	assert_int_equal(size, 36);
	assert_memory_equal(rsdp, memory_at(BUILD_RSDP), 36);
	memory_at(BUILD_RSDP)[10]++;
	assert_int_equal(find_rsdp(&rsdp, &size), -EINVAL);
	expect_why("ACPI: RSDP: wrong checksum");
}

/* The last place of the area holds 20 bytes only if moved there by 16. */
static void test_search_end(void **state)
{
	const void *rsdp;
	u32 size;

	(void)state;
	build.rsdt = true;
	build_rsdp();
	memcpy(memory_at(0xFFFE0), memory_at(BUILD_RSDP), 20);
	memset(memory_at(BUILD_RSDP), 0, 20);
	assert_int_equal(find_rsdp(&rsdp, &size), 0);
	assert_int_equal(size, 20);
}

static void test_search_ebda(void **state)
{
	static const struct {
		u16 segment;
		u32 offset;
		int err;
	} row[] = {
		{ 0x9FC0, 0x3E0, 0 },
		{ 0x9FC0, 0x3F0, -ENOENT }, /* 16 bytes are left of the first KiB */
		{ 0x9FC0, 0x3D8, -ENOENT }, /* not at a multiple of 16 */
		{ 0x9FC1, 0, -ENOENT },     /* would reach into video memory */
		{ 0x0040, 0x10, -ENOENT },  /* the BIOS data area itself */
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const void *rsdp;
		u32 size;

		setup(state);
		build_rsdp();
		memcpy(memory_at(row[i].segment * 16u + row[i].offset), memory_at(BUILD_RSDP), 36);
		memset(memory_at(BUILD_RSDP), 0, 36);
		memcpy(memory_at(0x40E), &row[i].segment, 2);
		assert_int_equal(find_rsdp(&rsdp, &size), row[i].err);
	}
}

static void test_search_unreadable(void **state)
{
	const void *rsdp;
	u32 size;

	(void)state;
	memory.end = MEMORY_BASE;
	assert_int_equal(find_rsdp(&rsdp, &size), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_xsdt),
		TEST(test_rsdt),
		TEST(test_v2_rsdp_cut_to_v1),
		TEST(test_rsdp_damaged),
		TEST(test_list_damaged),
		TEST(test_list_absurd),
		TEST(test_table_damaged),
		TEST(test_table_unreadable),
		TEST(test_hide),
		TEST(test_search),
		TEST(test_search_end),
		TEST(test_search_ebda),
		TEST(test_search_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
