/* SPDX-License-Identifier: MIT */
/*
 * The worker's ACPI tables, read by the readers of lib/acpi.h, which check
 * lengths and checksums, and the definition block byte by byte.
 * sources: rootpart/worker/firmware.c rootpart/worker/acpi_tables.c rootpart/worker/acpi_dsdt.c
 * sources: rootpart/worker/place.c rootpart/worker/memory.c
 * sources: rootpart/worker/sys.c tests/unit/fake_worker.c tests/unit/host_assert.c
 * sources: lib/acpi.c lib/acpi_rsdp.c lib/acpi_madt.c lib/acpi_fadt.c lib/acpi_s5.c lib/format.c
 */
#include "rootpart/worker/acpi_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "lib/acpi.h"
#include "rootpart/worker/firmware.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/memory.h"

#define AT 0xe0000u

static u8 tables[ACPI_TABLES_MAX];
static u32 size;
static struct acpi acpi;
static const char *why = "";

/* Nothing but the tables is there. */
static const void *map(void *ctx, u64 phys, u64 len)
{
	(void)ctx;
	return phys >= AT && phys - AT <= size && len <= size - (phys - AT) ? tables + (phys - AT)
									    : NULL;
}

static const struct acpi_access access = { .map = map };

static void make(u32 vps, u64 ram_end)
{
	const struct acpi_machine m = { .vp_count = vps, .ram_end = ram_end };

	memset(tables, 0xcc, sizeof(tables));
	size = acpi_tables_make(tables, AT, &m);
	assert_true(size <= sizeof(tables));
	assert_int_equal(acpi_open(&acpi, &access, tables, 36, &why), 0);
}

void load_write(u64 gpa, const void *from, u64 len)
{
	memcpy(fake_memory(gpa), from, len);
}

static void rsdp(void **state)
{
	u8 sum = 0;

	(void)state;
	make(1, 4 * GIB);
	assert_memory_equal(tables, "RSD PTR ", 8);
	assert_int_equal(tables[15], 2);
	for (u32 i = 0; i < 20; i++)
		sum = (u8)(sum + tables[i]);
	assert_int_equal(sum, 0);
	for (u32 i = 20; i < 36; i++)
		sum = (u8)(sum + tables[i]);
	assert_int_equal(sum, 0);
	assert_int_equal(acpi.entry_size, 8);
	assert_int_equal(acpi.entry_count, 2);
}

static void processors_and_interrupts(void **state)
{
	static const u32 counts[] = { 1, 2, 64 };
	struct acpi_madt madt;

	(void)state;
	for (u32 k = 0; k < ARRAY_SIZE(counts); k++) {
		make(counts[k], 4 * GIB);
		assert_int_equal(acpi_madt_parse(&acpi, &madt, &why), 0);
		assert_int_equal(madt.lapic_addr, 0xfee00000);
		assert_false(madt.has_8259);
		assert_int_equal(madt.cpu_count, counts[k]);
		assert_int_equal(madt.cpus_left_out + madt.cpus_pluggable, 0);
		for (u32 i = 0; i < counts[k]; i++) {
			assert_int_equal(madt.cpus[i].apic_id, i);
			assert_int_equal(madt.cpus[i].acpi_uid, i);
		}
		assert_int_equal(madt.ioapic_count, 1);
		assert_int_equal(madt.ioapics[0].id, 0);
		assert_int_equal(madt.ioapics[0].addr, 0xfec00000);
		assert_int_equal(madt.ioapics[0].gsi_base, 0);
		assert_int_equal(madt.override_count + madt.nmi_count, 0);
		assert_int_equal(madt.lapic_nmi_count, 1);
		assert_true(madt.lapic_nmis[0].all);
		assert_int_equal(madt.lapic_nmis[0].lint, 1);
	}
}

/* Offsets once more, from the specification. */
static void fixed_description(void **state)
{
	static const u8 control[] = { 1, 8, 0, 1, 0x00, 0x06, 0, 0, 0, 0, 0, 0 };
	static const u8 status[] = { 1, 8, 0, 1, 0x01, 0x06, 0, 0, 0, 0, 0, 0 };
	static const u8 reset[] = { 1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0 };
	struct acpi_table table;
	struct acpi_fadt fadt;
	const u8 *bytes;

	(void)state;
	make(2, 4 * GIB);
	assert_int_equal(acpi_fadt_parse(&acpi, &fadt, &why), 0);
	assert_int_equal(fadt.flags, 0x100431);
	assert_int_equal(fadt.boot_arch, 0x24);
	assert_int_equal(fadt.century, 0x32);
	assert_int_equal(fadt.reset_value, 6);
	assert_int_equal(acpi_table_find(&acpi, "FACP", 0, &table, &why), 0);
	bytes = (const u8 *)table.sdt;
	assert_int_equal(table.sdt->length, 268);
	assert_int_equal(table.sdt->revision, 5);
	assert_int_equal(bytes[131], 1);
	assert_memory_equal(bytes + 40, &fadt.dsdt, 4);
	assert_memory_equal(bytes + 140, &fadt.dsdt, 8);
	assert_memory_equal(bytes + 116, reset, 12);
	assert_memory_equal(bytes + 244, control, 12);
	assert_memory_equal(bytes + 256, status, 12);
}

static void soft_off(void **state)
{
	struct acpi_fadt fadt;
	struct acpi_s5 s5;

	(void)state;
	make(64, 4 * GIB);
	assert_int_equal(acpi_fadt_parse(&acpi, &fadt, &why), 0);
	assert_int_equal(acpi_s5_find(&acpi, &fadt, &s5, &why), 0);
	assert_int_equal(s5.slp_typ_a, 5);
}

/* For one processor; packages have lengths of two bytes. */
/* clang-format off */
static const u8 aml[] = {
	0x08, '_', 'S', '5', '_', 0x12, 0x48, 0x00, 4, 0x0a, 5, 0, 0, 0,
	/* Scope (\_SB_), 271 bytes */
	0x10, 0x4f, 0x10, 0x5c, '_', 'S', 'B', '_',
	/* Device (CP00) */
	0x5b, 0x82, 0x4c, 0x01, 'C', 'P', '0', '0',
	0x08, '_', 'H', 'I', 'D', 0x0d, 'A', 'C', 'P', 'I', '0', '0', '0', '7', 0,
	0x08, '_', 'U', 'I', 'D', 0x0a, 0,
	/* Device (VMOD) */
	0x5b, 0x82, 0x42, 0x0b, 'V', 'M', 'O', 'D',
	0x08, '_', 'H', 'I', 'D', 0x0d, 'A', 'C', 'P', 'I', '0', '0', '0', '4', 0,
	0x08, '_', 'U', 'I', 'D', 0x0a, 0,
	0x08, '_', 'C', 'R', 'S', 0x11, 0x42, 0x06, 0x0a, 94,
	0x8a, 43, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0xf8, 0, 0, 0, 0, 0xff, 0xff, 0xbf, 0xfe, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x06, 0, 0, 0, 0,
	0x8a, 43, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0x10, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0,
	0x79, 0,
	/* Device (VMBS) */
	0x5b, 0x82, 0x4c, 0x02, 'V', 'M', 'B', 'S',
	0x08, '_', 'H', 'I', 'D', 0x0d, 'V', 'M', 'B', 'u', 's', 0,
	0x08, '_', 'U', 'I', 'D', 0x0a, 0,
	0x08, '_', 'S', 'T', 'A', 0x0a, 0x0f,
	0x08, '_', 'C', 'R', 'S', 0x11, 0x46, 0x00, 0x0a, 2, 0x79, 0,
	/* Device (UAR1) */
	0x5b, 0x82, 0x44, 0x03, 'U', 'A', 'R', '1',
	0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x05, 0x01,
	0x08, '_', 'U', 'I', 'D', 0x0a, 1,
	0x08, '_', 'C', 'R', 'S', 0x11, 0x47, 0x01, 0x0a, 19,
	0x47, 1, 0xf8, 0x03, 0xf8, 0x03, 1, 8,
	0x89, 6, 0, 3, 1, 4, 0, 0, 0,
	0x79, 0,
};
/* clang-format on */

static void definition_block(void **state)
{
	struct acpi_table table;
	struct acpi_fadt fadt;

	(void)state;
	make(1, 4 * GIB);
	assert_int_equal(acpi_fadt_parse(&acpi, &fadt, &why), 0);
	assert_int_equal(acpi_table_at(&acpi, "DSDT", fadt.dsdt, &table, &why), 0);
	assert_int_equal(table.sdt->revision, 2);
	assert_int_equal(table.sdt->length, 36 + sizeof(aml));
	assert_memory_equal((const u8 *)table.sdt + 36, aml, sizeof(aml));
}

/* The high window lies behind memory, wherever that ends. */
static void windows_avoid_memory(void **state)
{
	static const struct {
		u64 ram_end, window;
	} rows[] = {
		{ 64 * GIB, 64 * GIB },
		{ 64 * GIB + 1, 128 * GIB },
		{ 1024 * GIB, 1024 * GIB },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 found = 0;

		make(1, rows[i].ram_end);
		for (u32 at = 0; at + 46 <= size; at++)
			if (tables[at] == 0x8a && tables[at + 1] == 43)
				memcpy(&found, tables + at + 14, 8);
		assert_int_equal(found, rows[i].window);
	}
}

static void place_is_the_firmwares(void **state)
{
	struct place p;

	(void)state;
	fake_reset();
	fake_region(0, 0x1000000, WORKER_REGION_RAM);
	assert_true(memory_init());
	place_init(&p);
	assert_int_equal(firmware_load(&p), AT);
	assert_memory_equal(fake_memory(AT), "RSD PTR ", 8);
	/* At the reset vector: 0xfe to the keyboard controller. */
	assert_memory_equal(fake_memory(0xffff0), "\xb0\xfe\xe6\x64", 4);
	/* Not over a kernel that lies there. */
	place_take(&p, 0xf0000, 0x1000);
	assert_int_equal(firmware_load(&p), 0);
	place_init(&p);
	place_take(&p, 0xd0000, 0x10000);
	place_take(&p, 0x100000, 0x10000);
	assert_int_equal(firmware_load(&p), AT);
	/* Not without memory. */
	fake_reset();
	fake_region(0, 0xff000, WORKER_REGION_RAM);
	assert_true(memory_init());
	place_init(&p);
	assert_int_equal(firmware_load(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsdp),
		cmocka_unit_test(processors_and_interrupts),
		cmocka_unit_test(fixed_description),
		cmocka_unit_test(soft_off),
		cmocka_unit_test(definition_block),
		cmocka_unit_test(windows_avoid_memory),
		cmocka_unit_test(place_is_the_firmwares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
