/* SPDX-License-Identifier: MIT */
/*
 * A linear congruence, word by word.
 */
#include "tests/guest/disk/pattern.h"

#define FACTOR 6364136223846793005ull
#define STEP   1442695040888963407ull

static u64 begin(u64 seed, u64 sector)
{
	return (seed + 1) * 0x9e3779b97f4a7c15ull ^ (sector + 1) * 0xbf58476d1ce4e5b9ull;
}

void pattern_fill(u64 seed, u64 sector, u32 sector_size, void *data, u32 sectors)
{
	u64 *p = data;

	for (u32 i = 0; i < sectors; i++) {
		u64 x = begin(seed, sector + i);

		for (u32 k = 0; k < sector_size / 8; k++)
			*p++ = x = x * FACTOR + STEP;
	}
}

static bool is_sector(u64 x, const u64 *p, u32 words)
{
	for (u32 k = 0; k < words; k++) {
		x = x * FACTOR + STEP;
		if (p[k] != x)
			return false;
	}
	return true;
}

u32 pattern_check(u64 seed, u64 sector, u32 sector_size, const void *data, u32 sectors)
{
	const u64 *p = data;

	for (u32 i = 0; i < sectors; i++, p += sector_size / 8)
		if (!is_sector(begin(seed, sector + i), p, sector_size / 8))
			return i;
	return sectors;
}

u32 pattern_any(u64 *state, u32 below)
{
	*state = *state * FACTOR + STEP;
	return (u32)(*state >> 33) % below;
}
