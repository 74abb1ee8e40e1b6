/* SPDX-License-Identifier: MIT */
/*
 * The readers of MCFG and HPET.
 * sources: lib/acpi.c lib/acpi_mcfg.c lib/acpi_hpet.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/acpi_build.h"

static struct acpi acpi;
static struct acpi_mcfg mcfg;
static struct acpi_hpet hpet;
static const char *why;

static int setup(void **state)
{
	(void)state;
	build_clear();
	memset(&mcfg, 0xA5, sizeof(mcfg));
	memset(&hpet, 0xA5, sizeof(hpet));
	why = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_clear();
	return 0;
}

static int parse_mcfg(void)
{
	build_end_listed();
	assert_int_equal(build_open(&acpi, &why), 0);
	return acpi_mcfg_parse(&acpi, &mcfg, &why);
}

static void begin_mcfg(void)
{
	build_begin("MCFG");
	build_pad(8);
}

static void put_segment(u64 base, u16 segment, u8 start, u8 end)
{
	build_bytes(base, 8);
	build_bytes(segment, 2);
	build_bytes(start, 1);
	build_bytes(end, 1);
	build_pad(4);
}

static void test_mcfg(void **state)
{
	(void)state;
	begin_mcfg();
	put_segment(0xB0000000, 0, 0, 255);
	put_segment(0x4000000000, 1, 16, 16);
	build_pad(15); /* not a whole entry */
	assert_int_equal(parse_mcfg(), 0);
	assert_int_equal(mcfg.count, 2);
	assert_int_equal(mcfg.segments[0].base, 0xB0000000);
	assert_int_equal(mcfg.segments[0].end_bus, 255);
	assert_int_equal(mcfg.segments[1].base, 0x4000000000);
	assert_int_equal(mcfg.segments[1].segment, 1);
	assert_int_equal(mcfg.segments[1].start_bus, 16);
}

static void expect_mcfg_error(int err, const char *text)
{
	static const struct acpi_mcfg none;

	assert_int_equal(parse_mcfg(), err);
	assert_string_equal(why, text);
	assert_memory_equal(&mcfg, &none, sizeof(none));
}

static void test_mcfg_damaged(void **state)
{
	static const struct {
		u64 base;
		u8 start, end;
	} bad[] = { { 0xB0000000, 1, 0 }, { 0, 0, 255 }, { 0xB0001000, 0, 255 } };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(state);
		begin_mcfg();
		put_segment(0xB0000000, 0, 0, 255);
		put_segment(bad[i].base, 0, bad[i].start, bad[i].end);
		expect_mcfg_error(-EINVAL, "ACPI: MCFG: damaged entry");
	}
	setup(state);
	begin_mcfg();
	build_pad(15);
	expect_mcfg_error(-EINVAL, "ACPI: MCFG: empty");
	setup(state);
	build_begin("MCFG");
	build_pad(7);
	expect_mcfg_error(-EINVAL, "ACPI: MCFG: cut short");
	setup(state);
	begin_mcfg();
	for (u16 i = 0; i < ACPI_MCFG_MAX + 1; i++)
		put_segment(0xB0000000, i, 0, 0);
	expect_mcfg_error(-E2BIG, "ACPI: MCFG: too many segments");
	setup(state);
	build_begin("XXXX");
	expect_mcfg_error(-ENOENT, "ACPI: MCFG: not there");
}

static int parse_hpet(u32 id, u8 space, u64 addr, size_t cut)
{
	build_begin("HPET");
	build_bytes(id, 4);
	build_bytes(space, 1);
	build_bytes(64, 1);
	build_pad(2);
	build_bytes(addr, 8);
	build_pad(1);
	build_bytes(100, 2);
	build_pad(1);
	build.next -= cut;
	build_end_listed();
	assert_int_equal(build_open(&acpi, &why), 0);
	return acpi_hpet_parse(&acpi, &hpet, &why);
}

static void test_hpet(void **state)
{
	(void)state;
	assert_int_equal(parse_hpet(0x8086A201, 0, 0xFED00000, 0), 0);
	assert_int_equal(hpet.addr, 0xFED00000);
	assert_int_equal(hpet.comparators, 3);
	assert_true(hpet.counter_64bit);
	assert_int_equal(hpet.min_tick, 100);
}

static void test_hpet_damaged(void **state)
{
	assert_int_equal(parse_hpet(0, 1, 0xFED00000, 0), -EINVAL);
	assert_string_equal(why, "ACPI: HPET: registers not in memory");
	setup(state);
	assert_int_equal(parse_hpet(0, 0, 0, 0), -EINVAL);
	assert_string_equal(why, "ACPI: HPET: registers not in memory");
	setup(state);
	assert_int_equal(parse_hpet(0, 0, 0xFED00000, 1), -EINVAL);
	assert_string_equal(why, "ACPI: HPET: cut short");
	assert_int_equal(hpet.addr, 0);
	setup(state);
	assert_int_equal(build_open(&acpi, &why), 0);
	assert_int_equal(acpi_hpet_parse(&acpi, &hpet, &why), -ENOENT);
	assert_string_equal(why, "ACPI: HPET: not there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mcfg),
		TEST(test_mcfg_damaged),
		TEST(test_hpet),
		TEST(test_hpet_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
