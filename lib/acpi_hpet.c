/* SPDX-License-Identifier: MIT */
/*
 * HPET: where the high precision event timer's registers are. It touches none
 * of them. IA-PC HPET Specification 1.0a, section 3.2.4.
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"

int acpi_hpet_parse(struct acpi *acpi, struct acpi_hpet *out, const char **why)
{
	const struct acpi_table_hpet *hpet;
	struct acpi_table table;
	int err;

	*out = (struct acpi_hpet){ 0 };
	err = acpi_table_find(acpi, ACPI_HPET_SIGNATURE, 0, &table, why);
	if (err)
		return err;
	hpet = (const void *)table.sdt;
	if (hpet->header.length < sizeof(*hpet))
		return acpi_fail(acpi, ACPI_HPET_SIGNATURE, "cut short", -EINVAL, why);
	if (hpet->base.space != ACPI_SPACE_MEMORY || !hpet->base.address)
		return acpi_fail(
			acpi, ACPI_HPET_SIGNATURE, "registers not in memory", -EINVAL, why);
	*out = (struct acpi_hpet){ .addr = hpet->base.address,
		.comparators = ACPI_HPET_ID_COMPARATORS(hpet->id) + 1,
		.counter_64bit = (hpet->id & ACPI_HPET_ID_64BIT) != 0,
		.min_tick = hpet->min_tick };
	return 0;
}
