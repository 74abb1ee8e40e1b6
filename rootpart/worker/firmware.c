/* SPDX-License-Identifier: MIT */
/*
 * The firmware area. Linux without EFI on a machine of reduced hardware tries
 * neither the reset register nor the keyboard controller: it goes to real mode
 * and jumps to F000:FFF0.
 */
#include "rootpart/worker/firmware.h"

#include "rootpart/worker/acpi_tables.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/memory.h"
#include "rootpart/worker/ports.h"
#include "rootpart/worker/space.h"

#define RESET_VECTOR 0xffff0u

/* mov al, 0xfe; out 0x64, al; cli; 1: hlt; jmp 1b */
static const u8 reset_code[] = { 0xb0, 0xfe, 0xe6, PORT_KEYBOARD, 0xfa, 0xf4, 0xeb, 0xfd };

u64 firmware_load(const struct place *p)
{
	static u8 tables[ACPI_TABLES_MAX];
	struct acpi_machine m = { .vp_count = space_start()->vp_count };

	static_assert(PLACE_FIRMWARE + ACPI_TABLES_MAX <= RESET_VECTOR);
	if (!place_firmware_free(p))
		return 0;
	for (u32 i = 0; i < memory_region_count(); i++)
		m.ram_end = memory_region(i)->gpa + memory_region(i)->size;
	load_write(PLACE_FIRMWARE, tables, acpi_tables_make(tables, PLACE_FIRMWARE, &m));
	load_write(RESET_VECTOR, reset_code, sizeof(reset_code));
	return PLACE_FIRMWARE;
}
