/* SPDX-License-Identifier: MIT */
/*
 * lib/bitmap.c and lib/bitmap.h, against a search bit by bit.
 * sources: lib/bitmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bitmap.h"

#define WORDS     4
#define NBITS_MAX (WORDS * 64)

static u32 slow_next(const u64 *map, u32 nbits, u32 from, bool wanted)
{
	while (from < nbits && bitmap_test(map, from) != wanted)
		from++;
	return MIN(from, nbits);
}

static void check_map(const u64 *map, u32 nbits)
{
	u32 weight = 0;

	for (u32 from = 0; from <= nbits; from++) {
		assert_int_equal(
			bitmap_next_set(map, nbits, from), slow_next(map, nbits, from, true));
		assert_int_equal(
			bitmap_next_clear(map, nbits, from), slow_next(map, nbits, from, false));
		if (from < nbits)
			weight += bitmap_test(map, from);
	}
	assert_int_equal(bitmap_next_set(map, nbits, nbits + 70), nbits);
	assert_int_equal(bitmap_next_clear(map, nbits, UINT32_MAX), nbits);
	assert_int_equal(bitmap_weight(map, nbits), weight);
}

/* The map has exactly the words that its bits need, for the sanitizer. */
static void check_fill(u64 fill, u32 nbits, u32 odd)
{
	size_t words = BITMAP_WORDS(nbits);
	u64 *map = malloc(words * 8 + !words);

	for (size_t i = 0; i < words; i++)
		map[i] = fill;
	if (odd < nbits && fill == 0)
		bitmap_set(map, odd);
	if (odd < nbits && fill != 0)
		bitmap_clear(map, odd);
	check_map(map, nbits);
	free(map);
}

static void searches_find_every_bit(void **state)
{
	(void)state;
	for (u32 nbits = 0; nbits <= NBITS_MAX; nbits += 13) {
		for (u32 odd = 0; odd <= NBITS_MAX; odd += 7) {
			check_fill(0, nbits, odd);
			check_fill(UINT64_MAX, nbits, odd);
			check_fill(0x8000000000000001, nbits, odd);
		}
	}
	check_fill(0, NBITS_MAX, 63);
	check_fill(0, NBITS_MAX, 64);
	check_fill(UINT64_MAX, 64, 64);
}

static void single_bits_change_alone(void **state)
{
	u64 map[WORDS] = { 0 };

	(void)state;
	for (u32 bit = 0; bit < NBITS_MAX; bit++) {
		assert_false(bitmap_test(map, bit));
		bitmap_set(map, bit);
		assert_true(bitmap_test(map, bit));
		assert_int_equal(bitmap_weight(map, NBITS_MAX), bit + 1);
	}
	for (u32 bit = 0; bit < NBITS_MAX; bit++) {
		bitmap_clear(map, bit);
		assert_false(bitmap_test(map, bit));
		assert_int_equal(bitmap_next_set(map, NBITS_MAX, 0), bit + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_find_every_bit),
		cmocka_unit_test(single_bits_change_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
