/* SPDX-License-Identifier: MIT */
/*
 * The frame table: marks, owners, addresses that it does not cover, claims of
 * the root's pages and lists of frames.
 * sources: hypervisor/frame.c tests/unit/host_assert.c
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

#define PAGE(n) SPA((u64)(n)*PAGE_SIZE)

/* One page of each kind that nobody may claim. */
static void claims_of_others_pages(void **state)
{
	static const struct frame rows[] = {
		{ .type = FRAME_NONE },
		{ .type = FRAME_IMAGE },
		{ .type = FRAME_POOL_FREE },
		{ .type = FRAME_POOL_USED },
		{ .type = FRAME_SHARED },
		{ .type = FRAME_DEPOSIT, .owner = 5 },
		{ .type = FRAME_DEPOSIT, .owner = 1 },
		{ .type = FRAME_ROOT, .owner = 2 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		table[i] = rows[i];
		assert_int_equal(frame_claim_deposit(PAGE(i), 7), HV_STATUS_INVALID_PARAMETER);
		assert_int_equal(frame_claim_map(PAGE(i), 7), HV_STATUS_INVALID_PARAMETER);
		assert_int_equal(table[i].word, rows[i].word);
	}
	assert_int_equal(frame_claim_deposit(PAGE(FRAMES), 7), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(frame_claim_map(SPA(~0xfffull), 7), HV_STATUS_INVALID_PARAMETER);
}

/* Nobody has a page twice, in whatever two ways. */
static void claims_exclude_each_other(void **state)
{
	(void)state;
	frame_mark(PAGE(0), 4 * PAGE_SIZE, FRAME_ROOT, 1);
	assert_int_equal(frame_claim_map(PAGE(0), 7), HV_STATUS_SUCCESS);
	assert_int_equal(table[0].mapper, 7);
	assert_true(frame_is_owned(PAGE(0), 1));
	assert_int_equal(frame_claim_map(PAGE(0), 7), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(frame_claim_map(PAGE(0), 8), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(frame_claim_deposit(PAGE(0), 8), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(frame_claim_deposit(PAGE(1), 8), HV_STATUS_SUCCESS);
	assert_int_equal(table[1].type, FRAME_DEPOSIT);
	assert_int_equal(table[1].owner, 8);
	assert_false(frame_is_owned(PAGE(1), 1));
	assert_int_equal(frame_claim_deposit(PAGE(1), 8), HV_STATUS_INVALID_PARAMETER);
	assert_int_equal(frame_claim_map(PAGE(1), 8), HV_STATUS_INVALID_PARAMETER);
	/* And after they ended, anybody may. */
	frame_release_map(PAGE(0));
	frame_release_deposit(PAGE(1));
	assert_int_equal(frame_claim_deposit(PAGE(0), 9), HV_STATUS_SUCCESS);
	assert_int_equal(frame_claim_map(PAGE(1), 9), HV_STATUS_SUCCESS);
}

/* An overlay and a mapper do not know of each other, but it keeps new ones away. */
static void overlays(void **state)
{
	(void)state;
	frame_mark(PAGE(0), 4 * PAGE_SIZE, FRAME_ROOT, 1);
	frame_mark(PAGE(2), PAGE_SIZE, FRAME_SHARED, 0);
	assert_false(frame_overlay_begin(PAGE(0), 2));
	assert_false(frame_overlay_begin(PAGE(2), 1));
	assert_false(frame_overlay_begin(PAGE(FRAMES), 1));
	assert_true(frame_overlay_begin(PAGE(0), 1));
	assert_false(frame_overlay_begin(PAGE(0), 1));
	assert_int_equal(frame_claim_map(PAGE(0), 7), HV_STATUS_OBJECT_IN_USE);
	assert_int_equal(frame_claim_deposit(PAGE(0), 7), HV_STATUS_OBJECT_IN_USE);
	frame_overlay_end(PAGE(0));
	assert_int_equal(frame_claim_map(PAGE(0), 7), HV_STATUS_SUCCESS);
	assert_true(frame_overlay_begin(PAGE(0), 1));
	assert_int_equal(table[0].mapper, 7);
	frame_release_map(PAGE(0));
	assert_int_equal(table[0].flags, FRAME_OVERLAID);
	frame_overlay_end(PAGE(0));
	assert_int_equal(table[0].flags, 0);
}

/* What is on a list is nobody's to claim; whatever comes off is free, or as it was. */
static void lists(void **state)
{
	struct frame_list list = { 0 };
	spa_t spa;

	(void)state;
	frame_mark(PAGE(0), 4 * PAGE_SIZE, FRAME_ROOT, 1);
	assert_false(frame_list_pop(&list, &spa));
	assert_int_equal(frame_claim_map(PAGE(0), 7), HV_STATUS_SUCCESS);
	assert_int_equal(frame_claim_deposit(PAGE(3), 9), HV_STATUS_SUCCESS);
	frame_list_push(&list, PAGE(0));
	frame_list_push(&list, PAGE(3));
	frame_list_push(&list, PAGE(2));
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(frame_claim_map(PAGE(i), 7) == HV_STATUS_SUCCESS, i == 1);
	/* An overlay may come and stay meanwhile. */
	assert_true(frame_overlay_begin(PAGE(0), 1));
	assert_true(frame_list_pop(&list, &spa));
	assert_int_equal(spa.a, PAGE(2).a);
	assert_true(frame_list_pop(&list, &spa));
	assert_int_equal(spa.a, PAGE(3).a);
	assert_int_equal(table[3].type, FRAME_DEPOSIT);
	assert_int_equal(table[3].owner, 9);
	assert_true(frame_list_pop(&list, &spa));
	assert_int_equal(spa.a, 0);
	assert_int_equal(table[0].flags, FRAME_OVERLAID);
	assert_int_equal(table[0].mapper, 0);
	assert_false(frame_list_pop(&list, &spa));
	assert_int_equal(frame_claim_deposit(PAGE(2), 7), HV_STATUS_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(marks, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_covered, setup, teardown),
		cmocka_unit_test_setup_teardown(owners, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_of_others_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_exclude_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(overlays, setup, teardown),
		cmocka_unit_test_setup_teardown(lists, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
