/* SPDX-License-Identifier: MIT */
/*
 * The boot-information blob: what the hypervisor tells the root partition
 * beyond PVH, as the boot module named "bootinfo". One page, read-only for
 * the root, and so are the rings that it points to. All addresses are GPAs.
 */
#pragma once

#include "base/types.h"

#define BOOTINFO_MODULE_NAME "bootinfo"
#define BOOTINFO_MAGIC       0x4f464e4947524456ull /* "VDRGINFO" */
#define BOOTINFO_VERSION     1u

enum bootinfo_fb_type {
	BOOTINFO_FB_NONE = 0,
	BOOTINFO_FB_TEXT = 1, /* VGA text, 2 bytes per cell; width and height in cells */
	BOOTINFO_FB_RGB = 2,
};

struct bootinfo_framebuffer {
	u64 address;
	u32 width; /* pixels */
	u32 height;
	u32 pitch; /* bytes per line */
	u8 type;   /* enum bootinfo_fb_type */
	u8 bpp;    /* 15, 16, 24 or 32 */
	u8 red_pos;
	u8 red_size;
	u8 green_pos;
	u8 green_size;
	u8 blue_pos;
	u8 blue_size;
	u16 cursor_column; /* where the hypervisor's own output ended */
	u16 cursor_row;
};

struct bootinfo {
	u64 magic;
	u32 version;
	u32 size; /* bytes of this structure */
	char hypervisor_version[32];
	char vendor[8]; /* "svm" or "vmx" */
	u64 tsc_hz;
	u64 boot_tsc;          /* TSC at the hypervisor's first instruction */
	u64 memory_total;      /* bytes of RAM in the machine */
	u64 memory_hypervisor; /* of them kept by the hypervisor */
	u64 log_ring;          /* struct log_ring */
	u64 log_ring_size;
	u64 trace_rings; /* struct trace_ring, one per processor, trace_ring_size apart */
	u64 trace_ring_size;
	u32 processors;
	u32 serial_port; /* I/O port of the console's UART, 0 if none */
	u64 root_image;  /* pristine copy of the root's ELF file */
	u64 root_image_size;
	struct bootinfo_framebuffer framebuffer;
	u32 apic_ids[64]; /* of each VP by its index */
};

static_assert(sizeof(struct bootinfo_framebuffer) == 32);
static_assert(offsetof(struct bootinfo, tsc_hz) == 56);
static_assert(sizeof(struct bootinfo) <= 4096);
