/* SPDX-License-Identifier: MIT */
/*
 * RAM that the kernel may use: the memory map's, whole pages, without the
 * first MiB, the image and the modules. Boot only; then it is page_alloc's.
 */
#pragma once

#include "base/types.h"

#define RAM_RANGES_MAX 64u

struct ram_range {
	u64 start; /* GPA, page-aligned, as is end */
	u64 end;
	u64 top; /* end as it was before pages were taken */
};

/* Works out the ranges. @image: GPA of the kernel's image, of @image_size. */
void ram_init(u64 image, u64 image_size);
const struct ram_range *ram_ranges(u32 *count);

/* A page below 4 GiB for page tables, before page_alloc works; 0 if out. */
u64 ram_take_page(void);
/* Gives what is left to page_alloc. */
void ram_hand_over(void);
