/* SPDX-License-Identifier: MIT */
/*
 * The FADT's reader on tables of ACPI 1.0, 2.0 and 5.0 lengths, built by the
 * specification's offsets.
 * sources: lib/acpi.c lib/acpi_fadt.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/acpi_build.h"

static struct acpi acpi;
static struct acpi_fadt fadt;
static const char *why;
static u8 raw[276];

static void set(size_t offset, u64 value, size_t len)
{
	memcpy(raw + offset, &value, len);
}

static void set_gas(size_t offset, u8 space, u8 bits, u64 addr)
{
	set(offset, space, 1);
	set(offset + 1, bits, 1);
	set(offset + 4, addr, 8);
}

/* The plain registers, as on an i440FX. */
static int setup(void **state)
{
	(void)state;
	build_clear();
	memset(raw, 0, sizeof(raw));
	memset(&fadt, 0xA5, sizeof(fadt));
	why = NULL;
	set(40, 0x7FE0040, 4); /* DSDT */
	set(46, 9, 2);         /* SCI */
	set(48, 0xB2, 4);      /* SMI_CMD */
	set(52, 0xF1, 1);
	set(53, 0xF0, 1);
	set(56, 0x600, 4); /* PM1a event */
	set(64, 0x604, 4); /* PM1a control */
	set(76, 0x608, 4); /* PM timer */
	set(88, 4, 1);
	set(89, 2, 1);
	set(91, 4, 1);
	set(108, 0x32, 1); /* century */
	set(109, 3, 2);    /* boot architecture */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_clear();
	return 0;
}

static int parse(size_t length)
{
	build_begin("FACP");
	build_put(raw + 36, length - 36);
	build_end_listed();
	assert_int_equal(build_open(&acpi, &why), 0);
	return acpi_fadt_parse(&acpi, &fadt, &why);
}

static void expect_register(const struct acpi_register *r, u8 space, u8 bits, u64 addr)
{
	assert_int_equal(r->space, space);
	assert_int_equal(r->bits, bits);
	assert_int_equal(r->addr, addr);
}

static void test_acpi_1(void **state)
{
	(void)state;
	assert_int_equal(parse(116), 0);
	assert_int_equal(fadt.dsdt, 0x7FE0040);
	assert_int_equal(fadt.sci, 9);
	assert_int_equal(fadt.smi_cmd, 0xB2);
	assert_int_equal(fadt.acpi_enable, 0xF1);
	assert_int_equal(fadt.acpi_disable, 0xF0);
	assert_int_equal(fadt.century, 0x32);
	assert_int_equal(fadt.boot_arch, ACPI_BOOT_LEGACY_DEVICES | ACPI_BOOT_8042);
	expect_register(&fadt.pm1a_event, ACPI_SPACE_IO, 32, 0x600);
	expect_register(&fadt.pm1b_event, 0, 0, 0);
	expect_register(&fadt.pm1a_control, ACPI_SPACE_IO, 16, 0x604);
	expect_register(&fadt.pm1b_control, 0, 0, 0);
	expect_register(&fadt.pm_timer, ACPI_SPACE_IO, 24, 0x608);
	expect_register(&fadt.reset, 0, 0, 0);
}

static void test_short_table_hides_later_fields(void **state)
{
	(void)state;
	set(112, BIT(10) | BIT(8), 4);
	set_gas(116, 1, 8, 0xCF9);
	set(128, 6, 1);
	set(140, 0x1234567890, 8);
	assert_int_equal(parse(116), 0);
	assert_int_equal(fadt.dsdt, 0x7FE0040);
	expect_register(&fadt.reset, 0, 0, 0);
	expect_register(&fadt.pm_timer, ACPI_SPACE_IO, 32, 0x608);
}

static void test_extended(void **state)
{
	(void)state;
	set(112, BIT(10), 4);
	set_gas(116, 1, 8, 0xCF9);
	set(128, 6, 1);
	set(140, 0x1234567890, 8);
	set_gas(148, 1, 32, 0x1800);
	set_gas(160, 1, 32, 0x1900);
	set_gas(172, 1, 16, 0x1804);
	set_gas(184, 0, 16, 0xFED40000);
	set_gas(208, 0, 32, 0xFED80808);
	assert_int_equal(parse(276), 0);
	assert_int_equal(fadt.dsdt, 0x1234567890);
	expect_register(&fadt.pm1a_event, ACPI_SPACE_IO, 32, 0x1800);
	expect_register(&fadt.pm1b_event, ACPI_SPACE_IO, 32, 0x1900);
	expect_register(&fadt.pm1a_control, ACPI_SPACE_IO, 16, 0x1804);
	expect_register(&fadt.pm1b_control, ACPI_SPACE_MEMORY, 16, 0xFED40000);
	expect_register(&fadt.pm_timer, ACPI_SPACE_MEMORY, 24, 0xFED80808);
	expect_register(&fadt.reset, ACPI_SPACE_IO, 8, 0xCF9);
	assert_int_equal(fadt.reset_value, 6);
}

static void test_reset_needs_its_flag(void **state)
{
	(void)state;
	set_gas(116, 1, 8, 0xCF9);
	set(128, 6, 1);
	assert_int_equal(parse(244), 0);
	expect_register(&fadt.reset, 0, 0, 0);
	assert_int_equal(fadt.reset_value, 0);
}

static void test_hw_reduced(void **state)
{
	(void)state;
	set(112, BIT(20), 4);
	assert_int_equal(parse(276), 0);
	expect_register(&fadt.pm1a_control, 0, 0, 0);
	expect_register(&fadt.pm_timer, 0, 0, 0);
	assert_int_equal(fadt.smi_cmd, 0);
	assert_int_equal(fadt.sci, 0);
	assert_int_equal(fadt.dsdt, 0x7FE0040);
}

static void test_no_timer(void **state)
{
	(void)state;
	set(91, 0, 1);
	assert_int_equal(parse(116), 0);
	expect_register(&fadt.pm_timer, 0, 0, 0);
}

static void expect_error(size_t length, int err, const char *text)
{
	static const struct acpi_fadt none;

	assert_int_equal(parse(length), err);
	assert_string_equal(why, text);
	assert_memory_equal(&fadt, &none, sizeof(none));
}

static void test_damaged(void **state)
{
	expect_error(115, -EINVAL, "ACPI: FACP: cut short");
	setup(state);
	set(40, 0, 4);
	expect_error(276, -EINVAL, "ACPI: FACP: no DSDT");
	setup(state);
	set_gas(172, 3, 16, 0x1804);
	expect_error(276, -EINVAL, "ACPI: FACP: register in an unknown address space");
	setup(state);
	set_gas(172, 1, 16, 0x11804);
	expect_error(276, -EINVAL, "ACPI: FACP: register in an unknown address space");
	setup(state);
	set(64, 0x10604, 4);
	expect_error(116, -EINVAL, "ACPI: FACP: register in an unknown address space");
	build_clear();
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_fadt_parse(&acpi, &fadt, &why), -ENOENT);
	assert_string_equal(why, "ACPI: FACP: not there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_acpi_1),
		TEST(test_short_table_hides_later_fields),
		TEST(test_extended),
		TEST(test_reset_needs_its_flag),
		TEST(test_hw_reduced),
		TEST(test_no_timer),
		TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
