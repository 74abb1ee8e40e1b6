/* SPDX-License-Identifier: MIT */
/*
 * All ACPI readers on a whole set of tables made from the input. Its first
 * byte chooses: even, the rest is memory with the RSDP at its start, as it
 * stands; odd, the rest is a sequence of tables, {signature, size, body}, that
 * get a good header, XSDT and RSDP, so that the fuzzer need not guess sums.
 * sources: lib/acpi.c lib/acpi_rsdp.c lib/acpi_madt.c lib/acpi_fadt.c lib/acpi_mcfg.c lib/acpi_hpet.c lib/acpi_s5.c
 */
#include "tests/unit/acpi_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const signatures[] = { "APIC", "FACP", "MCFG", "HPET", "SSDT", "DSDT", "DMAR",
	"zzzz" };

#define DSDT_PLACE 0x90000u

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void make_dsdt(const u8 *body, size_t len)
{
	u64 next = build.next;

	build.next = DSDT_PLACE;
	build_begin("DSDT");
	build_put(body, len);
	build_end();
	build.next = next;
}

static void make_table(u8 kind, const u8 *body, size_t len)
{
	const char *signature = signatures[kind % ARRAY_SIZE(signatures)];
	u32 dsdt = DSDT_PLACE;

	if (!strcmp(signature, "DSDT")) {
		make_dsdt(body, len);
		return;
	}
	build_begin(signature);
	build_put(body, len);
	if (!strcmp(signature, "FACP") && kind & 0x80 && len >= 8)
		memcpy(memory_at(build.start + 40), &dsdt, 4);
	build_end_listed();
	if (kind & 0x40)
		memory_at(build.start)[9]++;
}

static void make_tables(const u8 *data, size_t size)
{
	while (size >= 3 && build.count < 32 && build.next < BUILD_ROOT - 0x1000) {
		size_t len = MIN((size_t)(data[1] | (data[2] & 0xF) << 8), size - 3);

		make_table(data[0], data + 3, len);
		data += 3 + len;
		size -= 3 + len;
	}
	build_root();
	build_rsdp();
}

static void make_raw(const u8 *data, size_t size)
{
	memcpy(memory_at(BUILD_RSDP), data, MIN(size, 0x1000));
	memcpy(memory_at(BUILD_FIRST), data, MIN(size, 0x4000));
}

static void result(int err, const char **why)
{
	require((err == 0) == (*why == NULL));
	require(!*why || strlen(*why) < 80);
	*why = NULL;
}

static void read_all(struct acpi *acpi)
{
	const char *why = NULL;
	struct acpi_madt madt;
	struct acpi_fadt fadt;
	struct acpi_mcfg mcfg;
	struct acpi_hpet hpet;
	struct acpi_table table;
	struct acpi_s5 s5;

	result(acpi_madt_parse(acpi, &madt, &why), &why);
	require(madt.cpu_count <= ACPI_CPUS_MAX && madt.ioapic_count <= ACPI_IOAPICS_MAX);
	require(madt.override_count <= ACPI_OVERRIDES_MAX && madt.nmi_count <= ACPI_NMIS_MAX);
	require(madt.lapic_nmi_count <= ACPI_LAPIC_NMIS_MAX);
	result(acpi_fadt_parse(acpi, &fadt, &why), &why);
	result(acpi_mcfg_parse(acpi, &mcfg, &why), &why);
	require(mcfg.count <= ACPI_MCFG_MAX);
	result(acpi_hpet_parse(acpi, &hpet, &why), &why);
	result(acpi_table_find(acpi, "DMAR", 0, &table, &why), &why);
	result(acpi_s5_find(acpi, &fadt, &s5, &why), &why);
	require(s5.slp_typ_a <= 7 && s5.slp_typ_b <= 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct acpi acpi;
	const char *why = NULL;
	const void *rsdp;
	u32 rsdp_size;
	int err;

	if (size == 0)
		return 0;
	build_clear();
	if (data[0] & 1)
		make_tables(data + 1, size - 1);
	else
		make_raw(data + 1, size - 1);
	memory.end = MEMORY_BASE + MEMORY_SIZE - (data[0] & 2 ? 0x60000 : 0);
	err = acpi_rsdp_find(&memory_access, &rsdp, &rsdp_size, &why);
	result(err, &why);
	if (!err) {
		err = acpi_open(&acpi, &memory_access, rsdp, rsdp_size, &why);
		result(err, &why);
		if (!err)
			read_all(&acpi);
	}
	memory_clear();
	return 0;
}
