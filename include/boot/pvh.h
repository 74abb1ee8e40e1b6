/* SPDX-License-Identifier: MIT */
/*
 * PVH boot ABI: what a kernel finds in EBX when it is entered in 32-bit
 * protected mode, paging off, flat segments. Xen "x86/HVM direct boot ABI",
 * version 1.
 */
#pragma once

#include "base/types.h"

#define PVH_START_MAGIC       0x336ec578u
#define PVH_NOTE_PHYS32_ENTRY 18u
#define PVH_MEMORY_RAM        1u
#define PVH_MEMORY_RESERVED   2u
#define PVH_MEMORY_ACPI       3u
#define PVH_MEMORY_NVS        4u
#define PVH_MEMORY_UNUSABLE   5u

struct pvh_start_info {
	u32 magic;
	u32 version; /* 1 */
	u32 flags;
	u32 module_count;
	u64 modules;    /* GPA of struct pvh_module[] */
	u64 cmdline;    /* GPA of a terminated string */
	u64 rsdp;       /* GPA */
	u64 memory_map; /* GPA of struct pvh_memory[], version 1 on */
	u32 memory_map_entries;
	u32 reserved;
};

struct pvh_module {
	u64 address;
	u64 size;
	u64 cmdline; /* GPA of the module's name */
	u64 reserved;
};

struct pvh_memory {
	u64 address;
	u64 size;
	u32 type;
	u32 reserved;
};

static_assert(sizeof(struct pvh_start_info) == 56);
static_assert(sizeof(struct pvh_module) == 32);
static_assert(sizeof(struct pvh_memory) == 24);
