/* SPDX-License-Identifier: MIT */
/*
 * The search for \_S5_: encodings that compilers write, and bytes that look
 * like it and are something else.
 * sources: lib/acpi.c lib/acpi_s5.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/acpi_build.h"

#define AML(text) (const u8 *)(text), sizeof(text) - 1

static struct acpi acpi;
static const char *why;

/* An exact heap copy, so that a read beyond the end is seen. */
static int scan(const u8 *aml, size_t len, struct acpi_s5 *s5)
{
	u8 *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, aml, len);
	err = acpi_s5_scan(copy, len, s5);
	free(copy);
	return err;
}

static void expect_found(const u8 *aml, size_t len, u8 a, u8 b)
{
	struct acpi_s5 s5 = { 0xAA, 0xAA };

	assert_int_equal(scan(aml, len, &s5), 0);
	assert_int_equal(s5.slp_typ_a, a);
	assert_int_equal(s5.slp_typ_b, b);
}

static void expect_none(const u8 *aml, size_t len)
{
	struct acpi_s5 s5 = { 0xAA, 0xAA };

	assert_int_equal(scan(aml, len, &s5), -ENOENT);
	assert_int_equal(s5.slp_typ_a, 0);
	assert_int_equal(s5.slp_typ_b, 0);
}

static void test_encodings(void **state)
{
	(void)state;
	expect_found(AML("\x08_S5_\x12\x06\x04\x00\x00\x00\x00"), 0, 0);
	expect_found(AML("\x08\\_S5_\x12\x06\x04\x01\x00\x00\x00"), 1, 0);
	expect_found(AML("\x08_S5_\x12\x08\x04\x0A\x05\x0A\x06\x00\x00"), 5, 6);
	expect_found(AML("\x08_S5_\x12\x07\x04\x0A\x07\x01\x00\x00"), 7, 1);
	expect_found(AML("\x08_S5_\x12\x0A\x04\x0B\x05\x00\x0B\x03\x00\x00\x00"), 5, 3);
	expect_found(AML("\x08_S5_\x12\x0C\x02\x0C\x05\x00\x00\x00\x0C\x04\x00\x00\x00"), 5, 4);
	expect_found(AML("\x08_S5_\x12\x0D\x02\x0E\x05\x00\x00\x00\x00\x00\x00\x00\x0A\x02"), 5, 2);
	/* Longer forms of PkgLength. */
	expect_found(AML("\x08_S5_\x12\x49\x00\x04\x0A\x05\x0A\x06\x00\x00"), 5, 6);
	expect_found(AML("\x08_S5_\x12\xCB\x00\x00\x00\x04\x0A\x05\x0A\x06\x00\x00"), 5, 6);
	expect_found(AML("\x08_S5_\x12\x42\x01\x08\x0A\x05\x0A\x06\x0A\x01\x0A\x01"
			 "\x0A\x01\x0A\x01\x0A\x01\x00"),
		5, 6);
	/* Elements left uninitialised; other elements of any value. */
	expect_found(AML("\x08_S5_\x12\x06\x04\x0A\x05\x0A\x06"), 5, 6);
	expect_found(AML("\x08_S5_\x12\x08\x04\x0A\x05\x00\x0A\x99\xFF"), 5, 0);
	/* One integer for both. */
	expect_found(AML("\x08_S5_\x12\x05\x01\x0B\x05\x06"), 5, 6);
	expect_found(AML("\x08_S5_\x12\x04\x01\x0A\x05"), 5, 0);
}

static void test_surroundings(void **state)
{
	(void)state;
	expect_found(AML("\x10\x20\\\x08_S4_\x12\x04\x01\x0A\x04"
			 "\x08_S5_\x12\x06\x04\x0A\x05\x0A\x05"
			 "\x08_S5_\x12\x06\x04\x0A\x01\x0A\x01"),
		5, 5);
	expect_found(AML("\x08\x08\x08_S5_\x12\x04\x01\x0A\x05\x08"), 5, 0);
	expect_found(AML("\x0D_S5_\x00\x70_S5_\x60\x08_S5_\x12\x04\x01\x0A\x05"), 5, 0);
}

static void test_look_alikes(void **state)
{
	(void)state;
	expect_none(AML(""));
	expect_none(AML("\x08"));
	expect_none(AML("\x08_S5"));
	expect_none(AML("\x08_S5_"));
	expect_none(AML("_S5_\x12\x06\x04\x00\x00\x00\x00"));             /* no NameOp */
	expect_none(AML("\x0D_S5_\x12\x06\x04\x01\x01\x01\x01"));         /* in a string */
	expect_none(AML("\x08^_S5_\x12\x06\x04\x00\x00\x00\x00"));        /* a parent's */
	expect_none(AML("\x08\x2E_SB__S5_\x12\x06\x04\x00\x00\x00\x00")); /* a device's */
	expect_none(AML("\x08_S5_\x11\x06\x04\x00\x00\x00\x00"));         /* a buffer */
	expect_none(AML("\x08_S5_\x13\x06\x04\x00\x00\x00\x00"));         /* length computed */
	expect_none(AML("\x08_S4_\x12\x06\x04\x00\x00\x00\x00"));
	expect_none(AML("\x14\x09_S5_\x00\xA4\x12\x04\x01\x0A\x05")); /* a method */
}

static void test_damaged(void **state)
{
	(void)state;
	expect_none(AML("\x08_S5_\x12"));
	expect_none(AML("\x08_S5_\x12\x00\x04\x00"));             /* shorter than itself */
	expect_none(AML("\x08_S5_\x12\x01\x04\x00"));             /* no NumElements */
	expect_none(AML("\x08_S5_\x12\x02\x04\x00"));             /* no elements */
	expect_none(AML("\x08_S5_\x12\x07\x04\x00\x00\x00\x00")); /* beyond the end */
	expect_none(AML("\x08_S5_\x12\x05\x02\x00\x00\x00"));     /* more than NumElements */
	expect_none(AML("\x08_S5_\x12\x03\x00\x00"));             /* NumElements 0 */
	expect_none(AML("\x08_S5_\x12\x03\x01\x0A\x05"));         /* integer cut by its end */
	expect_none(AML("\x08_S5_\x12\x04\x02\x0A\x08"));         /* not three bits */
	expect_none(AML("\x08_S5_\x12\x06\x02\x0A\x05\x0A\x08"));
	expect_none(AML("\x08_S5_\x12\x04\x02\xFF\x00"));                     /* Ones */
	expect_none(AML("\x08_S5_\x12\x07\x02\x0A\x05_S0_"));                 /* a reference */
	expect_none(AML("\x08_S5_\x12\x79\x00\x04\x0A\x05\x0A\x06\x00\x00")); /* reserved bits */
	expect_none(AML("\x08_S5_\x12\x49"));
	expect_none(AML("\x08_S5_\x12\xCF\xFF\xFF\xFF\x04\x00\x00\x00\x00"));
	expect_none(AML("\x08_S5_\x12\x0D\x02\x0E\x05\x00\x00\x00"));
}

static const struct acpi_s5 none;

static u64 table(const char *signature, const u8 *aml, size_t len)
{
	build_begin(signature);
	build_put(aml, len);
	return signature[0] == 'D' ? build_end() : build_end_listed();
}

static void test_tables(void **state)
{
	struct acpi_fadt fadt = { 0 };
	struct acpi_s5 s5;
	u64 ssdt;

	(void)state;
	build_clear();
	fadt.dsdt = table("DSDT", AML("\x10\x05_SB_"));
	table("SSDT", AML(""));
	ssdt = table("SSDT", AML("\x08_S5_\x12\x04\x01\x0A\x05"));
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), 0);
	assert_int_equal(s5.slp_typ_a, 5);

	memory_at(ssdt)[9]++;
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), -EINVAL);
	assert_string_equal(why, "ACPI: SSDT: wrong checksum");
	assert_memory_equal(&s5, &none, sizeof(s5));
	memory_at(ssdt)[9]--;

	memory_at(ssdt)[36] = 0;
	memory_at(ssdt)[9] = (u8)(memory_at(ssdt)[9] + 8);
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), -ENOENT);
	assert_string_equal(why, "ACPI: _S5_: in no DSDT or SSDT");

	fadt.dsdt = 0;
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), -EINVAL);
	assert_string_equal(why, "ACPI: DSDT: unreadable");
	memory_clear();
}

static void test_dsdt_first(void **state)
{
	struct acpi_fadt fadt = { 0 };
	struct acpi_s5 s5;

	(void)state;
	build_clear();
	fadt.dsdt = table("DSDT", AML("\x08_S5_\x12\x04\x01\x0A\x03"));
	table("SSDT", AML("\x08_S5_\x12\x04\x01\x0A\x05"));
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), 0);
	assert_int_equal(s5.slp_typ_a, 3);
	memory_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_look_alikes),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_dsdt_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
