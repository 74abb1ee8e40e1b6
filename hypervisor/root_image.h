/* SPDX-License-Identifier: MIT */
/*
 * The root kernel's image: found among GRUB's modules, checked, kept as a
 * pristine copy, put into memory, and entered by the PVH boot ABI.
 */
#pragma once

#include "base/types.h"
#include "lib/elf.h"

struct boot_info;
struct memory_plan;
struct vp;

struct root_image {
	const void *file; /* pristine copy, shared read-only with the root */
	u64 file_size;
	const void *archive;
	u64 archive_size;
	struct elf_image elf;
	u64 hole; /* where it goes */
};

/* Finds, copies and checks; refuse()s what is missing or damaged. */
void root_image_find(
	struct root_image *image, const struct boot_info *info, const struct memory_plan *plan);
/* Loads the segments, writes start information, sets @vp to the PVH entry state. */
void root_image_load(const struct root_image *image, const struct boot_info *info,
	const struct memory_plan *plan, struct vp *vp);
/* The blob that the console's hand-over completes. */
struct bootinfo *root_bootinfo(void);
