/* SPDX-License-Identifier: MIT */
/*
 * Multiboot, version 1: the header in a kernel, and what the kernel finds in
 * EBX. Multiboot Specification 0.6.96, 3.1 (header), 3.2 (entry), 3.3
 * (information). Entered in 32-bit protected mode, paging off, flat segments.
 */
#pragma once

#include "base/types.h"

/* The header stands on a 4-byte boundary, wholly in the first bytes of the file. */
#define MB1_HEADER_MAGIC  0x1badb002u
#define MB1_HEADER_SEARCH 8192u
#define MB1_BOOT_MAGIC    0x2badb002u /* EAX at entry */

/* Flags of the header: a loader refuses those of 15:0 that it does not know. */
#define MB1_HEADER_PAGE_ALIGN BIT(0) /* of modules */
#define MB1_HEADER_MEMORY     BIT(1) /* information about memory is wanted */
#define MB1_HEADER_VIDEO      BIT(2)
#define MB1_HEADER_REQUIRED   0xffffu
#define MB1_HEADER_ADDRESSES  BIT(16) /* load by the fields below, not as ELF */

struct mb1_header {
	u32 magic;
	u32 flags;
	u32 checksum; /* makes the sum of the three zero */
	/* With MB1_HEADER_ADDRESSES; physical. */
	u32 header_addr;   /* of this header */
	u32 load_addr;     /* of what is loaded first */
	u32 load_end_addr; /* 0: all of the file */
	u32 bss_end_addr;  /* 0: nothing to clear */
	u32 entry_addr;
};
#define MB1_HEADER_SHORT 12u /* bytes without the addresses */

/* Flags of the information. */
#define MB1_INFO_MEMORY  BIT(0)
#define MB1_INFO_CMDLINE BIT(2)
#define MB1_INFO_MODULES BIT(3)
#define MB1_INFO_MAP     BIT(6)
#define MB1_INFO_LOADER  BIT(9)

struct mb1_info {
	u32 flags;
	u32 mem_lower; /* KiB from 0 */
	u32 mem_upper; /* KiB from 1 MiB up to the first hole */
	u32 boot_device;
	u32 cmdline;
	u32 module_count;
	u32 modules;
	u32 symbols[4];
	u32 map_length;
	u32 map;
	u32 drives_length;
	u32 drives;
	u32 config_table;
	u32 loader_name;
	u32 apm_table;
	u32 vbe[4];
	u32 framebuffer[7];
};

struct mb1_module {
	u32 start;
	u32 end;
	u32 text;
	u32 reserved;
};

/* Kinds of memory as in a PVH memory map. */
struct mb1_memory {
	u32 size; /* of what follows */
	u64 address;
	u64 length;
	u32 type;
} __packed;

static_assert(sizeof(struct mb1_header) == 32);
static_assert(offsetof(struct mb1_info, map_length) == 44);
static_assert(offsetof(struct mb1_info, loader_name) == 64);
static_assert(offsetof(struct mb1_info, vbe) == 72);
static_assert(sizeof(struct mb1_info) == 116);
static_assert(sizeof(struct mb1_module) == 16);
static_assert(sizeof(struct mb1_memory) == 24);
