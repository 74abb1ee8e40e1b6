/* SPDX-License-Identifier: MIT */
/*
 * The ordered memory map: overlaps, merging, the order of additions, and a
 * comparison with a plain array of types.
 * sources: boot/memmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "boot/memmap.h"

static struct memmap map;

static int setup(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	return 0;
}

static void expect(u32 index, u64 start, u64 end, enum memmap_type type)
{
	assert_true(index < map.count);
	assert_int_equal(map.range[index].start, start);
	assert_int_equal(map.range[index].end, end);
	assert_int_equal(map.range[index].type, type);
}

static void add(u64 start, u64 end, enum memmap_type type)
{
	assert_int_equal(memmap_add(&map, start, end, type), 0);
}

static void test_sorts_and_merges(void **state)
{
	(void)state;
	add(0x2000, 0x3000, MEMMAP_RAM);
	add(0x5000, 0x6000, MEMMAP_RAM);
	add(0, 0x1000, MEMMAP_RAM);
	add(0x1000, 0x2000, MEMMAP_RAM);
	assert_int_equal(map.count, 2);
	expect(0, 0, 0x3000, MEMMAP_RAM);
	expect(1, 0x5000, 0x6000, MEMMAP_RAM);
}

static void test_stricter_wins(void **state)
{
	(void)state;
	add(0, 0x10000, MEMMAP_RAM);
	add(0x4000, 0x6000, MEMMAP_RESERVED);
	add(0x3000, 0x5000, MEMMAP_ACPI);
	add(0x5800, 0x12000, MEMMAP_BAD);
	assert_int_equal(map.count, 4);
	expect(0, 0, 0x3000, MEMMAP_RAM);
	expect(1, 0x3000, 0x4000, MEMMAP_ACPI);
	expect(2, 0x4000, 0x5800, MEMMAP_RESERVED);
	expect(3, 0x5800, 0x12000, MEMMAP_BAD);
}

static void test_weaker_fills_holes_only(void **state)
{
	(void)state;
	add(0x1000, 0x2000, MEMMAP_NVS);
	add(0x3000, 0x4000, MEMMAP_RESERVED);
	add(0, 0x5000, MEMMAP_RAM);
	assert_int_equal(map.count, 5);
	expect(0, 0, 0x1000, MEMMAP_RAM);
	expect(1, 0x1000, 0x2000, MEMMAP_NVS);
	expect(2, 0x2000, 0x3000, MEMMAP_RAM);
	expect(3, 0x3000, 0x4000, MEMMAP_RESERVED);
	expect(4, 0x4000, 0x5000, MEMMAP_RAM);
}

static void test_empty_and_top(void **state)
{
	(void)state;
	add(0x1000, 0x1000, MEMMAP_RAM);
	add(0x2000, 0x1000, MEMMAP_RAM);
	assert_int_equal(map.count, 0);
	add(UINT64_MAX - 1, UINT64_MAX, MEMMAP_RAM);
	expect(0, UINT64_MAX - 1, UINT64_MAX, MEMMAP_RAM);
}

static void test_full(void **state)
{
	(void)state;
	for (u64 i = 0; i < MEMMAP_MAX; i++)
		add(i * 0x2000, i * 0x2000 + 0x1000, MEMMAP_RAM);
	assert_int_equal(map.count, MEMMAP_MAX);
	assert_int_equal(memmap_add(&map, 0x10000000, 0x10001000, MEMMAP_RAM), -E2BIG);
	assert_int_equal(memmap_add(&map, 0x200, 0x300, MEMMAP_BAD), -E2BIG);
	assert_int_equal(map.count, MEMMAP_MAX);
	add(0, 0x1000, MEMMAP_BAD);
	expect(0, 0, 0x1000, MEMMAP_BAD);
}

#define CELLS 64

static int rank_of(enum memmap_type type)
{
	static const int rank[] = { 0, 1, 4, 2, 3, 5 };

	return rank[type];
}

static enum memmap_type cell_of(u64 pos)
{
	for (u32 i = 0; i < map.count; i++) {
		if (pos >= map.range[i].start && pos < map.range[i].end)
			return map.range[i].type;
	}
	return 0;
}

static void check_against(const enum memmap_type *cells)
{
	for (u64 i = 0; i < CELLS; i++)
		assert_int_equal(cell_of(i), cells[i]);
	for (u32 i = 0; i < map.count; i++) {
		assert_true(map.range[i].start < map.range[i].end);
		if (i == 0)
			continue;
		assert_true(map.range[i - 1].end <= map.range[i].start);
		assert_false(map.range[i - 1].end == map.range[i].start &&
			     map.range[i - 1].type == map.range[i].type);
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		enum memmap_type cells[CELLS] = { 0 };

		map.count = 0;
		for (int n = 0; n < 12; n++) {
			u64 start = (u64)rand() % CELLS;
			u64 end = start + (u64)rand() % (CELLS - start + 1);
			enum memmap_type type = 1 + rand() % 5;

			add(start, end, type);
			for (u64 i = start; i < end; i++) {
				if (rank_of(type) > rank_of(cells[i]))
					cells[i] = type;
			}
			check_against(cells);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(memmap_type_name(MEMMAP_RAM), "RAM");
	assert_string_equal(memmap_type_name(MEMMAP_BAD), "bad");
	assert_string_equal(memmap_type_name(0), "unknown");
	assert_string_equal(memmap_type_name(6), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sorts_and_merges, setup),
		cmocka_unit_test_setup(test_stricter_wins, setup),
		cmocka_unit_test_setup(test_weaker_fills_holes_only, setup),
		cmocka_unit_test_setup(test_empty_and_top, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_random, setup),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
