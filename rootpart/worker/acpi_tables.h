/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of the child's machine, hardware-reduced: its processors and
 * interrupt controllers, how to switch it off and reset it, its serial port,
 * and the node by which a guest finds VMBus.
 */
#pragma once

#include "base/types.h"

/* More than 64 processors need. */
#define ACPI_TABLES_MAX (8 * KIB)

/* What of the machine stands in the tables. */
struct acpi_machine {
	u32 vp_count; /* up to 64; APIC ids are VP indices */
	u64 ram_end;
};

/*
 * Makes all tables for a place at @gpa, below 4 GiB and a multiple of 16; the
 * RSDP stands first. Returns their size, at most ACPI_TABLES_MAX.
 */
u32 acpi_tables_make(u8 to[ACPI_TABLES_MAX], u64 gpa, const struct acpi_machine *m);
