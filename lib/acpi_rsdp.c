/* SPDX-License-Identifier: MIT */
/*
 * Search for the RSDP in a BIOS's memory, for starts where no boot loader
 * hands it over. ACPI 6.5, section 5.2.5.1.
 */
#include "base/errno.h"
#include "lib/acpi.h"
#include "lib/acpi_internal.h"
#include "lib/string.h"

#define EBDA_POINTER   0x40Eu /* real-mode segment, in the BIOS data area */
#define EBDA_SEARCHED  1024u
#define BIOS_START     0xE0000u
#define BIOS_SIZE      0x20000u
#define RSDP_ALIGN     16u
#define LOW_MEMORY_END 0xA0000u

struct acpi_search {
	const void *found;
	u32 size;
	bool damaged; /* one with a wrong checksum was seen */
};

static void acpi_rsdp_test(struct acpi_search *search, const u8 *at, size_t room)
{
	struct acpi_rsdp rsdp = { 0 };

	memcpy(&rsdp, at, MIN(room, sizeof(rsdp)));
	if (memcmp(rsdp.signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp.signature)))
		return;
	if (!acpi_sum_ok(at, ACPI_RSDP_V1_SIZE)) {
		search->damaged = true;
		return;
	}
	search->found = at;
	search->size = rsdp.revision >= 2 && room >= ACPI_RSDP_V2_SIZE ? ACPI_RSDP_V2_SIZE
								       : ACPI_RSDP_V1_SIZE;
}

static void acpi_rsdp_search(
	const struct acpi_access *access, u64 phys, u32 size, struct acpi_search *search)
{
	const u8 *area = access->map(access->ctx, phys, size);

	if (!area)
		return;
	for (u32 at = 0; at + ACPI_RSDP_V1_SIZE <= size && !search->found; at += RSDP_ALIGN)
		acpi_rsdp_test(search, area + at, size - at);
}

/* Segments outside of conventional memory are not an EBDA's. */
static void acpi_rsdp_search_ebda(const struct acpi_access *access, struct acpi_search *search)
{
	const void *pointer = access->map(access->ctx, EBDA_POINTER, sizeof(u16));
	u16 segment = 0;
	u32 phys;

	if (pointer)
		memcpy(&segment, pointer, sizeof(segment));
	phys = (u32)segment << 4;
	if (phys > EBDA_POINTER && phys + EBDA_SEARCHED <= LOW_MEMORY_END)
		acpi_rsdp_search(access, phys, EBDA_SEARCHED, search);
}

int acpi_rsdp_find(const struct acpi_access *access, const void **rsdp, u32 *size, const char **why)
{
	struct acpi_search search = { 0 };

	acpi_rsdp_search_ebda(access, &search);
	if (!search.found)
		acpi_rsdp_search(access, BIOS_START, BIOS_SIZE, &search);
	*rsdp = search.found;
	*size = search.size;
	if (search.found)
		return 0;
	*why = search.damaged ? "ACPI: RSDP: wrong checksum" : "ACPI: RSDP: not there";
	return search.damaged ? -EINVAL : -ENOENT;
}
