/* SPDX-License-Identifier: MIT */
/*
 * Bit sets in arrays of u64, bit n in word n / 64. Not atomic, no locks; the
 * owner of the array serialises. Bits past @nbits are never reported.
 */
#pragma once

#include "base/types.h"

#define BITMAP_WORDS(nbits) (((nbits) + 63) / 64)

static inline bool bitmap_test(const u64 *map, u32 bit)
{
	return (map[bit / 64] >> (bit % 64)) & 1;
}

static inline void bitmap_set(u64 *map, u32 bit)
{
	map[bit / 64] |= BIT(bit % 64);
}

static inline void bitmap_clear(u64 *map, u32 bit)
{
	map[bit / 64] &= ~BIT(bit % 64);
}

/* First set (clear) bit at or after @from, or @nbits if there is none. */
u32 bitmap_next_set(const u64 *map, u32 nbits, u32 from);
u32 bitmap_next_clear(const u64 *map, u32 nbits, u32 from);
/* Number of set bits below @nbits. */
u32 bitmap_weight(const u64 *map, u32 nbits);
