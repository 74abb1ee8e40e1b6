/* SPDX-License-Identifier: MIT */
/*
 * RAM of the machine for the guest test kernels: the largest range below
 * 4 GiB in the memory map of their start, behind the image.
 */
#include "base/assert.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"

extern u8 image_end[];

static u64 next, end;

static void find(void)
{
	const struct pvh_memory *m = (const struct pvh_memory *)guest_start_info->memory_map;
	u64 image = guest_phys(image_end);

	for (u32 i = 0; i < guest_start_info->memory_map_entries; i++) {
		u64 from = m[i].address, to = MIN(m[i].address + m[i].size, 4 * GIB);

		if (m[i].type != PVH_MEMORY_RAM || from >= to)
			continue;
		if (guest_load >= from && guest_load < to)
			from = image;
		if (from < to && to - from > end - next) {
			next = ALIGN_UP(from, PAGE_SIZE);
			end = ALIGN_DOWN(to, PAGE_SIZE);
		}
	}
}

u64 guest_ram(u64 size, u64 align)
{
	u64 at;

	if (!end)
		find();
	at = ALIGN_UP(next, align);
	assert(at + size <= end);
	next = at + size;
	memset((void *)at, 0, size);
	return at;
}

u64 guest_ram_left(void)
{
	if (!end)
		find();
	return end - next;
}
