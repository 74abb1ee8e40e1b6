/* SPDX-License-Identifier: MIT */
/*
 * Searches in bit sets, a word at a time. Called by allocators on any
 * processor; no locks of its own.
 */
#include "lib/bitmap.h"

/* First bit at or after @from that is set in the words XOR @invert. */
static u32 bitmap_search(const u64 *map, u32 nbits, u32 from, u64 invert)
{
	u64 word;
	u32 i;

	if (from >= nbits)
		return nbits;
	i = from / 64;
	word = (map[i] ^ invert) & (UINT64_MAX << (from % 64));
	while (word == 0) {
		if (++i >= BITMAP_WORDS((u64)nbits))
			return nbits;
		word = map[i] ^ invert;
	}
	return (u32)MIN(i * 64ull + (u32)__builtin_ctzll(word), nbits);
}

u32 bitmap_next_set(const u64 *map, u32 nbits, u32 from)
{
	return bitmap_search(map, nbits, from, 0);
}

u32 bitmap_next_clear(const u64 *map, u32 nbits, u32 from)
{
	return bitmap_search(map, nbits, from, UINT64_MAX);
}

/* Without the POPCNT instruction, which not every processor has. */
static u32 word_weight(u64 word)
{
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (u32)(word * 0x0101010101010101 >> 56);
}

u32 bitmap_weight(const u64 *map, u32 nbits)
{
	u32 weight = 0;

	for (u32 i = 0; i < nbits / 64; i++)
		weight += word_weight(map[i]);
	if (nbits % 64 != 0)
		weight += word_weight(map[nbits / 64] & (BIT(nbits % 64) - 1));
	return weight;
}
