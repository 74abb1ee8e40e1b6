/* SPDX-License-Identifier: MIT */
/*
 * The MADT's reader: every kind of entry, limits, and damage.
 * sources: lib/acpi.c lib/acpi_madt.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "tests/unit/acpi_build.h"

static struct acpi acpi;
static struct acpi_madt madt;
static const char *why;

static int setup(void **state)
{
	(void)state;
	build_clear();
	memset(&madt, 0xA5, sizeof(madt));
	why = NULL;
	build_begin("APIC");
	build_bytes(0xFEE00000, 4);
	build_bytes(1, 4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_clear();
	return 0;
}

static int parse(void)
{
	build_end_listed();
	assert_int_equal(build_open(&acpi, &why), 0);
	return acpi_madt_parse(&acpi, &madt, &why);
}

static void put_lapic(u8 uid, u8 apic_id, u32 flags)
{
	build_bytes(0x0800, 2);
	build_bytes(uid, 1);
	build_bytes(apic_id, 1);
	build_bytes(flags, 4);
}

static void put_x2apic(u32 uid, u32 apic_id, u32 flags)
{
	build_bytes(0x1009, 2);
	build_bytes(0, 2);
	build_bytes(apic_id, 4);
	build_bytes(flags, 4);
	build_bytes(uid, 4);
}

static void put_ioapic(u8 id, u32 addr, u32 gsi)
{
	build_bytes(0x0C01, 2);
	build_bytes(id, 1);
	build_bytes(0, 1);
	build_bytes(addr, 4);
	build_bytes(gsi, 4);
}

static void put_override(u8 source, u32 gsi, u16 flags)
{
	build_bytes(0x0A02, 2);
	build_bytes(0, 1);
	build_bytes(source, 1);
	build_bytes(gsi, 4);
	build_bytes(flags, 2);
}

static void put_nmi_source(u16 flags, u32 gsi)
{
	build_bytes(0x0803, 2);
	build_bytes(flags, 2);
	build_bytes(gsi, 4);
}

static void put_lapic_nmi(u8 uid, u16 flags, u8 lint)
{
	build_bytes(0x0604, 2);
	build_bytes(uid, 1);
	build_bytes(flags, 2);
	build_bytes(lint, 1);
}

static void expect_error(int err, const char *text)
{
	static const struct acpi_madt none;

	assert_int_equal(parse(), err);
	assert_string_equal(why, text);
	assert_memory_equal(&madt, &none, sizeof(none));
}

static void test_typical(void **state)
{
	(void)state;
	put_lapic(0, 0, 1);
	put_lapic(1, 2, 1);
	put_lapic(2, 4, 0); /* not there */
	put_lapic(3, 6, 2); /* may be plugged in */
	put_lapic(4, 0xFF, 1);
	put_ioapic(2, 0xFEC00000, 0);
	put_ioapic(3, 0xFEC01000, 24);
	put_override(0, 2, 0);
	put_override(9, 9, 0xD);
	put_override(5, 5, 0xF);
	put_override(7, 20, 5);
	put_nmi_source(0xD, 23);
	put_lapic_nmi(0xFF, 0, 1);
	put_lapic_nmi(1, 5, 0);
	assert_int_equal(parse(), 0);
	assert_null(why);
	assert_int_equal(madt.lapic_addr, 0xFEE00000);
	assert_true(madt.has_8259);
	assert_int_equal(madt.cpu_count, 2);
	assert_int_equal(madt.cpus[1].apic_id, 2);
	assert_int_equal(madt.cpus[1].acpi_uid, 1);
	assert_int_equal(madt.cpus_pluggable, 1);
	assert_int_equal(madt.cpus_left_out, 0);
	assert_int_equal(madt.ioapic_count, 2);
	assert_int_equal(madt.ioapics[1].id, 3);
	assert_int_equal(madt.ioapics[1].addr, 0xFEC01000);
	assert_int_equal(madt.ioapics[1].gsi_base, 24);
	assert_int_equal(madt.override_count, 4);
	assert_int_equal(madt.nmi_count, 1);
	assert_int_equal(madt.nmis[0].gsi, 23);
	assert_true(madt.nmis[0].line.level);
	assert_false(madt.nmis[0].line.low);
	assert_int_equal(madt.lapic_nmi_count, 2);
	assert_true(madt.lapic_nmis[0].all);
	assert_int_equal(madt.lapic_nmis[0].lint, 1);
	assert_false(madt.lapic_nmis[1].all);
	assert_int_equal(madt.lapic_nmis[1].acpi_uid, 1);
}

static void expect_route(u8 irq, u32 gsi, bool low, bool level)
{
	struct acpi_override route = acpi_isa_route(&madt, irq);

	assert_int_equal(route.source, irq);
	assert_int_equal(route.gsi, gsi);
	assert_int_equal(route.line.low, low);
	assert_int_equal(route.line.level, level);
}

static void test_routes(void **state)
{
	(void)state;
	put_lapic(0, 0, 1);
	put_override(0, 2, 0);
	put_override(9, 9, 0xD);
	put_override(10, 16, 0xF);
	put_override(11, 17, 0x7);
	put_override(12, 18, 0xA); /* reserved values: as the bus has it */
	assert_int_equal(parse(), 0);
	expect_route(0, 2, false, false);
	expect_route(1, 1, false, false);
	expect_route(9, 9, false, true);
	expect_route(10, 16, true, true);
	expect_route(11, 17, true, false);
	expect_route(12, 18, false, false);
}

static void test_x2apic(void **state)
{
	(void)state;
	put_lapic(0, 0, 1);
	put_x2apic(0, 0, 1); /* the same one again */
	put_x2apic(300, 300, 1);
	put_x2apic(301, 0xFFFFFFFF, 1);
	build_bytes(0x0C0A, 2); /* NMI of all */
	build_bytes(0, 2);
	build_bytes(0xFFFFFFFF, 4);
	build_bytes(1, 4);
	build_bytes(0x0C05, 2); /* local APICs elsewhere */
	build_bytes(0, 2);
	build_bytes(0x1FEE00000, 8);
	assert_int_equal(parse(), 0);
	assert_int_equal(madt.cpu_count, 2);
	assert_int_equal(madt.cpus[1].apic_id, 300);
	assert_int_equal(madt.cpus[1].acpi_uid, 300);
	assert_int_equal(madt.lapic_nmi_count, 1);
	assert_true(madt.lapic_nmis[0].all);
	assert_int_equal(madt.lapic_nmis[0].lint, 1);
	assert_int_equal(madt.lapic_addr, 0x1FEE00000);
}

static void test_unknown_entries(void **state)
{
	(void)state;
	put_lapic(0, 0, 1);
	build_bytes(0x0207, 2); /* a kind without a reader, no body */
	build_bytes(0x05FE, 2);
	build_pad(3);
	put_lapic(1, 1, 1);
	build_bytes(0, 1); /* one byte is no entry */
	assert_int_equal(parse(), 0);
	assert_int_equal(madt.cpu_count, 2);
}

static void test_many_cpus(void **state)
{
	(void)state;
	for (u32 i = 0; i < 200; i++)
		put_x2apic(i, i, i % 2); /* half of them are not there */
	assert_int_equal(parse(), 0);
	assert_int_equal(madt.cpu_count, 64);
	assert_int_equal(madt.cpus[63].apic_id, 127);
	assert_int_equal(madt.cpus_left_out, 36);
}

static void test_many_lapic_nmis(void **state)
{
	(void)state;
	put_lapic(0, 0, 1);
	for (u32 i = 0; i < 100; i++)
		put_lapic_nmi((u8)i, 0, 1);
	assert_int_equal(parse(), 0);
	assert_int_equal(madt.lapic_nmi_count, 64);
	assert_int_equal(madt.lapic_nmis_left_out, 36);
}

static void test_too_many(void **state)
{
	static const u32 limit[] = { 8, 24, 8 };

	for (u32 kind = 0; kind < 3; kind++) {
		for (u32 extra = 0; extra < 2; extra++) {
			setup(state);
			put_lapic(0, 0, 1);
			for (u32 i = 0; i < limit[kind] + extra; i++) {
				if (kind == 0)
					put_ioapic((u8)i, 0xFEC00000 + i * 0x1000, i * 24);
				else if (kind == 1)
					put_override((u8)i, i, 0);
				else
					put_nmi_source(0, i);
			}
			if (extra)
				expect_error(-E2BIG,
					"ACPI: APIC: too many IOAPICs, overrides or NMI sources");
			else
				assert_int_equal(parse(), 0);
		}
	}
}

static void test_damaged(void **state)
{
	static const u16 head[] = {
		0x0000, /* length 0 */
		0x0100, /* length 1 */
		0x0700, /* shorter than its kind */
		0x0B01,
		0x0902,
		0x0703,
		0x0504,
		0x0B05,
		0x0F09,
		0x0B0A,
		0x1100, /* beyond the end of the table */
		0x110B, /* so too, of a kind without a reader */
		0xFF00,
	};

	for (size_t i = 0; i < ARRAY_SIZE(head); i++) {
		setup(state);
		put_lapic(0, 0, 1);
		build_bytes(head[i], 2);
		build_pad(14);
		expect_error(-EINVAL, "ACPI: APIC: damaged entry");
	}
}

static void test_unusable(void **state)
{
	(void)state;
	put_ioapic(2, 0xFEC00000, 0);
	put_lapic(0, 0, 0);
	expect_error(-EINVAL, "ACPI: APIC: no enabled processor");

	build_clear();
	build_begin("APIC");
	build_pad(7);
	expect_error(-EINVAL, "ACPI: APIC: cut short");

	build_clear();
	build_begin("HPET");
	expect_error(-ENOENT, "ACPI: APIC: not there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_typical),
		TEST(test_routes),
		TEST(test_x2apic),
		TEST(test_unknown_entries),
		TEST(test_many_cpus),
		TEST(test_many_lapic_nmis),
		TEST(test_too_many),
		TEST(test_damaged),
		TEST(test_unusable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
