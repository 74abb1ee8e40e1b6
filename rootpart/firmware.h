/* SPDX-License-Identifier: MIT */
/*
 * The firmware's ACPI tables as the root reads them: opened once at boot,
 * constant afterwards. lib/acpi.h has the readers.
 */
#pragma once

#include "lib/acpi.h"

/* Opens the tables, reads MADT and FADT. What is missing gets a line. Boot. */
void firmware_init(void);

/* For further tables; NULL if there is no ACPI. One caller at a time. */
struct acpi *firmware_acpi(void);
/* NULL if there is none that can be read. */
const struct acpi_madt *firmware_madt(void);
const struct acpi_fadt *firmware_fadt(void);
