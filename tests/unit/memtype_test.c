/* SPDX-License-Identifier: MIT */
/*
 * MTRR evaluation on made-up register sets, as firmware of emulators and of
 * laptops writes them and as nobody should, with a second, plain evaluation
 * written here from the manual, page by page, as the judge.
 * sources: hypervisor/memtype.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/memtype.h"

#define WB_8    0x0606060606060606ull
#define WP_8    0x0505050505050505ull
#define ENABLED 0x800u
#define FIXED   0x400u
#define TB      (1024 * GIB)

static void set_var(struct mtrr_set *set, u32 i, u64 base, u64 size, enum memtype type)
{
	u64 all = (1ull << set->phys_bits) - 1;

	set->var[i].base = base | type;
	set->var[i].mask = (all & ~(size - 1)) | 0x800;
}

/* Fixed ranges as all firmware has them: RAM, video memory, ROMs. */
static void set_low(struct mtrr_set *set)
{
	set->fixed[0] = WB_8;
	set->fixed[1] = WB_8;
	set->fixed[2] = 0;
	for (u32 i = 3; i < 7; i++)
		set->fixed[i] = 0;
	for (u32 i = 7; i < 11; i++)
		set->fixed[i] = WP_8;
}

static struct mtrr_set make(u64 def_type, u32 vars, u32 phys_bits)
{
	struct mtrr_set set = { .cap = 0x500 | vars, .def_type = def_type, .phys_bits = phys_bits };

	set_low(&set);
	return set;
}

/* Default write-back, one hole for PCI. */
static struct mtrr_set make_qemu(void)
{
	struct mtrr_set set = make(ENABLED | FIXED | MEMTYPE_WB, 8, 40);

	set_var(&set, 0, 0xC0000000, GIB, MEMTYPE_UC);
	return set;
}

/* The same with the hole in 36 bits, and more below 4 GiB. */
static struct mtrr_set make_bochs(void)
{
	struct mtrr_set set = make(ENABLED | FIXED | MEMTYPE_WB, 8, 40);

	set.var[0].base = 0xC0000000;
	set.var[0].mask = 0xFC0000800;
	return set;
}

/* Default uncached; memory by additions and cut-outs. */
static struct mtrr_set make_laptop_uc(void)
{
	struct mtrr_set set = make(ENABLED | FIXED | MEMTYPE_UC, 10, 36);

	set_var(&set, 0, 0, 4 * GIB, MEMTYPE_WB);
	set_var(&set, 1, 4 * GIB, 4 * GIB, MEMTYPE_WB);
	set_var(&set, 2, 8 * GIB, 512 * MIB, MEMTYPE_WB);
	set_var(&set, 3, 0xE0000000, 512 * MIB, MEMTYPE_UC);
	set_var(&set, 4, 0xDC000000, 64 * MIB, MEMTYPE_UC);
	set_var(&set, 5, 0xDB800000, 8 * MIB, MEMTYPE_UC);
	set_var(&set, 6, 0x21F600000, 2 * MIB, MEMTYPE_UC);
	set_var(&set, 7, 0xFF000000, 16 * MIB, MEMTYPE_WP); /* ROM inside of UC: UC wins */
	return set;
}

/* Default write-back; holes, a write-combining aperture, 46 bits. */
static struct mtrr_set make_laptop_wb(void)
{
	struct mtrr_set set = make(ENABLED | FIXED | MEMTYPE_WB, 10, 46);

	set_var(&set, 0, 0x80000000, 2 * GIB, MEMTYPE_UC);
	set_var(&set, 1, 0x7C000000, 64 * MIB, MEMTYPE_UC);
	set_var(&set, 2, 0x7B000000, 16 * MIB, MEMTYPE_UC);
	set_var(&set, 3, 0x4000000000, 256 * MIB, MEMTYPE_WC);
	set_var(&set, 4, 16 * TB, 16 * TB, MEMTYPE_UC);
	return set;
}

/* Every type, every overlap, a border that is no multiple of 2 MiB. */
static struct mtrr_set make_overlaps(void)
{
	struct mtrr_set set = make(ENABLED | MEMTYPE_WB, 10, 36);

	set_var(&set, 0, 0x10000000, 256 * MIB, MEMTYPE_WT);
	set_var(&set, 1, 0x10000000, 64 * MIB, MEMTYPE_WB);
	set_var(&set, 2, 0x14000000, 64 * MIB, MEMTYPE_WP);
	set_var(&set, 3, 0x18000000, 64 * MIB, MEMTYPE_WC);
	set_var(&set, 4, 0x1C000000, 64 * MIB, MEMTYPE_UC);
	set_var(&set, 5, 0x20000000, 64 * MIB, MEMTYPE_WC);
	set_var(&set, 6, 0x20010000, 64 * KIB, MEMTYPE_WC);
	set_var(&set, 7, 0x30003000, 4 * KIB, MEMTYPE_UC);
	set_var(&set, 8, 0x28000000, 128 * MIB, MEMTYPE_WP);
	return set;
}

/* What the manual says, for one page, without a thought for speed. */
static enum memtype judge_low(const struct mtrr_set *set, u64 spa)
{
	static const struct {
		u64 start, end, step;
		u32 first;
	} kind[] = { { 0, 0x80000, 0x10000, 0 }, { 0x80000, 0xC0000, 0x4000, 1 },
		{ 0xC0000, 0x100000, 0x1000, 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(kind); i++) {
		u64 n = (spa - kind[i].start) / kind[i].step;

		if (spa >= kind[i].start && spa < kind[i].end)
			return (set->fixed[kind[i].first + n / 8] >> (n % 8 * 8)) & 0xFF;
	}
	abort();
}

static enum memtype judge(const struct mtrr_set *set, u64 spa)
{
	u64 all = (1ull << set->phys_bits) - 1;
	u32 n[8] = { 0 }, hits = 0;

	if (!(set->def_type & ENABLED))
		return MEMTYPE_UC;
	if (spa < 0x100000 && set->def_type & FIXED && set->cap & 0x100)
		return judge_low(set, spa);
	for (u32 i = 0; i < (set->cap & 0xFF); i++) {
		u64 mask = set->var[i].mask & all & ~0xFFFull;

		if (!(set->var[i].mask & 0x800) || (spa & mask) != (set->var[i].base & mask))
			continue;
		n[set->var[i].base & 7]++;
		hits++;
	}
	if (hits == 0)
		return set->def_type & 0xFF;
	if (n[MEMTYPE_UC])
		return MEMTYPE_UC;
	for (u32 t = 0; t < 8; t++) {
		if (n[t] == hits)
			return t;
	}
	return n[MEMTYPE_WT] + n[MEMTYPE_WB] == hits ? MEMTYPE_WT : MEMTYPE_UC;
}

/* All of a span, page by page; one type or not, against memtype_uniform(). */
static void check_uniform(const struct mtrr_set *set, u64 base, u64 size)
{
	enum memtype first = judge(set, base), type = 77;
	bool same = true;

	for (u64 at = base; at < base + size && same; at += PAGE_SIZE)
		same = judge(set, at) == first;
	assert_int_equal(memtype_uniform(set, base, size, &type), same);
	assert_int_equal(type, same ? first : 77);
}

static void check_pages(const struct mtrr_set *set, u64 base, u64 size)
{
	for (u64 at = base; at < base + size; at += PAGE_SIZE)
		assert_int_equal(memtype_at(set, at + 0x7FF), judge(set, at));
}

static void check_set(const struct mtrr_set *set)
{
	check_pages(set, 0, 2 * MIB);
	for (u64 base = 0; base < 10 * GIB; base += PAGE_2M)
		check_uniform(set, base, PAGE_2M);
	for (u64 base = 0; base < 10 * GIB; base += PAGE_1G)
		check_uniform(set, base, PAGE_1G);
}

static void test_sets_against_judge(void **state)
{
	struct mtrr_set (*const makers[])(
		void) = { make_qemu, make_bochs, make_laptop_uc, make_laptop_wb, make_overlaps };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct mtrr_set set = makers[i]();

		check_set(&set);
	}
}

static void expect(const struct mtrr_set *set, u64 spa, enum memtype type)
{
	assert_int_equal(memtype_at(set, spa), type);
}

static void test_low_memory(void **state)
{
	struct mtrr_set set = make_qemu();
	enum memtype type;

	(void)state;
	expect(&set, 0, MEMTYPE_WB);
	expect(&set, 0x9FFFF, MEMTYPE_WB);
	expect(&set, 0xA0000, MEMTYPE_UC);
	expect(&set, 0xBFFFF, MEMTYPE_UC);
	expect(&set, 0xDFFFF, MEMTYPE_UC);
	expect(&set, 0xE0000, MEMTYPE_WP);
	expect(&set, 0xFFFFF, MEMTYPE_WP);
	expect(&set, 0x100000, MEMTYPE_WB);
	/* One range of each granularity, byte order included. */
	set.fixed[0] = 0x0001000000000000ull;
	set.fixed[2] = 0x0400000000000000ull;
	set.fixed[3] = 0x0000000000000500ull;
	expect(&set, 0x5FFFF, MEMTYPE_UC);
	expect(&set, 0x60000, MEMTYPE_WC);
	expect(&set, 0x6FFFF, MEMTYPE_WC);
	expect(&set, 0x70000, MEMTYPE_UC);
	expect(&set, 0xBBFFF, MEMTYPE_UC);
	expect(&set, 0xBC000, MEMTYPE_WT);
	expect(&set, 0xC0FFF, MEMTYPE_UC);
	expect(&set, 0xC1000, MEMTYPE_WP);
	expect(&set, 0xC2000, MEMTYPE_UC);
	assert_false(memtype_uniform(&set, 0, PAGE_2M, &type));
	assert_false(memtype_uniform(&set, 0, PAGE_1G, &type));
	assert_true(memtype_uniform(&set, 0x60000, 0x10000, &type));
	assert_int_equal(type, MEMTYPE_WC);
}

static void test_fixed_ranges_off(void **state)
{
	struct mtrr_set set = make_qemu();
	enum memtype type;

	(void)state;
	set.def_type &= ~(u64)FIXED;
	expect(&set, 0xA0000, MEMTYPE_WB);
	assert_true(memtype_uniform(&set, 0, PAGE_2M, &type));
	set = make_qemu();
	set.cap &= ~0x100ull;
	expect(&set, 0xA0000, MEMTYPE_WB);
	check_set(&set);
}

static void test_all_off(void **state)
{
	struct mtrr_set set = make_laptop_wb();
	enum memtype type;

	(void)state;
	set.def_type &= ~(u64)ENABLED;
	expect(&set, 0, MEMTYPE_UC);
	expect(&set, GIB, MEMTYPE_UC);
	assert_true(memtype_uniform(&set, 0, 64 * GIB, &type));
	assert_int_equal(type, MEMTYPE_UC);
}

static void test_laptop(void **state)
{
	struct mtrr_set set = make_laptop_uc();
	enum memtype type;

	(void)state;
	expect(&set, 0xDB7FFFFF, MEMTYPE_WB);
	expect(&set, 0xDB800000, MEMTYPE_UC);
	expect(&set, 0xDC000000, MEMTYPE_UC);
	expect(&set, 0xFF000000, MEMTYPE_UC);
	expect(&set, 4 * GIB, MEMTYPE_WB);
	expect(&set, 0x21F5FFFFF, MEMTYPE_WB);
	expect(&set, 0x21F600000, MEMTYPE_UC);
	expect(&set, 0x220000000, MEMTYPE_UC);
	/* Two ranges of one type make one uniform span; so does UC over WB. */
	assert_true(memtype_uniform(&set, 1 * GIB, 2 * GIB, &type));
	assert_true(memtype_uniform(&set, 4 * GIB, 0x11F600000, &type));
	assert_int_equal(type, MEMTYPE_WB);
	assert_true(memtype_uniform(&set, 0xDB800000, 0x24800000, &type));
	assert_int_equal(type, MEMTYPE_UC);
	assert_false(memtype_uniform(&set, 3 * GIB, GIB, &type));

	set = make_laptop_wb();
	expect(&set, 0x4000000000, MEMTYPE_WC);
	expect(&set, 0x4010000000, MEMTYPE_WB);
	expect(&set, 16 * TB, MEMTYPE_UC);
	expect(&set, 32 * TB, MEMTYPE_WB);
	assert_true(memtype_uniform(&set, 16 * TB, 16 * TB, &type));
	assert_false(memtype_uniform(&set, 0x4000000000, GIB, &type));
}

/* 36-bit registers on a processor with more: the range repeats every 64 GiB. */
static void test_short_mask(void **state)
{
	struct mtrr_set set = make_bochs();

	(void)state;
	expect(&set, 0xC0000000, MEMTYPE_UC);
	expect(&set, 0x10C0000000, MEMTYPE_UC);
	expect(&set, 0x1080000000, MEMTYPE_WB);
	set = make_qemu();
	expect(&set, 0x10C0000000, MEMTYPE_WB);
}

/* Bits above the address width are not there, whatever the register says. */
static void test_mask_above_width(void **state)
{
	struct mtrr_set set = make_qemu();

	(void)state;
	set.var[0].mask |= 0xFFFF000000000000ull;
	set.var[0].base |= 0x8000000000000000ull;
	expect(&set, 0xC0000000, MEMTYPE_UC);
	set.phys_bits = 52;
	set.var[0].base = 0x8000000000000ull;
	set.var[0].mask = 0xFFFFFC0000800ull | 0x8000000000000ull;
	expect(&set, 0x8000000000000ull, MEMTYPE_UC);
	expect(&set, 0, MEMTYPE_WB);
	expect(&set, 0x200000, MEMTYPE_WB);
}

static void test_overlaps(void **state)
{
	struct mtrr_set set = make_overlaps();

	(void)state;
	expect(&set, 0x10000000, MEMTYPE_WT); /* WT and WB */
	expect(&set, 0x14000000, MEMTYPE_UC); /* WT and WP: undefined */
	expect(&set, 0x18000000, MEMTYPE_UC); /* WT and WC: undefined */
	expect(&set, 0x1C000000, MEMTYPE_UC);
	expect(&set, 0x20010000, MEMTYPE_WC); /* twice the same */
	expect(&set, 0x30002000, MEMTYPE_WB);
	expect(&set, 0x30003000, MEMTYPE_UC);
	expect(&set, 0x30004000, MEMTYPE_WB);
	expect(&set, 0x28000000, MEMTYPE_WP);
	expect(&set, 0x40000000, MEMTYPE_WB);
}

static void test_reserved_types(void **state)
{
	struct mtrr_set set = make_qemu();

	(void)state;
	for (u32 type = 0; type < 256; type++) {
		bool good = type == 0 || type == 1 || (type >= 4 && type <= 6);

		set.def_type = ENABLED | FIXED | type;
		expect(&set, GIB, good ? type : MEMTYPE_UC);
		set.def_type = ENABLED | FIXED | MEMTYPE_WB;
		set.var[0].base = 0xC0000000 | type;
		expect(&set, 0xC0000000, good ? type : MEMTYPE_UC);
		set.fixed[0] = type;
		expect(&set, 0, good ? type : MEMTYPE_UC);
	}
}

static void test_count(void **state)
{
	struct mtrr_set set = make_qemu();

	(void)state;
	set.cap = 0x500;
	expect(&set, 0xC0000000, MEMTYPE_WB); /* a range beyond the count */
	set.cap = 0x5FF;
	expect(&set, 0xC0000000, MEMTYPE_UC); /* and a count beyond the array */
	set.cap = 0x508;
	set.var[0].mask &= ~0x800ull;
	expect(&set, 0xC0000000, MEMTYPE_WB); /* not valid */
}

static u64 random_u64(void)
{
	return (u64)rand() << 42 ^ (u64)rand() << 21 ^ (u64)rand();
}

/* Ranges of any shape, masks with gaps among them, in a small address space. */
static void random_set(struct mtrr_set *set)
{
	static const u8 types[] = { 0, 1, 4, 5, 6 };

	*set = make(
		ENABLED | (rand() % 2 ? FIXED : 0) | types[rand() % 5], 1 + (u32)rand() % 6, 36);
	for (u32 i = 0; i < 6; i++) {
		u64 gaps = rand() % 3 ? 0 : random_u64() & 0x3FFF000;

		set_var(set, i, random_u64() & 0xFFFFFF000, BIT(12 + rand() % 15),
			types[rand() % 5]);
		set->var[i].base &= ~0xFFC000000ull;
		set->var[i].mask &= ~gaps;
		if (rand() % 8 == 0)
			set->var[i].mask &= ~0x800ull;
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 150; round++) {
		struct mtrr_set set;

		random_set(&set);
		for (u64 base = 0; base < 64 * MIB; base += PAGE_2M)
			check_uniform(&set, base, PAGE_2M);
		for (int i = 0; i < 100; i++) {
			u64 base = random_u64() & 0x3FFF000;
			u64 size = (random_u64() & (rand() % 2 ? 0xF000 : 0x1FFF000)) + 0x1000;

			check_uniform(&set, base, size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_against_judge),
		cmocka_unit_test(test_low_memory),
		cmocka_unit_test(test_fixed_ranges_off),
		cmocka_unit_test(test_all_off),
		cmocka_unit_test(test_laptop),
		cmocka_unit_test(test_short_mask),
		cmocka_unit_test(test_mask_above_width),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_reserved_types),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
