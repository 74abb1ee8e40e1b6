/* SPDX-License-Identifier: MIT */
/*
 * MCFG: where PCI Express has its configuration space in memory.
 * PCI Firmware Specification 3.3, section 4.1.2.
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

static int acpi_mcfg_entries(struct acpi *acpi, const struct acpi_table_mcfg *mcfg, size_t count,
	struct acpi_mcfg *out, const char **why)
{
	if (count == 0)
		return acpi_fail(acpi, ACPI_MCFG_SIGNATURE, "empty", -EINVAL, why);
	if (count > ACPI_MCFG_MAX)
		return acpi_fail(acpi, ACPI_MCFG_SIGNATURE, "too many segments", -E2BIG, why);
	for (size_t i = 0; i < count; i++) {
		const struct acpi_mcfg_entry *e = &mcfg->entries[i];

		if (e->end_bus < e->start_bus || !e->base || !IS_ALIGNED(e->base, MIB))
			return acpi_fail(acpi, ACPI_MCFG_SIGNATURE, "damaged entry", -EINVAL, why);
		out->segments[i] =
			(struct acpi_segment){ e->base, e->segment, e->start_bus, e->end_bus };
	}
	out->count = (u32)count;
	return 0;
}

int acpi_mcfg_parse(struct acpi *acpi, struct acpi_mcfg *out, const char **why)
{
	const struct acpi_table_mcfg *mcfg;
	struct acpi_table table;
	int err;

	memset(out, 0, sizeof(*out));
	err = acpi_table_find(acpi, ACPI_MCFG_SIGNATURE, 0, &table, why);
	if (err)
		return err;
	mcfg = (const void *)table.sdt;
	if (mcfg->header.length < sizeof(*mcfg))
		return acpi_fail(acpi, ACPI_MCFG_SIGNATURE, "cut short", -EINVAL, why);
	err = acpi_mcfg_entries(acpi, mcfg,
		(mcfg->header.length - sizeof(*mcfg)) / sizeof(mcfg->entries[0]), out, why);
	if (err)
		memset(out, 0, sizeof(*out));
	return err;
}
