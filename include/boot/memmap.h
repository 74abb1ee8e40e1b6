/* SPDX-License-Identifier: MIT */
/*
 * The physical memory map as the firmware tells it, put in order: sorted,
 * disjoint, neighbours of one type merged. Addresses are to the byte, as they
 * came; who needs whole pages rounds RAM inwards and everything else outwards.
 * No locks; built once, at boot, by one processor.
 */
#pragma once

#include "base/types.h"

#define MEMMAP_MAX 256u

/* Values are those of the BIOS's E820 (ACPI 6.5, table 15.1) and of PVH. */
enum memmap_type {
	MEMMAP_RAM = 1,
	MEMMAP_RESERVED = 2,
	MEMMAP_ACPI = 3, /* tables, reclaimable once they are read */
	MEMMAP_NVS = 4,
	MEMMAP_BAD = 5,
};

struct memmap_range {
	u64 start;
	u64 end; /* first byte behind; never below start */
	enum memmap_type type;
};

struct memmap {
	u32 count;
	struct memmap_range range[MEMMAP_MAX];
};

/*
 * Adds [start, end). Where it overlaps what is there, the more restrictive
 * type wins: RAM < ACPI < NVS < reserved < bad; so the order of calls does not
 * matter. An empty range is nothing. Returns 0, or -E2BIG if the map would
 * have more than MEMMAP_MAX pieces; it then holds part of the range.
 */
[[nodiscard]] int memmap_add(struct memmap *map, u64 start, u64 end, enum memmap_type type);

/* Name for people: "RAM", "reserved", ... */
const char *memmap_type_name(enum memmap_type type);
