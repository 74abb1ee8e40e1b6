/* SPDX-License-Identifier: MIT */
/*
 * Wire format of multiboot2: the constants of the header in our image and the
 * layouts of the information structure that the boot loader hands over.
 * Included by the boot assembly (constants only), the parser and its tests.
 * Multiboot2 Specification 2.0, sections 3.1 (header) and 3.6 (information).
 * Where its text and the boot loaders differ (tags 8 and 9), this is what the
 * boot loaders write, and the specification's own example header agrees.
 */
#pragma once

/* Section 3.1.1: the header's fixed part. */
#define MB2_HEADER_MAGIC 0xE85250D6
#define MB2_ARCH_I386    0
#define MB2_HEADER_ALIGN 8

/* Sections 3.1.3 to 3.1.13: tags of the header. */
#define MB2_HEADER_TAG_END               0
#define MB2_HEADER_TAG_INFO_REQUEST      1
#define MB2_HEADER_TAG_ADDRESS           2
#define MB2_HEADER_TAG_ENTRY             3
#define MB2_HEADER_TAG_CONSOLE           4
#define MB2_HEADER_TAG_FRAMEBUFFER       5
#define MB2_HEADER_TAG_MODULE_ALIGN      6
#define MB2_HEADER_TAG_EFI_BOOT_SERVICES 7
#define MB2_HEADER_TAG_ENTRY_EFI32       8
#define MB2_HEADER_TAG_ENTRY_EFI64       9
#define MB2_HEADER_TAG_RELOCATABLE       10

#define MB2_HEADER_TAG_OPTIONAL          1 /* bit 0 of a header tag's flags */

#define MB2_CONSOLE_REQUIRED             1
#define MB2_CONSOLE_EGA_TEXT             2

#define MB2_RELOCATE_ANY                 0
#define MB2_RELOCATE_LOW                 1
#define MB2_RELOCATE_HIGH                2

/* Section 3.3: EAX at entry; EBX has the physical address of the information. */
#define MB2_BOOT_MAGIC 0x36D76289

/* Section 3.6: tags of the information structure. */
#define MB2_TAG_END                0
#define MB2_TAG_CMDLINE            1
#define MB2_TAG_LOADER_NAME        2
#define MB2_TAG_MODULE             3
#define MB2_TAG_BASIC_MEMORY       4
#define MB2_TAG_BIOS_DEVICE        5
#define MB2_TAG_MEMORY_MAP         6
#define MB2_TAG_VBE                7
#define MB2_TAG_FRAMEBUFFER        8
#define MB2_TAG_ELF_SECTIONS       9
#define MB2_TAG_APM                10
#define MB2_TAG_EFI32_SYSTEM_TABLE 11
#define MB2_TAG_EFI64_SYSTEM_TABLE 12
#define MB2_TAG_SMBIOS             13
#define MB2_TAG_RSDP_V1            14
#define MB2_TAG_RSDP_V2            15
#define MB2_TAG_NETWORK            16
#define MB2_TAG_EFI_MEMORY_MAP     17
#define MB2_TAG_EFI_BOOT_SERVICES  18
#define MB2_TAG_EFI32_IMAGE        19
#define MB2_TAG_EFI64_IMAGE        20
#define MB2_TAG_LOAD_BASE          21

#define MB2_TAG_ALIGN              8

#ifndef __ASSEMBLER__

#include "base/types.h"

/* Section 3.6.2: the information structure begins with this. */
struct mb2_info {
	u32 total_size; /* bytes, this header included */
	u32 reserved;
};
static_assert(sizeof(struct mb2_info) == 8);

/* Every tag begins with this, at a multiple of MB2_TAG_ALIGN. */
struct mb2_tag {
	u32 type;
	u32 size; /* bytes, this header included, padding not */
};
static_assert(sizeof(struct mb2_tag) == 8);

/* Section 3.6.3: tags 1 and 2. */
struct mb2_tag_string {
	struct mb2_tag tag;
	char text[];
};
static_assert(offsetof(struct mb2_tag_string, text) == 8);

/* Section 3.6.6: tag 3, one per module. */
struct mb2_tag_module {
	struct mb2_tag tag;
	u32 start;
	u32 end; /* first byte behind the module */
	char text[];
};
static_assert(offsetof(struct mb2_tag_module, text) == 16);

/* Section 3.6.8: tag 6 and its entries. */
#define MB2_MEMORY_RAM      1
#define MB2_MEMORY_RESERVED 2
#define MB2_MEMORY_ACPI     3
#define MB2_MEMORY_NVS      4
#define MB2_MEMORY_BAD      5

struct mb2_memory {
	u64 base;
	u64 length;
	u32 type; /* MB2_MEMORY_*; anything else is reserved */
	u32 reserved;
};
static_assert(sizeof(struct mb2_memory) == 24);

struct mb2_tag_memory_map {
	struct mb2_tag tag;
	u32 entry_size; /* a multiple of 8 */
	u32 entry_version;
	u8 entries[];
};
static_assert(offsetof(struct mb2_tag_memory_map, entries) == 16);

/* Section 3.6.12: tag 8. */
#define MB2_FRAMEBUFFER_INDEXED  0
#define MB2_FRAMEBUFFER_RGB      1
#define MB2_FRAMEBUFFER_EGA_TEXT 2

struct mb2_tag_framebuffer {
	struct mb2_tag tag;
	u64 addr;
	u32 pitch; /* bytes from line to line */
	u32 width; /* pixels, or characters of EGA text */
	u32 height;
	u8 bpp;
	u8 type; /* MB2_FRAMEBUFFER_* */
	u16 reserved;
};
static_assert(sizeof(struct mb2_tag_framebuffer) == 32);

/* What follows it for MB2_FRAMEBUFFER_RGB. */
struct mb2_framebuffer_rgb {
	u8 red_position;
	u8 red_size;
	u8 green_position;
	u8 green_size;
	u8 blue_position;
	u8 blue_size;
};
static_assert(sizeof(struct mb2_framebuffer_rgb) == 6);

/* Section 3.6.7: tag 9, with the section headers of our image behind it. */
struct mb2_tag_elf_sections {
	struct mb2_tag tag;
	u32 count;
	u32 entry_size;
	u32 string_index;
	u8 entries[];
};
static_assert(offsetof(struct mb2_tag_elf_sections, entries) == 20);

/* gABI chapter 4, Elf64_Shdr; at multiples of 4 only, inside tag 9. */
#define MB2_SECTION_SYMTAB 2
#define MB2_SECTION_STRTAB 3

struct mb2_elf64_section {
	u32 name;
	u32 type;
	u64 flags;
	u64 addr; /* where the boot loader put it */
	u64 offset;
	u64 size;
	u32 link;
	u32 info;
	u64 addralign;
	u64 entsize;
} __packed;
static_assert(sizeof(struct mb2_elf64_section) == 64);

/* Section 3.6.16: tags 14 and 15, a copy of the RSDP. */
#define MB2_RSDP_V1_SIZE 20
#define MB2_RSDP_V2_SIZE 36

struct mb2_tag_rsdp {
	struct mb2_tag tag;
	u8 rsdp[];
};
static_assert(offsetof(struct mb2_tag_rsdp, rsdp) == 8);

/* Section 3.6.19: tag 17; UEFI 2.x section 7.2, EFI_MEMORY_DESCRIPTOR. */
#define MB2_EFI_LOADER_CODE        1
#define MB2_EFI_LOADER_DATA        2
#define MB2_EFI_BOOT_SERVICES_CODE 3
#define MB2_EFI_BOOT_SERVICES_DATA 4
#define MB2_EFI_CONVENTIONAL       7
#define MB2_EFI_UNUSABLE           8
#define MB2_EFI_ACPI_RECLAIM       9
#define MB2_EFI_ACPI_NVS           10

struct mb2_efi_memory {
	u32 type;
	u32 reserved;
	u64 physical;
	u64 virtual;
	u64 pages; /* of 4 KiB */
	u64 attribute;
};
static_assert(sizeof(struct mb2_efi_memory) == 40);

struct mb2_tag_efi_memory_map {
	struct mb2_tag tag;
	u32 entry_size; /* of one descriptor; more than the struct, usually */
	u32 entry_version;
	u8 entries[];
};
static_assert(offsetof(struct mb2_tag_efi_memory_map, entries) == 16);

/* Section 3.6.23: tag 21. */
struct mb2_tag_load_base {
	struct mb2_tag tag;
	u32 addr;
};
static_assert(sizeof(struct mb2_tag_load_base) == 12);

#endif
