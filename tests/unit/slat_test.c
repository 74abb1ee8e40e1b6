/* SPDX-License-Identifier: MIT */
/*
 * The second-level radix tree with both vendors' bits: levels, splits, tables
 * given back, an empty reserve, and random changes against a flat model; what
 * a child's has more is slat_child_test.c's.
 * sources: hypervisor/slat.c hypervisor/deposit.c hypervisor/pool.c hypervisor/frame.c hypervisor/svm/slat_format.c hypervisor/vmx/slat_format.c lib/bitmap.c tests/unit/fake_memory.c tests/unit/fake_image.S tests/unit/host_assert.c
 * cflags: -I tests/unit/fake_layout
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_memory.h"
#include "hypervisor/pool.h"
#include "hypervisor/slat.h"

#define K4 0x1000ull
#define M2 0x200000ull
#define G1 0x40000000ull

extern struct slat_format svm_slat_format, vmx_slat_format;

static struct slat slat;

static int start(struct slat_format *format)
{
	fake_memory_init(512);
	format->page1g = true;
	return slat_init(&slat, format, 64) != HV_STATUS_SUCCESS;
}

static int start_svm(void **state)
{
	(void)state;
	return start(&svm_slat_format);
}

static int start_vmx(void **state)
{
	(void)state;
	return start(&vmx_slat_format);
}

static void map(u64 gpa, u64 spa, u64 size, u32 access, u32 max_level)
{
	assert_int_equal(slat_map(&slat, GPA(gpa), SPA(spa), size, access, MEMTYPE_WB, max_level),
		HV_STATUS_SUCCESS);
}

static void unmap(u64 gpa, u64 size)
{
	assert_int_equal(slat_unmap(&slat, GPA(gpa), size), HV_STATUS_SUCCESS);
}

static void expect(u64 gpa, u64 spa, u32 level, u32 access)
{
	struct slat_mapping m;

	assert_true(slat_lookup(&slat, GPA(gpa), &m));
	assert_int_equal(m.spa.a, spa);
	assert_int_equal(m.level, level);
	assert_int_equal(m.access, access);
	assert_int_equal(m.type, MEMTYPE_WB);
	/* Bits that the tables have no place for are no reason to find it. */
	assert_false(slat_lookup(&slat, GPA(gpa | BIT(48)), &m));
	assert_false(slat_lookup(&slat, GPA(gpa | BIT(63)), &m));
}

static void expect_nothing(u64 gpa)
{
	struct slat_mapping m;

	assert_false(slat_lookup(&slat, GPA(gpa), &m));
}

static void expect_pages(u64 small, u64 middle, u64 large)
{
	assert_int_equal(slat.pages[1], small);
	assert_int_equal(slat.pages[2], middle);
	assert_int_equal(slat.pages[3], large);
}

static u64 reserve_left(void)
{
	return slat.reserve.fresh_pages + slat.reserve.freed_pages;
}

static void empty(void **state)
{
	(void)state;
	expect_nothing(0);
	expect_nothing(0xffffffff000);
	assert_int_equal(slat.root_spa.a, virt_to_spa(slat.root).a);
	assert_int_equal(reserve_left(), 63);
	expect_pages(0, 0, 0);
}

/* The largest leaves that alignment, size and the caller allow. */
static void levels(void **state)
{
	(void)state;
	map(G1 - M2 - K4, G1 - M2 - K4, K4 + M2 + G1 + M2 + K4, SLAT_ALL, 3);
	expect(G1 - M2 - K4 + 5, G1 - M2 - K4 + 5, 1, SLAT_ALL);
	expect(G1 - 1, G1 - 1, 2, SLAT_ALL);
	expect(G1 + 0x1234567, G1 + 0x1234567, 3, SLAT_ALL);
	expect(2 * G1 + 9, 2 * G1 + 9, 2, SLAT_ALL);
	expect(2 * G1 + M2 + 0xfff, 2 * G1 + M2 + 0xfff, 1, SLAT_ALL);
	expect_nothing(2 * G1 + M2 + K4);
	expect_nothing(G1 - M2 - K4 - 1);
	expect_pages(2, 2, 1);
	/* No bit above the tables' 48 is overlooked. */
	expect_nothing(BIT(48) + G1);
	expect_nothing(BIT(63) + G1);
}

static void a_lower_level_on_demand(void **state)
{
	(void)state;
	map(0, 0, G1, SLAT_ALL, 2);
	expect_pages(0, 512, 0);
	map(G1, G1, M2, SLAT_ALL, 1);
	expect_pages(512, 512, 0);
	/* Aligned in one space only. */
	map(4 * G1, 4 * G1 + M2, G1, SLAT_ALL, 3);
	expect(4 * G1, 4 * G1 + M2, 2, SLAT_ALL);
	map(8 * G1, 8 * G1 + K4, M2, SLAT_ALL, 3);
	expect(8 * G1, 8 * G1 + K4, 1, SLAT_ALL);
}

static void without_1g_pages(void **state)
{
	(void)state;
	((struct slat_format *)slat.format)->page1g = false;
	map(0, 0, G1, SLAT_ALL, 3);
	expect_pages(0, 512, 0);
	unmap(0, G1);
	expect_pages(0, 0, 0);
}

/* One page of a large leaf changes; the rest maps as before, rights and all. */
static void splits(void **state)
{
	(void)state;
	map(0, 4 * G1, G1, SLAT_READ | SLAT_EXEC, 3);
	map(M2 + 3 * K4, 0x7000, K4, SLAT_READ | SLAT_WRITE, 3);
	expect(M2 + 3 * K4 + 1, 0x7001, 1, SLAT_READ | SLAT_WRITE);
	expect(M2 + 2 * K4, 4 * G1 + M2 + 2 * K4, 1, SLAT_READ | SLAT_EXEC);
	expect(M2 + 4 * K4, 4 * G1 + M2 + 4 * K4, 1, SLAT_READ | SLAT_EXEC);
	expect(M2 - 1, 4 * G1 + M2 - 1, 2, SLAT_READ | SLAT_EXEC);
	expect(G1 - 1, 5 * G1 - 1, 2, SLAT_READ | SLAT_EXEC);
	expect_pages(512, 511, 0);
	unmap(7 * M2, M2);
	expect_nothing(7 * M2);
	expect(8 * M2, 4 * G1 + 8 * M2, 2, SLAT_READ | SLAT_EXEC);
	expect_pages(512, 510, 0);
}

static void types_survive_a_split(void **state)
{
	static const enum memtype types[] = { MEMTYPE_WB, MEMTYPE_WT, MEMTYPE_UC, MEMTYPE_WP,
		MEMTYPE_WC };
	struct slat_mapping m;

	(void)state;
	for (u32 i = 0; i < 5; i++) {
		assert_int_equal(
			slat_map(&slat, GPA(i * G1), SPA(i * G1), G1, SLAT_ALL, types[i], 3),
			HV_STATUS_SUCCESS);
		unmap(i * G1 + 5 * M2 + K4, K4);
		assert_true(slat_lookup(&slat, GPA(i * G1 + 5 * M2), &m));
		assert_int_equal(m.level, 1);
		assert_int_equal(m.type, types[i]);
		assert_true(slat_lookup(&slat, GPA(i * G1 + 6 * M2), &m));
		assert_int_equal(m.level, 2);
		assert_int_equal(m.type, types[i]);
	}
}

static void reclaim(void)
{
	slat_free(&slat, slat_stale(&slat));
}

/* A larger leaf takes the place of tables; once nobody walks them they can be used again. */
static void tables_come_back(void **state)
{
	u64 before;

	(void)state;
	map(0, 0, G1, SLAT_ALL, 3);
	before = reserve_left();
	for (u32 round = 0; round < 50; round++) {
		map(round * M2 + K4, 0, K4, SLAT_READ, 1);
		map((round + 1) * M2, 0, K4, SLAT_READ, 1);
		assert_int_equal(reserve_left(), before - 3);
		map(0, 0, G1, SLAT_ALL, 3);
		assert_int_equal(reserve_left(), before - 3);
		reclaim();
		assert_int_equal(reserve_left(), before);
		expect(round * M2 + K4, round * M2 + K4, 3, SLAT_ALL);
		expect_pages(0, 0, 1);
	}
	unmap(0, G1);
	expect_pages(0, 0, 0);
}

/* Out of tables: an error, everything maps as before, and memory has not moved. */
static void empty_reserve(void **state)
{
	u64 at = 0;

	(void)state;
	map(0, 0, G1, SLAT_ALL, 3);
	while (slat_map(&slat, GPA(at + G1), SPA(at), K4, SLAT_ALL, MEMTYPE_WB, 3) ==
		HV_STATUS_SUCCESS)
		at += G1;
	assert_int_equal(reserve_left(), 0);
	expect_nothing(at + G1);
	expect(at, at - G1, 1, SLAT_ALL);
	assert_int_equal(slat_map(&slat, GPA(M2), SPA(0), K4, SLAT_READ, MEMTYPE_WB, 3),
		HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(slat_unmap(&slat, GPA(M2 + K4), K4), HV_STATUS_INSUFFICIENT_MEMORY);
	expect(M2, M2, 3, SLAT_ALL);
	expect(M2 + K4, M2 + K4, 3, SLAT_ALL);
	/* What needs no table still works, and gives some back. */
	unmap(at, K4);
	map(G1, 5 * G1, G1, SLAT_READ, 3);
	reclaim();
	assert_int_equal(reserve_left(), 2);
	map(M2, 0, M2, SLAT_READ, 3);
	expect(M2 + 5, 5, 2, SLAT_READ);
	assert_true(fake_memory_end_untouched());
}

/* Where nothing is, there is nothing to take tables for. */
static void unmapping_nothing(void **state)
{
	u64 before = reserve_left();

	(void)state;
	unmap(5 * G1 + M2 + K4, K4);
	unmap(0, 1024 * G1);
	assert_int_equal(reserve_left(), before);
	map(G1 + K4, 0, K4, SLAT_ALL, 1);
	before = reserve_left();
	unmap(G1 - 5 * K4, 3 * G1);
	expect_nothing(G1 + K4);
	expect_pages(0, 0, 0);
	assert_true(reserve_left() >= before);
}

/* 512 alike become one leaf, at both levels; whatever differs keeps them apart. */
static void promotion(void **state)
{
	u64 before = reserve_left();

	(void)state;
	for (u32 i = 0; i < 512; i++) {
		u64 page = i * 5 % 512 * K4;

		expect_pages(i, 0, 0);
		map(5 * M2 + page, G1 + page, K4, SLAT_ALL, 1);
		slat_promote(&slat, GPA(5 * M2 + page));
	}
	expect_pages(0, 1, 0);
	expect(5 * M2 + 9, G1 + 9, 2, SLAT_ALL);
	unmap(5 * M2, M2);
	reclaim();
	before = reserve_left();
	for (u64 at = 0; at < G1; at += K4) {
		map(2 * G1 + at, 4 * G1 + at, K4, SLAT_ALL, 1);
		slat_promote(&slat, GPA(2 * G1 + at));
		reclaim();
	}
	expect(2 * G1 + 5, 4 * G1 + 5, 3, SLAT_ALL);
	expect_pages(0, 0, 1);
	assert_int_equal(reserve_left(), before);
}

static void fill(u64 gpa, u64 spa)
{
	for (u64 at = 0; at < M2; at += K4)
		map(gpa + at, spa + at, K4, SLAT_ALL, 1);
}

static void no_promotion(void **state)
{
	static const struct {
		u64 gpa, spa, page, to;
		u32 access;
		enum memtype type;
	} rows[] = {
		{ M2, G1, 7, 7, SLAT_READ, MEMTYPE_WB },     /* other rights */
		{ M2, G1, 511, 511, SLAT_ALL, MEMTYPE_UC },  /* another type */
		{ M2, G1, 0, 1, SLAT_ALL, MEMTYPE_WB },      /* another place */
		{ M2, G1, 511, 512, SLAT_ALL, MEMTYPE_WB },  /* the last one elsewhere */
		{ M2, G1 + K4, 3, 3, SLAT_ALL, MEMTYPE_WB }, /* not aligned */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 at = rows[i].page * K4;

		fill(rows[i].gpa, rows[i].spa);
		assert_int_equal(
			slat_map(&slat, GPA(rows[i].gpa + at), SPA(rows[i].spa + rows[i].to * K4),
				K4, rows[i].access, rows[i].type, 1),
			HV_STATUS_SUCCESS);
		slat_promote(&slat, GPA(rows[i].gpa + at));
		slat_promote(&slat, GPA(rows[i].gpa + 100 * K4));
		expect_pages(512, 0, 0);
	}
	fill(M2, G1);
	unmap(M2 + 9 * K4, K4);
	slat_promote(&slat, GPA(M2 + 9 * K4));
	slat_promote(&slat, GPA(M2));
	slat_promote(&slat, GPA(8 * G1));
	expect_pages(511, 0, 0);
	map(M2 + 9 * K4, G1 + 9 * K4, K4, SLAT_ALL, 1);
	slat_promote(&slat, GPA(M2 + 9 * K4));
	expect_pages(0, 1, 0);
}

static void no_room_for_the_reserve(void **state)
{
	struct slat other;
	u64 pages = pool_free_pages();

	(void)state;
	assert_int_equal(slat_init(&other, slat.format, pages + 1), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(pool_free_pages(), pages);
}

/* The model: 16 MiB around a 1 GiB border, a word for each 4 KiB. */
#define MODEL_PAGES 4096u
#define MODEL_BASE  (G1 - MODEL_PAGES / 2 * K4)
#define ROUNDS      3000u

static u64 model[MODEL_PAGES];

static void model_set(u64 gpa, u64 spa, u64 size, u32 access)
{
	for (u64 at = 0; at < size; at += K4)
		model[(gpa + at - MODEL_BASE) / K4] = access ? (spa + at) | access : 0;
}

static void model_compare(void)
{
	u64 pages = 0;

	for (u32 i = 0; i < MODEL_PAGES; i++) {
		struct slat_mapping m;
		bool there = slat_lookup(&slat, GPA(MODEL_BASE + i * K4), &m);

		assert_int_equal(there, model[i] != 0);
		if (there)
			assert_int_equal(m.spa.a | m.access, model[i]);
		pages += there;
	}
	assert_int_equal(slat.pages[1] + 512 * slat.pages[2] + 512 * 512 * slat.pages[3], pages);
}

static u64 random_below(u64 n)
{
	return (u64)rand() % n;
}

static void random_changes(void **state)
{
	static const u32 rights[] = { SLAT_ALL, SLAT_READ, SLAT_READ | SLAT_WRITE };

	(void)state;
	srand(1);
	model_set(MODEL_BASE, 0, MODEL_PAGES * K4, 0);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 unit = random_below(2) ? K4 : M2;
		u64 units = MODEL_PAGES * K4 / unit;
		u64 first = random_below(units);
		u64 size = (1 + random_below(MIN(units - first, 40))) * unit;
		u64 gpa = MODEL_BASE + first * unit;
		u64 spa = random_below(64) * unit;
		u32 access = rights[random_below(3)];

		if (random_below(3)) {
			map(gpa, spa, size, access, 1 + (u32)random_below(3));
			model_set(gpa, spa, size, access);
		} else {
			unmap(gpa, size);
			model_set(gpa, 0, size, 0);
		}
		reclaim();
		if (i % 50 == 0)
			model_compare();
	}
	model_compare();
	assert_true(fake_memory_end_untouched());
}

#define BOTH(f)                                     \
	{ #f "_svm", f, start_svm, NULL, NULL },    \
	{                                           \
#f "_vmx", f, start_vmx, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(empty),
		BOTH(levels),
		BOTH(a_lower_level_on_demand),
		BOTH(without_1g_pages),
		BOTH(splits),
		BOTH(types_survive_a_split),
		BOTH(tables_come_back),
		BOTH(empty_reserve),
		BOTH(unmapping_nothing),
		BOTH(promotion),
		BOTH(no_promotion),
		BOTH(no_room_for_the_reserve),
		BOTH(random_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
