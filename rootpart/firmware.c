/* SPDX-License-Identifier: MIT */
/*
 * Opens the ACPI tables by the RSDP of start_info. A machine whose tables are
 * damaged still starts: what needs them says so when it is asked for.
 * ACPI 6.5, chapter 5. Boot VP.
 */
#include "rootpart/firmware.h"

#include "rootpart/boot_modules.h"
#include "rootpart/log.h"
#include "rootpart/paging.h"

static struct acpi acpi;
static struct acpi_madt madt;
static struct acpi_fadt fadt;
static bool have_acpi;
static bool have_madt;
static bool have_fadt;

static const void *map(void *ctx, u64 phys, u64 len)
{
	(void)ctx;
	return paging_map_direct(phys, len);
}

static const struct acpi_access access = { .map = map };

static bool open_tables(const char **why)
{
	const struct acpi_rsdp *rsdp = paging_map_direct(boot_rsdp(), sizeof(*rsdp));
	u32 size = ACPI_RSDP_V1_SIZE;

	*why = "the loader gave no RSDP";
	if (boot_rsdp() == 0 || rsdp == NULL)
		return false;
	if (rsdp->revision >= 2)
		size = ACPI_RSDP_V2_SIZE;
	return acpi_open(&acpi, &access, rsdp, size, why) == 0;
}

void firmware_init(void)
{
	const char *why;

	have_acpi = open_tables(&why);
	if (!have_acpi) {
		log_printf("firmware: no ACPI: %s", why);
		return;
	}
	have_madt = acpi_madt_parse(&acpi, &madt, &why) == 0;
	if (!have_madt)
		log_printf("firmware: no MADT: %s", why);
	have_fadt = acpi_fadt_parse(&acpi, &fadt, &why) == 0;
	if (!have_fadt)
		log_printf("firmware: no FADT: %s", why);
}

struct acpi *firmware_acpi(void)
{
	return have_acpi ? &acpi : NULL;
}

const struct acpi_madt *firmware_madt(void)
{
	return have_madt ? &madt : NULL;
}

const struct acpi_fadt *firmware_fadt(void)
{
	return have_fadt ? &fadt : NULL;
}
