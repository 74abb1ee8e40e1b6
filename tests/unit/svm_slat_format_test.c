/* SPDX-License-Identifier: MIT */
/*
 * Nested page-table entries: the bits that the processor reads, and that what
 * was put in comes out again.
 * sources: hypervisor/svm/slat_format.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hypervisor/slat.h"
#include "hypervisor/svm/svm.h"

/* APM volume 2, 5.3.3, written out once more. */
#define P   (1ull << 0)
#define W   (1ull << 1)
#define U   (1ull << 2)
#define PWT (1ull << 3)
#define PCD (1ull << 4)
#define A   (1ull << 5)
#define D   (1ull << 6)
#define PS  (1ull << 7)
#define NX  (1ull << 63)

static const struct slat_format *f = &svm_slat_format;

static void test_bits(void **state)
{
	(void)state;
	assert_int_equal(f->table(0x123000), 0x123000 | P | W | U | A);
	assert_int_equal(f->leaf(0x123000, 1, SLAT_ALL, MEMTYPE_WB), 0x123000 | P | W | U | A | D);
	assert_int_equal(
		f->leaf(0x123000, 1, SLAT_READ, MEMTYPE_WB), 0x123000 | P | U | A | D | NX);
	assert_int_equal(
		f->leaf(0x400000, 2, SLAT_ALL, MEMTYPE_WB), 0x400000 | P | W | U | A | D | PS);
	assert_int_equal(f->leaf(0x40000000, 3, SLAT_READ | SLAT_EXEC, MEMTYPE_WB),
		0x40000000 | P | U | A | D | PS);
	assert_int_equal(f->leaf(0x123000, 1, 0, MEMTYPE_WB), 0);
	assert_int_equal(f->large, PS);
}

/* UC- is PAT entry 2 after reset: PCD alone, in every size. */
static void test_uncached(void **state)
{
	(void)state;
	for (u32 level = 1; level <= 3; level++)
		assert_int_equal(f->leaf(0, level, SLAT_ALL, MEMTYPE_UC) & (PWT | PCD), PCD);
	assert_int_equal(f->leaf(0, 1, SLAT_ALL, MEMTYPE_UC) & PS, 0);
}

static void test_access_round_trip(void **state)
{
	static const u32 rights[] = { SLAT_READ, SLAT_READ | SLAT_WRITE, SLAT_READ | SLAT_EXEC,
		SLAT_ALL };

	(void)state;
	for (u32 level = 1; level <= 3; level++)
		for (u32 i = 0; i < ARRAY_SIZE(rights); i++)
			assert_int_equal(
				f->access(f->leaf(0x40000000, level, rights[i], MEMTYPE_UC)),
				rights[i]);
	assert_int_equal(f->access(f->table(0x1000)), SLAT_ALL);
	assert_int_equal(f->access(0), 0);
}

static void test_type_round_trip(void **state)
{
	static const enum memtype types[] = { MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
		MEMTYPE_WB };

	(void)state;
	for (u32 level = 1; level <= 3; level++)
		for (u32 i = 0; i < ARRAY_SIZE(types); i++)
			assert_int_equal(
				f->type(f->leaf(0x40000000, level, SLAT_ALL, types[i]), level),
				types[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_uncached),
		cmocka_unit_test(test_access_round_trip),
		cmocka_unit_test(test_type_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
