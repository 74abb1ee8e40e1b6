/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables: the list of them, finding one, checking one. It knows no
 * table's contents; lib/acpi_*.c do. Called by the hypervisor's start-up on
 * the first processor, and by the root. ACPI 6.5, sections 5.2.5 to 5.2.8.
 */
#include "lib/acpi.h"

#include "base/errno.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

/* More tables than this is not a list of tables. */
#define ACPI_ENTRIES_MAX 512u
/* What acpi_table_hide() adds to the first letter of a signature. */
#define LOWER_CASE 0x20u

bool acpi_sum_ok(const void *data, size_t len)
{
	const u8 *b = data;
	u8 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (u8)(sum + b[i]);
	return sum == 0;
}

/* Appends to a text of @size bytes at most, which stays terminated. */
static void acpi_append(char *text, size_t size, const char *more, size_t len)
{
	size_t at = strnlen(text, size - 1);

	for (size_t i = 0; i < len && at < size - 1; i++, at++)
		text[at] = more[i] >= ' ' && more[i] <= '~' ? more[i] : '?';
	text[at] = 0;
}

int acpi_fail(struct acpi *acpi, const char *signature, const char *text, int err, const char **why)
{
	acpi->why[0] = 0;
	acpi_append(acpi->why, sizeof(acpi->why), "ACPI: ", 6);
	acpi_append(acpi->why, sizeof(acpi->why), signature, ACPI_SIGNATURE_SIZE);
	acpi_append(acpi->why, sizeof(acpi->why), ": ", 2);
	acpi_append(acpi->why, sizeof(acpi->why), text, strlen(text));
	*why = acpi->why;
	return err;
}

static const void *acpi_map(const struct acpi *acpi, u64 phys, u64 len)
{
	if (!phys || len > UINT64_MAX - phys)
		return NULL;
	return acpi->access.map(acpi->access.ctx, phys, len);
}

static bool acpi_signature_is(const struct acpi_sdt *sdt, const char *signature)
{
	return memcmp(sdt->signature, signature, ACPI_SIGNATURE_SIZE) == 0;
}

int acpi_table_at(struct acpi *acpi, const char *signature, u64 phys, struct acpi_table *out,
	const char **why)
{
	const struct acpi_sdt *sdt = acpi_map(acpi, phys, sizeof(*sdt));
	u32 length;

	*out = (struct acpi_table){ 0 };
	if (!sdt)
		return acpi_fail(acpi, signature, "unreadable", -EINVAL, why);
	if (!acpi_signature_is(sdt, signature))
		return acpi_fail(acpi, signature, "another table in its place", -EINVAL, why);
	length = sdt->length;
	if (length < sizeof(*sdt) || length > ACPI_TABLE_MAX)
		return acpi_fail(acpi, signature, "impossible length", -EINVAL, why);
	sdt = acpi_map(acpi, phys, length);
	if (!sdt)
		return acpi_fail(acpi, signature, "unreadable", -EINVAL, why);
	if (!acpi_sum_ok(sdt, length))
		return acpi_fail(acpi, signature, "wrong checksum", -EINVAL, why);
	*out = (struct acpi_table){ phys, sdt };
	return 0;
}

static u64 acpi_entry(const struct acpi *acpi, u32 index)
{
	u64 phys = 0;

	memcpy(&phys, acpi->entries + (size_t)index * acpi->entry_size, acpi->entry_size);
	return phys;
}

/* An entry of 0 is an empty place; one that cannot be read might be the one asked for. */
int acpi_table_find(struct acpi *acpi, const char *signature, u32 index, struct acpi_table *out,
	const char **why)
{
	bool unreadable = false;

	*out = (struct acpi_table){ 0 };
	for (u32 i = 0; i < acpi->entry_count; i++) {
		u64 phys = acpi_entry(acpi, i);
		const struct acpi_sdt *sdt = acpi_map(acpi, phys, sizeof(*sdt));

		if (!sdt)
			unreadable |= phys != 0;
		else if (acpi_signature_is(sdt, signature) && index-- == 0)
			return acpi_table_at(acpi, signature, phys, out, why);
	}
	if (unreadable)
		return acpi_fail(acpi, signature, "not there, and another table is unreadable",
			-EINVAL, why);
	return acpi_fail(acpi, signature, "not there", -ENOENT, why);
}

static int acpi_open_list(
	struct acpi *acpi, const char *signature, u64 phys, u32 entry_size, const char **why)
{
	struct acpi_table list;
	int err = acpi_table_at(acpi, signature, phys, &list, why);
	u32 count;

	if (err)
		return err;
	count = (list.sdt->length - (u32)sizeof(*list.sdt)) / entry_size;
	if (count > ACPI_ENTRIES_MAX)
		return acpi_fail(acpi, signature, "impossible number of tables", -EINVAL, why);
	acpi->entries = (const u8 *)(list.sdt + 1);
	acpi->entry_size = entry_size;
	acpi->entry_count = count;
	return 0;
}

int acpi_open(struct acpi *acpi, const struct acpi_access *access, const void *rsdp, size_t size,
	const char **why)
{
	struct acpi_rsdp copy = { 0 };

	*acpi = (struct acpi){ .access = *access };
	if (size < ACPI_RSDP_V1_SIZE)
		return acpi_fail(acpi, "RSDP", "cut short", -EINVAL, why);
	memcpy(&copy, rsdp, MIN(size, sizeof(copy)));
	if (memcmp(copy.signature, ACPI_RSDP_SIGNATURE, sizeof(copy.signature)))
		return acpi_fail(acpi, "RSDP", "wrong signature", -EINVAL, why);
	if (!acpi_sum_ok(rsdp, ACPI_RSDP_V1_SIZE))
		return acpi_fail(acpi, "RSDP", "wrong checksum", -EINVAL, why);
	if (copy.revision < 2 || size < ACPI_RSDP_V2_SIZE || !copy.xsdt)
		return acpi_open_list(acpi, ACPI_RSDT_SIGNATURE, copy.rsdt, sizeof(u32), why);
	if (copy.length < ACPI_RSDP_V2_SIZE || copy.length > size)
		return acpi_fail(acpi, "RSDP", "impossible length", -EINVAL, why);
	if (!acpi_sum_ok(rsdp, copy.length))
		return acpi_fail(acpi, "RSDP", "wrong extended checksum", -EINVAL, why);
	return acpi_open_list(acpi, ACPI_XSDT_SIGNATURE, copy.xsdt, sizeof(u64), why);
}

void acpi_table_hide(struct acpi_sdt *table)
{
	u8 first = (u8)table->signature[0];

	if (first & LOWER_CASE)
		return;
	table->signature[0] = (char)(first | LOWER_CASE);
	table->checksum = (u8)(table->checksum - LOWER_CASE);
}
