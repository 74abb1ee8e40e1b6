/* SPDX-License-Identifier: MIT */
/*
 * Reader of the MultiProcessor Specification's tables, for the one thing that
 * ACPI has in AML only: which pin of an IOAPIC a PCI device's INTx# reaches.
 * The tables are the firmware's and may be damaged. No locks, no state.
 */
#pragma once

#include "lib/acpi.h"

#define MPTABLE_ROUTES_MAX 256u

/* Of INTA# to INTD# of one PCI device. */
struct mptable_route {
	u8 bus;
	u8 device;
	u8 pin;    /* 0 is INTA# */
	u8 ioapic; /* APIC id */
	u8 input;  /* of that IOAPIC */
	bool high; /* active high, else low, as PCI has it */
};

struct mptable {
	u32 count;
	u32 left_out; /* beyond MPTABLE_ROUTES_MAX */
	struct mptable_route routes[MPTABLE_ROUTES_MAX];
};

/*
 * Finds and reads the table. 0; -ENOENT: there is none; -EINVAL: it is damaged,
 * *why says how. After an error *out is empty.
 */
[[nodiscard]] int mptable_read(
	const struct acpi_access *access, struct mptable *out, const char **why);
/* The route of @pin; NULL: the table has none. */
const struct mptable_route *mptable_route(const struct mptable *t, u8 bus, u8 device, u8 pin);
