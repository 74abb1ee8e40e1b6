/* SPDX-License-Identifier: MIT */
/*
 * Where the hypervisor settles, on made-up memory maps: as high as it can,
 * in RAM, clear of everything that the boot loader left.
 * sources: hypervisor/memory_plan.c boot/memmap.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot_info.h"
#include "hypervisor/frame.h"
#include "hypervisor/memory_plan.h"

#define LOAD       (2 * MIB)
#define IMAGE_SIZE 0xa1000ull
#define G4         (4 * GIB)

static struct boot_info info;
static struct memory_plan plan;

static void ram(u64 start, u64 end)
{
	assert_int_equal(memmap_add(&info.memory, start, end, MEMMAP_RAM), 0);
}

static void module(const char *name, u64 start, u64 size)
{
	struct boot_module *m = &info.modules[info.module_count++];

	m->start = start;
	m->end = start + size;
	strcpy(m->text, name);
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(&plan, 0xee, sizeof(plan));
	return 0;
}

static bool make(void)
{
	return memory_plan_make(&plan, &info, LOAD, IMAGE_SIZE, 2);
}

static bool in_ram(u64 start, u64 size)
{
	for (u32 i = 0; i < info.memory.count; i++) {
		const struct memmap_range *r = &info.memory.range[i];

		if (r->type == MEMMAP_RAM && start >= r->start && start + size <= r->end)
			return true;
	}
	return false;
}

static bool overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Nothing there that is still needed, but for the plan itself. */
static bool clear_of_loader(u64 start, u64 size)
{
	const struct elf_symtab *s = &info.symbols;

	for (u32 i = 0; i < info.module_count; i++)
		if (overlap(start, size, info.modules[i].start,
			    info.modules[i].end - info.modules[i].start))
			return false;
	return !overlap(start, size, LOAD, IMAGE_SIZE) &&
	       !overlap(start, size, (u64)s->symbols, s->symbols_size) &&
	       !overlap(start, size, (u64)s->strings, s->strings_size);
}

static bool fits(u64 at, u64 size)
{
	return in_ram(at, size) && at >= MIB && clear_of_loader(at, size);
}

/* By trying every place. */
static u64 highest(u64 size, u64 limit)
{
	for (u64 at = ALIGN_DOWN(limit - size, PAGE_2M); at > 0; at -= PAGE_2M)
		if (fits(at, size) && !overlap(at, size, plan.image, plan.image_size))
			return at;
	return 0;
}

static void check_plan(void)
{
	u64 image = plan.image;

	plan.image = ~0ull >> 1;
	assert_int_equal(image, highest(plan.image_size, G4));
	plan.image = image;
	assert_int_equal(plan.owned, highest(plan.owned_size, ALIGN_UP(plan.top, PAGE_2M)));
	assert_int_equal(plan.image_size, IMAGE_SIZE);
	assert_true(plan.owned_size % PAGE_SIZE == 0);
	/* Every byte of RAM has a frame, and room for its 4 KiB leaf. */
	assert_true(plan.frames * PAGE_SIZE >= plan.top);
	assert_true(plan.slat_reserve * 512 * PAGE_SIZE >= plan.top);
	/* And once more in the hypervisor's own tables: each level rounded up. */
	assert_true(plan.direct_reserve >=
		    (plan.top + PAGE_2M - 1) / PAGE_2M + (plan.top + GIB - 1) / GIB + 1);
	assert_true(plan.owned_size >
		    plan.frames * sizeof(struct frame) +
			    (plan.slat_reserve + plan.direct_reserve) * PAGE_SIZE + 4 * MIB);
}

static void a_pc_with_512_mib(void **state)
{
	(void)state;
	ram(0, 0x9fc00);
	ram(MIB, 512 * MIB - 0x21000);
	module("rootpart.elf", 0x400000, 0x30000);
	module("boot.cpio", 0x430000, 0x1000);
	assert_true(make());
	check_plan();
	assert_int_equal(plan.ram, 0x9fc00 + 511 * MIB - 0x21000);
	assert_int_equal(plan.top, 512 * MIB - 0x21000);
	/* The root may have the modules' place: copies were made. */
	assert_int_equal(memory_plan_root_hole(&plan, &info, 3 * MIB), 2 * MIB);
}

static void memory_above_4_gib(void **state)
{
	(void)state;
	ram(0, 0xa0000);
	ram(MIB, 2 * GIB);
	ram(G4, 16 * GIB);
	assert_true(make());
	check_plan();
	assert_true(plan.image < 2 * GIB);
	assert_true(plan.owned > 15 * GIB);
	assert_true(memory_plan_root_hole(&plan, &info, 64 * MIB) < 2 * GIB);
}

static void modules_at_the_top(void **state)
{
	(void)state;
	ram(MIB, GIB);
	module("rootpart.elf", GIB - 3 * MIB, 2 * MIB);
	module("boot.cpio", GIB - 40 * MIB, 8 * MIB);
	module("extra0.cpio", 4 * MIB + 1, 100 * MIB);
	assert_true(make());
	check_plan();
	/* An extra module is not moved. */
	assert_int_equal(memory_plan_root_hole(&plan, &info, 3 * MIB), 106 * MIB);
	assert_int_equal(memory_plan_root_hole(&plan, &info, 2 * MIB), 2 * MIB);
}

static void symbols_are_spared(void **state)
{
	static const u64 at = 512 * MIB - 0x300000;

	(void)state;
	ram(MIB, 512 * MIB);
	info.symbols.symbols = (const void *)at;
	info.symbols.symbols_size = 0x6000;
	info.symbols.strings = (const void *)(at + 0x1fe000);
	info.symbols.strings_size = 0x5000;
	assert_true(make());
	check_plan();
}

/* Copies of modules come out of what is owned; of extra ones there are none. */
static void copies_are_paid_for(void **state)
{
	u64 without;

	(void)state;
	ram(MIB, GIB);
	assert_true(make());
	without = plan.owned_size;
	module("extra.cpio", 16 * MIB, 100 * MIB);
	assert_true(make());
	assert_int_equal(plan.owned_size, without);
	module("boot.cpio", 128 * MIB, 5 * MIB + 1);
	assert_true(make());
	assert_int_equal(plan.owned_size, without + 5 * MIB + PAGE_SIZE);
}

static void too_little(void **state)
{
	(void)state;
	assert_false(make());
	assert_int_equal(plan.ram, 0);
	ram(0, 0xa0000);
	assert_false(make());
	assert_int_equal(plan.ram, 0xa0000);
	ram(MIB, 4 * MIB);
	assert_false(make());
	assert_int_equal(plan.ram, 0xa0000 + 3 * MIB);
	setup(NULL);
	/* Room for the image, but not for what it needs. */
	ram(MIB, 8 * MIB);
	assert_false(make());
	setup(NULL);
	/* Nothing below 4 GiB. */
	ram(G4, 8 * GIB);
	assert_false(make());
}

static void no_hole_for_the_root(void **state)
{
	(void)state;
	ram(MIB, 64 * MIB);
	assert_true(make());
	assert_int_equal(memory_plan_root_hole(&plan, &info, 64 * MIB), 0);
	module("extra.cpio", MIB, 60 * MIB);
	assert_int_equal(memory_plan_root_hole(&plan, &info, 32 * MIB), 0);
}

static u64 random_below(u64 n)
{
	return (u64)rand() % n;
}

/* Holes, odd ends, and modules anywhere in RAM. */
static void random_map(void)
{
	u64 at = MIB;

	setup(NULL);
	ram(0, 0x9f000 + random_below(0x1000));
	for (u32 i = 0; i < 1 + random_below(8); i++) {
		u64 size = (1 + random_below(200)) * MIB + random_below(MIB);

		ram(at, at + size);
		for (u32 m = 0; m < random_below(3); m++)
			module(random_below(3) ? "boot.cpio" : "extra.cpio",
				at + random_below(size / 2), random_below(size / 4));
		at += size + random_below(3) * random_below(GIB);
	}
}

static void random_maps(void **state)
{
	u32 made = 0;

	(void)state;
	srand(1);
	for (u32 i = 0; i < 300; i++) {
		u64 size = (1 + random_below(20)) * MIB;
		u64 hole;

		random_map();
		if (!make()) {
			assert_true(!plan.image || !highest(plan.owned_size, plan.top + PAGE_2M));
			continue;
		}
		check_plan();
		made++;
		hole = memory_plan_root_hole(&plan, &info, size);
		if (!hole)
			continue;
		assert_true(in_ram(hole, size) && hole % PAGE_2M == 0 && hole >= MIB);
		assert_false(overlap(hole, size, plan.image, plan.image_size));
		assert_false(overlap(hole, size, plan.owned, plan.owned_size));
		for (u32 m = 0; m < info.module_count; m++)
			if (info.modules[m].text[0] == 'e')
				assert_false(overlap(hole, size, info.modules[m].start,
					info.modules[m].end - info.modules[m].start));
	}
	assert_true(made > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_pc_with_512_mib, setup),
		cmocka_unit_test_setup(memory_above_4_gib, setup),
		cmocka_unit_test_setup(modules_at_the_top, setup),
		cmocka_unit_test_setup(symbols_are_spared, setup),
		cmocka_unit_test_setup(copies_are_paid_for, setup),
		cmocka_unit_test_setup(too_little, setup),
		cmocka_unit_test_setup(no_hole_for_the_root, setup),
		cmocka_unit_test_setup(random_maps, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
