/* SPDX-License-Identifier: MIT */
/*
 * The list of RAM ranges that nothing occupies, worked out from the memory
 * map by taking away what is in use; and single pages of it for the first
 * page tables. Boot VP.
 */
#include "rootpart/ram.h"

#include "rootpart/boot_modules.h"
#include "rootpart/page_alloc.h"

#define RAM_START MIB

static struct ram_range ranges[RAM_RANGES_MAX];
static u32 range_count;
static struct ram_range *early; /* where ram_take_page() takes from the end */

static void range_add(u64 start, u64 end)
{
	if (start >= end || range_count == RAM_RANGES_MAX)
		return;
	ranges[range_count++] = (struct ram_range){ start, end, end };
}

/* Takes [gpa, gpa + size), rounded outwards to pages, out of every range. */
static void range_remove(u64 gpa, u64 size)
{
	u64 start = ALIGN_DOWN(gpa, PAGE_SIZE);
	u64 end = ALIGN_UP(gpa + size, PAGE_SIZE);
	u32 count = range_count;

	for (u32 i = 0; i < count; i++) {
		struct ram_range *r = &ranges[i];
		u64 old_end = r->end;

		if (end <= r->start || start >= r->end)
			continue;
		r->end = r->top = MAX(start, r->start);
		range_add(MAX(end, r->start), old_end);
	}
}

/* Ranges do not straddle 4 GiB: what devices with 32 bits reach is apart. */
static void range_add_split(u64 start, u64 end)
{
	range_add(start, MIN(end, 4 * GIB));
	range_add(MAX(start, 4 * GIB), end);
}

static void choose_early(void)
{
	u64 best = 0;

	for (u32 i = 0; i < range_count; i++) {
		struct ram_range *r = &ranges[i];

		if (r->end <= 4 * GIB && r->end - r->start > best) {
			best = r->end - r->start;
			early = r;
		}
	}
}

void ram_init(u64 image, u64 image_size)
{
	u32 count;
	const struct pvh_memory *map = boot_memory_map(&count);

	for (u32 i = 0; i < count; i++) {
		u64 start = ALIGN_UP(MAX(map[i].address, RAM_START), PAGE_SIZE);
		u64 end = ALIGN_DOWN(map[i].address + map[i].size, PAGE_SIZE);

		if (map[i].type == PVH_MEMORY_RAM)
			range_add_split(start, end);
	}
	range_remove(image, image_size);
	boot_modules_ranges(range_remove);
	choose_early();
}

const struct ram_range *ram_ranges(u32 *count)
{
	*count = range_count;
	return ranges;
}

u64 ram_take_page(void)
{
	if (early == NULL || early->start >= early->end)
		return 0;
	early->end -= PAGE_SIZE;
	return early->end;
}

void ram_hand_over(void)
{
	for (u32 i = 0; i < range_count; i++) {
		if (ranges[i].start < ranges[i].end)
			(void)page_add_range(GPA(ranges[i].start), ranges[i].end - ranges[i].start);
	}
	range_count = 0;
	early = NULL;
}
