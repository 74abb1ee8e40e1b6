/* SPDX-License-Identifier: MIT */
/*
 * Where the hypervisor settles: its image at the top of usable memory below
 * 4 GiB, frame table, table reserve and pool at the top of all usable memory.
 * Pure arithmetic on the memory map; boot, once.
 */
#pragma once

#include "base/types.h"

struct boot_info;

struct memory_plan {
	u64 ram;            /* bytes of RAM in the machine */
	u64 top;            /* first address above all RAM */
	u64 frames;         /* entries of the frame table */
	u64 slat_reserve;   /* pages for the root's second-level tables */
	u64 direct_reserve; /* pages for the hypervisor's map of deposited pages */
	u64 image;          /* SPA for the image, 2 MiB-aligned */
	u64 image_size;
	u64 owned; /* SPA of frame table, then pool; 2 MiB-aligned */
	u64 owned_size;
};

/*
 * @load: where the image is now, @image_size with its zeroed part; @cpus:
 * processors to expect. Spares modules and symbols where the boot loader left
 * them. False: there is no room; plan->ram is valid all the same.
 */
bool memory_plan_make(
	struct memory_plan *plan, const struct boot_info *info, u64 load, u64 image_size, u32 cpus);

/*
 * First hole of @size bytes, 2 MiB-aligned, above 1 MiB and below 4 GiB, in
 * RAM that neither the plan nor a module named extra* takes. 0 if none.
 */
u64 memory_plan_root_hole(const struct memory_plan *plan, const struct boot_info *info, u64 size);
