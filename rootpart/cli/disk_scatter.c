/* SPDX-License-Identifier: MIT */
/*
 * Segments follow each other in the arena, with gaps; reversed ones are pages.
 */
#include "rootpart/cli/disk_scatter.h"

#include "lib/string.h"
#include "rootpart/page_alloc.h"

/* Most and least of a segment, and of the gap behind it; multiples of unit. */
static const struct kind {
	u32 unit;
	u32 max;
	u32 gap;
} kinds[] = {
	{ 4096, MIB, 0 },
	{ 512, 16384, 2048 },
	{ 4, 16384, 4000 },
	{ 1, 16384, 999 },
};

/* splitmix64. */
u64 scatter_number(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static u64 number_below(u64 *seed, u64 n)
{
	return n > 0 ? scatter_number(seed) % n : 0;
}

static u32 list_of_kind(struct block_segment *segments, const void *arena, u64 bytes,
	const struct kind *k, u64 *seed)
{
	gpa_t at = gpa_of(arena);
	u32 count = 0;

	while (bytes > 0) {
		u64 len = (1 + number_below(seed, k->max / k->unit)) * k->unit;

		if (len > bytes || count == BLOCK_SEGMENTS_MAX - 1)
			len = bytes;
		at.a += number_below(seed, k->gap / k->unit + 1) * k->unit;
		segments[count++] = (struct block_segment){ at, (u32)len };
		at.a += len;
		bytes -= len;
	}
	return count;
}

/* The last page of the arena first. */
static u32 reversed_pages(struct block_segment *segments, const void *arena, u64 bytes)
{
	u64 end = gpa_of(arena).a + (PAGE_SIZE << SCATTER_ORDER);
	u32 count = 0;

	for (; bytes > 0; count++) {
		u64 len = MIN(bytes, PAGE_SIZE);

		end -= PAGE_SIZE;
		segments[count] = (struct block_segment){ GPA(end), (u32)len };
		bytes -= len;
	}
	return count;
}

u32 scatter_list(struct block_segment *segments, const void *arena, u64 bytes, u32 kind, u64 *seed)
{
	kind %= ARRAY_SIZE(kinds) + 1;
	if (kind == ARRAY_SIZE(kinds))
		return reversed_pages(segments, arena, bytes);
	return list_of_kind(segments, arena, bytes, &kinds[kind], seed);
}

void scatter_put(const struct block_segment *segments, u32 count, const void *flat)
{
	const u8 *from = flat;

	for (u32 i = 0; i < count; i++) {
		memcpy(gpa_ptr(segments[i].gpa), from, segments[i].len);
		from += segments[i].len;
	}
}

void scatter_get(const struct block_segment *segments, u32 count, void *flat)
{
	u8 *to = flat;

	for (u32 i = 0; i < count; i++) {
		memcpy(to, gpa_ptr(segments[i].gpa), segments[i].len);
		to += segments[i].len;
	}
}

void scatter_sector(void *buf, u32 size, u64 seed, u64 sector, u32 generation)
{
	u64 *words = buf, state = seed ^ sector << 20 ^ generation;
	u64 first = scatter_number(&state);

	for (u32 i = 0; i < size / sizeof(u64); i++)
		words[i] = first + i * 0x0101010101010101;
}
