/* SPDX-License-Identifier: MIT */
/*
 * What the loader handed over by the PVH boot ABI: command line, modules,
 * RSDP, memory map; and the hypervisor's boot information. Constant after
 * boot. Modules and rings are mapped read-only.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "boot/bootinfo.h"
#include "boot/log_ring.h"
#include "boot/pvh.h"
#include "boot/trace_ring.h"

#define BOOT_MODULES_MAX 16u

struct boot_module {
	const char *name; /* last part of the module's string: "boot.cpio" */
	const void *data;
	u64 size;
	gpa_t gpa;
};

/* Module called @name, NULL if there is none. */
const struct boot_module *boot_module_find(const char *name);
/* Module number @index, NULL past the last one. */
const struct boot_module *boot_module_get(u32 index);

/* The root's command line, for cmdline_get(); "" if there is none. */
const char *boot_cmdline(void);
/* RSDP, as address only: 0 if there is none. */
u64 boot_rsdp(void);
const struct pvh_memory *boot_memory_map(u32 *count);

/* All NULL before boot_modules_map(), or without the module "bootinfo". */
const struct bootinfo *boot_info(void);
const struct log_ring *boot_log_ring(void);
/* The pristine ELF file of this kernel; bootinfo has its size. */
const void *boot_root_image(void);
/* Ring of processor @index, NULL past the last one. */
const struct trace_ring *boot_trace_ring(u32 index);

/*
 * Reads start_info at @gpa through entry.S's identity map of 4 GiB and copies
 * all but the modules' contents. Returns 0, or -EINVAL if it is not one, or
 * has no memory map. Boot, first.
 */
[[nodiscard]] int boot_modules_init(u64 gpa);
/* Maps modules and rings. Boot, once paging_init() is done. */
void boot_modules_map(void);
/* Calls @use on each range of memory that a module occupies. */
void boot_modules_ranges(void (*use)(u64 gpa, u64 size));
