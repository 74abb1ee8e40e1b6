/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader told us, in neutral form: filled once by the multiboot2
 * parser, read by the hypervisor's start-up on the first processor. Texts and
 * tables are copies; module contents and symbols are not: they stay where the
 * boot loader put them, below 4 GiB, in memory that the map calls RAM, and the
 * reader of the map must spare them. Addresses are physical; pointers are
 * physical addresses too, good for use while that memory is identity-mapped.
 */
#pragma once

#include "base/types.h"
#include "boot/memmap.h"
#include "lib/elf.h"

#define BOOT_CMDLINE_SIZE     1024u
#define BOOT_MODULE_TEXT_SIZE 64u
#define BOOT_MODULES_MAX      32u
#define BOOT_RSDP_SIZE        36u

struct boot_module {
	u64 start;
	u64 end;                          /* first byte behind; never below start */
	char text[BOOT_MODULE_TEXT_SIZE]; /* its line in the boot loader's menu */
};

enum boot_fb_type {
	BOOT_FB_NONE,     /* none was set up */
	BOOT_FB_TEXT,     /* character cells of 16 bits, as VGA has them */
	BOOT_FB_RGB,      /* 15, 16, 24 or 32 bits per pixel */
	BOOT_FB_UNUSABLE, /* there is one, of a kind or size that we cannot draw on */
};

/* A colour's bits inside a pixel. */
struct boot_colour {
	u8 position; /* lowest bit */
	u8 size;     /* bits, 1 to 8 */
};

struct boot_framebuffer {
	enum boot_fb_type type;
	u64 addr;
	u32 pitch;  /* bytes from line to line, at least a line's */
	u32 width;  /* pixels, or characters for BOOT_FB_TEXT; 1 to 16384 */
	u32 height; /* likewise */
	u8 bpp;
	struct boot_colour red, green, blue; /* BOOT_FB_RGB only */
};

struct boot_info {
	char cmdline[BOOT_CMDLINE_SIZE];
	struct memmap memory;
	u32 module_count;
	struct boot_module modules[BOOT_MODULES_MAX];
	struct boot_framebuffer framebuffer;
	u32 rsdp_size; /* 0: none, 20: ACPI 1.0, 36: later */
	u8 rsdp[BOOT_RSDP_SIZE];
	struct elf_symtab symbols; /* of the hypervisor's image; sizes 0 if unknown */
	bool has_load_base;
	u64 load_base; /* where the image's lowest byte was loaded */
};
