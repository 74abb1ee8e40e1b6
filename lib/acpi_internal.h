/* SPDX-License-Identifier: MIT */
/*
 * What the files lib/acpi*.c share with each other and with nobody else.
 */
#pragma once

#include "lib/acpi.h"

/* Largest table believed in; the largest real ones are DSDTs of under 1 MiB. */
#define ACPI_TABLE_MAX (16u * 1024 * 1024)

/* True if the bytes add up to 0. */
bool acpi_sum_ok(const void *data, size_t len);

/* Sets *why to "ACPI: SIGN: text" in acpi->why, and returns @err. */
int acpi_fail(
	struct acpi *acpi, const char *signature, const char *text, int err, const char **why);
