/* SPDX-License-Identifier: MIT */
/*
 * The frame table: marks, owners, addresses that it does not cover.
 * sources: hypervisor/frame.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/frame.h"

#define FRAMES 64u

/* On the heap, so that a mark too many is seen. */
static struct frame *table;

static int setup(void **state)
{
	(void)state;
	table = calloc(FRAMES, sizeof(*table));
	frame_table_init(table, FRAMES);
	return table == NULL;
}

static int teardown(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static void nothing_at_first(void **state)
{
	(void)state;
	for (u64 a = 0; a < (FRAMES + 2) * PAGE_SIZE; a += PAGE_SIZE)
		assert_null(frame_get(SPA(a)));
	assert_null(frame_get(SPA(~0ull)));
}

static void marks(void **state)
{
	(void)state;
	frame_mark(SPA(3 * PAGE_SIZE), 2 * PAGE_SIZE, FRAME_ROOT, 1);
	assert_null(frame_get(SPA(3 * PAGE_SIZE - 1)));
	assert_ptr_equal(frame_get(SPA(3 * PAGE_SIZE)), &table[3]);
	assert_ptr_equal(frame_get(SPA(5 * PAGE_SIZE - 1)), &table[4]);
	assert_null(frame_get(SPA(5 * PAGE_SIZE)));
	assert_int_equal(table[3].type, FRAME_ROOT);
	assert_int_equal(table[3].owner, 1);
	/* A new mark forgets all of the old one. */
	table[4].mapper = 7;
	table[4].flags = 1;
	frame_mark(SPA(4 * PAGE_SIZE), PAGE_SIZE, FRAME_POOL_USED, 0);
	assert_int_equal(table[4].mapper, 0);
	assert_int_equal(table[4].flags, 0);
	assert_int_equal(table[4].owner, 0);
	assert_int_equal(table[3].type, FRAME_ROOT);
}

static void only_what_is_covered(void **state)
{
	(void)state;
	frame_mark(SPA((FRAMES - 1) * PAGE_SIZE), 9 * PAGE_SIZE, FRAME_ROOT, 1);
	assert_non_null(frame_get(SPA(FRAMES * PAGE_SIZE - 1)));
	assert_null(frame_get(SPA(FRAMES * PAGE_SIZE)));
	frame_mark(SPA(1ull << 40), PAGE_SIZE, FRAME_ROOT, 1);
	frame_mark(SPA(0), 0, FRAME_ROOT, 1);
	assert_null(frame_get(SPA(0)));
}

/* Only RAM of that partition; not what the hypervisor shares with it. */
static void owners(void **state)
{
	static const struct {
		enum frame_type type;
		u16 owner;
		bool owned;
	} rows[] = {
		{ FRAME_NONE, 1, false },
		{ FRAME_ROOT, 1, true },
		{ FRAME_ROOT, 2, false },
		{ FRAME_IMAGE, 0, false },
		{ FRAME_POOL_FREE, 0, false },
		{ FRAME_POOL_USED, 0, false },
		{ FRAME_POOL_USED, 1, false },
		{ FRAME_SHARED, 0, false },
		{ FRAME_SHARED, 1, false },
		{ FRAME_DEPOSIT, 0, false },
		{ FRAME_DEPOSIT, 1, false },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		frame_mark(SPA(i * PAGE_SIZE), PAGE_SIZE, rows[i].type, rows[i].owner);
		assert_int_equal(frame_is_owned(SPA(i * PAGE_SIZE + 8), 1), rows[i].owned);
	}
	assert_false(frame_is_owned(SPA(FRAMES * PAGE_SIZE), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(marks, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_covered, setup, teardown),
		cmocka_unit_test_setup_teardown(owners, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
