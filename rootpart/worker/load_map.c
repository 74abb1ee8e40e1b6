/* SPDX-License-Identifier: MIT */
/*
 * The memory map. What PCs reserve below 1 MiB is reserved here, too, so that
 * tables may lie there.
 */
#include "boot/pvh.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/memory.h"

#define LEGACY     (640 * KIB)
#define LEGACY_END MIB

static void add(struct load_map *map, u64 start, u64 end, u32 type)
{
	if (start >= end)
		return;
	map->range[map->count].start = start;
	map->range[map->count].size = end - start;
	map->range[map->count++].type = type;
}

/* The part of [start, end) within [low, high). */
static void add_part(struct load_map *map, u64 start, u64 end, u64 low, u64 high, u32 type)
{
	add(map, MAX(start, low), MIN(end, high), type);
}

void load_map(struct load_map *map)
{
	map->count = 0;
	for (u32 i = 0; i < memory_region_count(); i++) {
		const struct worker_region *r = memory_region(i);
		u64 end = r->gpa + r->size;

		if (r->type != WORKER_REGION_RAM) {
			add(map, r->gpa, end, PVH_MEMORY_RESERVED);
			continue;
		}
		add_part(map, r->gpa, end, 0, LEGACY, PVH_MEMORY_RAM);
		add_part(map, r->gpa, end, LEGACY, LEGACY_END, PVH_MEMORY_RESERVED);
		add_part(map, r->gpa, end, LEGACY_END, UINT64_MAX, PVH_MEMORY_RAM);
	}
}
