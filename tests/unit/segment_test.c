/* SPDX-License-Identifier: MIT */
/*
 * Segments by kind: every type, and what is wrong with the rest of one.
 * sources: hypervisor/segment.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hypervisor/segment.h"

static bool valid(enum segment_kind kind, u16 attributes)
{
	struct hv_segment s = { 0x1000, 0xffff, 8, attributes };

	return segment_valid(kind, &s);
}

/* Present, code or data; bit n: type n is good. */
static void test_types(void **state)
{
	static const u16 good[] = {
		[SEGMENT_CODE] = 0xff0c,  /* code, and data that may be written and grows up */
		[SEGMENT_STACK] = 0x00cc, /* data that may be written */
		[SEGMENT_DATA] = 0xccff,  /* data, and code that may be read */
		[SEGMENT_WIDE] = 0xccff,
		[SEGMENT_LOCAL_TABLE] = 0x0000,
		[SEGMENT_TASK] = 0x0000,
	};

	(void)state;
	for (u32 kind = SEGMENT_CODE; kind <= SEGMENT_TASK; kind++)
		for (u16 type = 0; type < 16; type++)
			assert_int_equal(valid(kind, 0x90 | type), good[kind] >> type & 1);
	/* Of the system. */
	for (u16 type = 0; type < 16; type++) {
		for (u32 kind = SEGMENT_CODE; kind <= SEGMENT_WIDE; kind++)
			assert_false(valid(kind, 0x80 | type));
		assert_int_equal(valid(SEGMENT_LOCAL_TABLE, 0x80 | type), type == 2);
		assert_int_equal(valid(SEGMENT_TASK, 0x80 | type), 0x0a0a >> type & 1);
	}
}

/* Rights of what is not there do not count; CS and TR are always there. */
static void test_absent(void **state)
{
	(void)state;
	for (u16 a = 0; a < 0x80; a++) {
		assert_false(valid(SEGMENT_CODE, a));
		assert_false(valid(SEGMENT_TASK, a));
		assert_true(valid(SEGMENT_STACK, a));
		assert_true(valid(SEGMENT_LOCAL_TABLE, a));
	}
}

static void test_reserved(void **state)
{
	(void)state;
	for (u32 bit = 8; bit < 12; bit++) {
		assert_false(valid(SEGMENT_CODE, (u16)(0x9b | 1u << bit)));
		assert_false(valid(SEGMENT_DATA, (u16)(1u << bit)));
	}
	assert_true(valid(SEGMENT_CODE, 0x709b));
}

static bool with(enum segment_kind kind, u64 base, u32 limit, u16 selector, u16 attributes)
{
	struct hv_segment s = { base, limit, selector, attributes };

	return segment_valid(kind, &s);
}

static void test_limits(void **state)
{
	(void)state;
	assert_true(with(SEGMENT_CODE, 0, 0xfffff, 0, 0x9b));
	assert_false(with(SEGMENT_CODE, 0, 0x100000, 0, 0x9b));
	assert_true(with(SEGMENT_CODE, 0, 0xffffffff, 0, 0x809b));
	assert_true(with(SEGMENT_CODE, 0, 0xfff, 0, 0x809b));
	assert_false(with(SEGMENT_CODE, 0, 0xfffffffe, 0, 0x809b));
	assert_false(with(SEGMENT_TASK, 0, 0x100000, 0, 0x8b));
	/* An absent one has none. */
	assert_true(with(SEGMENT_DATA, 0, 0xfffffffe, 0, 0));
}

static void test_bases(void **state)
{
	const u64 high = 0xffff800000000000ull, hole = 0x0000800000000000ull;

	(void)state;
	assert_false(with(SEGMENT_CODE, 1ull << 32, 0xffff, 0, 0x9b));
	assert_false(with(SEGMENT_STACK, 1ull << 32, 0xffff, 0, 0x93));
	assert_false(with(SEGMENT_DATA, high, 0xffff, 0, 0x93));
	assert_true(with(SEGMENT_DATA, high, 0xffff, 0, 0));
	assert_true(with(SEGMENT_WIDE, high, 0xffff, 0, 0x93));
	assert_true(with(SEGMENT_TASK, high, 0xffff, 0, 0x8b));
	assert_true(with(SEGMENT_LOCAL_TABLE, high, 0xffff, 0, 0x82));
	for (u32 kind = SEGMENT_CODE; kind <= SEGMENT_TASK; kind++)
		assert_false(with(kind, hole, 0xffff, 0, 0));
	assert_false(with(SEGMENT_WIDE, hole, 0xffff, 0, 0x93));
	/* System segments are the global table's. */
	assert_false(with(SEGMENT_TASK, 0, 0xffff, 4, 0x8b));
	assert_false(with(SEGMENT_LOCAL_TABLE, 0, 0xffff, 4, 0x82));
	assert_true(with(SEGMENT_DATA, 0, 0xffff, 4, 0x93));
}

static u16 loaded(enum segment_kind kind, u16 attributes)
{
	struct hv_segment s = { 0x1000, 0xffff, 8, attributes };
	struct hv_segment l = segment_loaded(kind, &s);

	assert_int_equal(l.base, s.base);
	assert_int_equal(l.limit, s.limit);
	assert_int_equal(l.selector, s.selector);
	return l.attributes;
}

static void test_loaded(void **state)
{
	(void)state;
	assert_int_equal(loaded(SEGMENT_CODE, 0x209a), 0x209b);
	assert_int_equal(loaded(SEGMENT_DATA, 0xc092), 0xc093);
	assert_int_equal(loaded(SEGMENT_DATA, 0), 0);
	assert_int_equal(loaded(SEGMENT_TASK, 0x89), 0x8b);
	assert_int_equal(loaded(SEGMENT_TASK, 0x81), 0x83);
	assert_int_equal(loaded(SEGMENT_LOCAL_TABLE, 0x82), 0x82);
}

static void test_names(void **state)
{
	static const u8 kinds[] = { SEGMENT_DATA, SEGMENT_CODE, SEGMENT_STACK, SEGMENT_DATA,
		SEGMENT_WIDE, SEGMENT_WIDE, SEGMENT_LOCAL_TABLE, SEGMENT_TASK };

	(void)state;
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(segment_kind_of(HV_X64_REGISTER_ES + i), kinds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_loaded),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
