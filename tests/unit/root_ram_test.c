/* SPDX-License-Identifier: MIT */
/*
 * RAM for the root kernel: what the memory map gives, less the first MiB, the
 * image and the modules, against a page-by-page search.
 * sources: rootpart/ram.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/boot_modules.h"
#include "rootpart/page_alloc.h"
#include "rootpart/ram.h"
#include "tests/unit/fake_root.h"

#define PAGES 16384u /* 64 MiB are looked at page by page */

static struct pvh_memory map[16];
static u32 map_count;
static struct boot_module modules[4];
static u32 module_count;
static bool handed[PAGES];
static u64 handed_high;

const struct pvh_memory *boot_memory_map(u32 *count)
{
	*count = map_count;
	return map;
}

void boot_modules_ranges(void (*use)(u64 gpa, u64 size))
{
	for (u32 i = 0; i < module_count; i++)
		use(modules[i].gpa.a, modules[i].size);
}

int page_add_range(gpa_t gpa, u64 size)
{
	assert_true(IS_ALIGNED(gpa.a | size, PAGE_SIZE) && size > 0);
	assert_true(gpa.a >= 4 * GIB || gpa.a + size <= 4 * GIB);
	if (gpa.a >= PAGES * PAGE_SIZE) {
		handed_high += size;
		return 0;
	}
	for (u64 p = gpa.a / PAGE_SIZE; p < (gpa.a + size) / PAGE_SIZE; p++) {
		assert_false(handed[p]);
		handed[p] = true;
	}
	return 0;
}

static bool overlaps(u64 page, u64 start, u64 size)
{
	return size != 0 && page * PAGE_SIZE < start + size && (page + 1) * PAGE_SIZE > start;
}

static bool expected(u64 page, u64 image, u64 image_size)
{
	bool ram = false;

	for (u32 i = 0; i < map_count; i++)
		ram |= map[i].type == PVH_MEMORY_RAM && page * PAGE_SIZE >= map[i].address &&
		       (page + 1) * PAGE_SIZE <= map[i].address + map[i].size;
	for (u32 i = 0; i < module_count; i++)
		ram &= !overlaps(page, modules[i].gpa.a, modules[i].size);
	return ram && page * PAGE_SIZE >= MIB && !overlaps(page, image, image_size);
}

/* Ranges in ascending order with odd bounds, none of them overlapping. */
static void random_map(void)
{
	u64 at = 0;

	map_count = 1 + (u32)rand() % 6;
	for (u32 i = 0; i < map_count; i++) {
		at += (u64)rand() % (2 * MIB);
		map[i].address = at;
		map[i].size = (u64)rand() % (4 * MIB);
		map[i].type = rand() % 4 == 0 ? PVH_MEMORY_RESERVED : PVH_MEMORY_RAM;
		at += map[i].size;
		if (rand() % 2)
			at = ALIGN_UP(at, PAGE_SIZE);
	}
	module_count = (u32)rand() % 4;
	for (u32 i = 0; i < module_count; i++) {
		modules[i].gpa = GPA((u64)rand() % (15 * MIB));
		modules[i].size = (u64)rand() % MIB;
	}
}

static void random_maps(void **state)
{
	(void)state;
	srand(4);
	for (u32 round = 0; round < 200; round++) {
		u64 image = ALIGN_DOWN((u64)rand() % (15 * MIB), PAGE_2M);
		u64 size = (u64)rand() % PAGE_2M;

		memset(handed, 0, sizeof(handed));
		random_map();
		ram_init(image, size);
		ram_hand_over();
		for (u64 p = 0; p < PAGES; p++)
			assert_int_equal(handed[p], expected(p, image, size));
	}
}

static void split_at_4_gib(void **state)
{
	(void)state;
	module_count = 0;
	map_count = 1;
	map[0] = (struct pvh_memory){ .address = 64 * MIB, .size = 5 * GIB, .type = 1 };
	handed_high = 0;
	ram_init(2 * MIB, MIB);
	ram_hand_over();
	assert_int_equal(handed_high, 5 * GIB);
}

static void early_pages(void **state)
{
	u32 count;
	const struct ram_range *r;

	(void)state;
	module_count = 0;
	map_count = 2;
	map[0] = (struct pvh_memory){ .address = 8 * MIB, .size = 4 * PAGE_SIZE, .type = 1 };
	map[1] = (struct pvh_memory){ .address = 4 * GIB, .size = GIB, .type = 1 };
	ram_init(2 * MIB, MIB);
	for (u32 i = 4; i-- > 0;)
		assert_int_equal(ram_take_page(), 8 * MIB + i * PAGE_SIZE);
	/* Never from memory that 32-bit code cannot reach. */
	assert_int_equal(ram_take_page(), 0);
	r = ram_ranges(&count);
	assert_int_equal(count, 2);
	assert_int_equal(r[0].top, 8 * MIB + 4 * PAGE_SIZE);
	handed_high = 0;
	ram_hand_over();
	assert_int_equal(handed_high, GIB);
}

static void no_memory(void **state)
{
	(void)state;
	map_count = 0;
	ram_init(2 * MIB, MIB);
	assert_int_equal(ram_take_page(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_maps),
		cmocka_unit_test(split_at_4_gib),
		cmocka_unit_test(early_pages),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
