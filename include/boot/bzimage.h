/* SPDX-License-Identifier: MIT */
/*
 * Linux's own kernel format for x86: the setup header in the file, and the
 * zero page in which a kernel finds it again, filled by its loader. Linux
 * "The Linux/x86 Boot Protocol", 2.15, and "Zero Page".
 */
#pragma once

#include "base/types.h"

#define BZIMAGE_HEADER_AT      0x1f1u /* in the file, and in the zero page */
#define BZIMAGE_HEADER_END     0x290u /* no header is longer, in the zero page */
#define BZIMAGE_BOOT_FLAG      0xaa55u
#define BZIMAGE_MAGIC          0x53726448u /* "HdrS" */
#define BZIMAGE_SECTOR         512u
#define BZIMAGE_SETUP_SECTORS  4u /* if the header says 0 */
#define BZIMAGE_LOADED_HIGH    0x01u
#define BZIMAGE_XLF_64         0x0001u
#define BZIMAGE_ENTRY_64       0x200u /* behind the address of loading */
#define BZIMAGE_LOADER_UNKNOWN 0xffu
#define BZIMAGE_VIDEO_NORMAL   0xffffu

struct bzimage_header {
	u8 setup_sectors; /* before the kernel, without the first one */
	u16 root_flags;
	u32 kernel_size; /* in units of 16 bytes */
	u16 ram_size;
	u16 video_mode;
	u16 root_device;
	u16 boot_flag;
	u8 jump;
	u8 jump_length; /* to the header's end */
	u32 magic;
	u16 version; /* major << 8 | minor */
	u32 realmode_switch;
	u16 start_system_segment;
	u16 version_text;
	u8 loader_type;
	u8 load_flags;
	u16 move_size;
	u32 code32_start;
	u32 initrd;
	u32 initrd_size;
	u32 bootsect_kludge;
	u16 heap_end;
	u8 loader_version;
	u8 loader_type_high;
	u32 cmdline;
	u32 initrd_last; /* 2.03: the highest address that the initrd may have */
	u32 alignment;   /* 2.05 */
	u8 relocatable;
	u8 alignment_min_log2; /* 2.10 */
	u16 xload_flags;       /* 2.12 */
	u32 cmdline_size;      /* 2.06: the most, without the terminator */
	u32 subarch;
	u64 subarch_data;
	u32 payload_offset;
	u32 payload_size;
	u64 setup_data;   /* 2.09 */
	u64 pref_address; /* 2.10 */
	u32 init_size;    /* memory that it needs from where it runs, until it knows the map */
	u32 handover_offset;
	u32 kernel_info_offset;
} __packed;

struct bzimage_memory {
	u64 address;
	u64 size;
	u32 type; /* as PVH_MEMORY_* */
} __packed;

#define BZIMAGE_MEMORY_MAX 128u

/* The zero page. */
struct bzimage_params {
	u8 screen_and_apm[0x70];
	u64 rsdp;
	u8 reserved[0x170];
	u8 memory_count;
	u8 reserved2[8];
	struct bzimage_header header;
	u8 header_rest[BZIMAGE_HEADER_END - BZIMAGE_HEADER_AT - sizeof(struct bzimage_header)];
	u8 disk_signatures[0x40];
	struct bzimage_memory memory[BZIMAGE_MEMORY_MAX];
	u8 reserved3[PAGE_SIZE - 0x2d0 - BZIMAGE_MEMORY_MAX * sizeof(struct bzimage_memory)];
} __packed;

static_assert(sizeof(struct bzimage_header) == 0x26c - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, boot_flag) == 0x1fe - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, magic) == 0x202 - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, loader_type) == 0x210 - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, cmdline) == 0x228 - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, xload_flags) == 0x236 - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, pref_address) == 0x258 - BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_header, init_size) == 0x260 - BZIMAGE_HEADER_AT);
static_assert(sizeof(struct bzimage_memory) == 20);
static_assert(sizeof(struct bzimage_params) == PAGE_SIZE);
static_assert(offsetof(struct bzimage_params, rsdp) == 0x70);
static_assert(offsetof(struct bzimage_params, memory_count) == 0x1e8);
static_assert(offsetof(struct bzimage_params, header) == BZIMAGE_HEADER_AT);
static_assert(offsetof(struct bzimage_params, memory) == 0x2d0);
