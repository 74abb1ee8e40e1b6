/* SPDX-License-Identifier: MIT */
/*
 * The physical memory map, kept in order while it is built. Called by the
 * multiboot2 parser, on the first processor.
 */
#include "boot/memmap.h"

#include "base/errno.h"
#include "lib/string.h"

/* Higher wins. */
static const u8 memmap_rank[] = {
	[MEMMAP_RAM] = 1,
	[MEMMAP_ACPI] = 2,
	[MEMMAP_NVS] = 3,
	[MEMMAP_RESERVED] = 4,
	[MEMMAP_BAD] = 5,
};

/* First piece that ends behind @pos. */
static u32 memmap_index(const struct memmap *map, u64 pos)
{
	u32 i = 0;

	while (i < map->count && map->range[i].end <= pos)
		i++;
	return i;
}

static int memmap_insert(struct memmap *map, u32 index, struct memmap_range piece)
{
	struct memmap_range *at = &map->range[index];

	if (map->count == MEMMAP_MAX)
		return -E2BIG;
	memmove(at + 1, at, (map->count - index) * sizeof(*at));
	*at = piece;
	map->count++;
	return 0;
}

/* Makes @pos, strictly inside piece @index or on its edge, a border of pieces. */
static int memmap_split(struct memmap *map, u32 index, u64 pos)
{
	struct memmap_range low = map->range[index];
	int err;

	if (pos <= low.start || pos >= low.end)
		return 0;
	low.end = pos;
	err = memmap_insert(map, index, low);
	if (!err)
		map->range[index + 1].start = pos;
	return err;
}

/* Gives [start, end), which lies inside piece @index, the type @type if that is stricter. */
static int memmap_restrict(struct memmap *map, u32 index, u64 start, u64 end, enum memmap_type type)
{
	int err;

	if (memmap_rank[type] <= memmap_rank[map->range[index].type])
		return 0;
	err = memmap_split(map, index, end);
	if (err)
		return err;
	err = memmap_split(map, index, start);
	if (err)
		return err;
	map->range[memmap_index(map, start)].type = type;
	return 0;
}

static void memmap_merge(struct memmap *map)
{
	u32 kept = 0;

	for (u32 i = 1; i < map->count; i++) {
		struct memmap_range *last = &map->range[kept];
		struct memmap_range *next = &map->range[i];

		if (last->end == next->start && last->type == next->type)
			last->end = next->end;
		else
			map->range[++kept] = *next;
	}
	map->count = MIN(map->count, kept + 1);
}

/* Each step settles the part from @pos to the next border. */
int memmap_add(struct memmap *map, u64 start, u64 end, enum memmap_type type)
{
	int err = 0;

	for (u64 pos = start, stop; pos < end && !err; pos = stop) {
		u32 i = memmap_index(map, pos);
		const struct memmap_range *next = i < map->count ? &map->range[i] : NULL;

		if (next && next->start <= pos) {
			stop = MIN(end, next->end);
			err = memmap_restrict(map, i, pos, stop, type);
		} else {
			stop = next ? MIN(end, next->start) : end;
			err = memmap_insert(map, i, (struct memmap_range){ pos, stop, type });
		}
	}
	memmap_merge(map);
	return err;
}

const char *memmap_type_name(enum memmap_type type)
{
	static const char *const name[] = {
		[MEMMAP_RAM] = "RAM",
		[MEMMAP_RESERVED] = "reserved",
		[MEMMAP_ACPI] = "ACPI tables",
		[MEMMAP_NVS] = "ACPI NVS",
		[MEMMAP_BAD] = "bad",
	};

	return (size_t)type < ARRAY_SIZE(name) && name[type] ? name[type] : "unknown";
}
