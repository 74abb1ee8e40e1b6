/* SPDX-License-Identifier: MIT */
/*
 * Deposited pages: what is free, what is in use, and that no page comes out
 * with what was in it.
 * sources: hypervisor/deposit.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/deposit.h"

#define PAGES 5u

static struct deposit d;
static u8 *pages[PAGES];

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	for (u32 i = 0; i < PAGES; i++) {
		pages[i] = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
		memset(pages[i], 0x5a, PAGE_SIZE);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < PAGES; i++)
		free(pages[i]);
	return 0;
}

static void expect(u64 available, u64 in_use)
{
	u64 a, u;

	deposit_balance(&d, &a, &u);
	assert_int_equal(a, available);
	assert_int_equal(u, in_use);
}

static void *zeroed(void *page)
{
	for (u32 i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(((u8 *)page)[i], 0);
	return page;
}

static void an_empty_one(void **state)
{
	(void)state;
	assert_null(deposit_take(&d));
	assert_null(deposit_remove(&d));
	expect(0, 0);
}

static void taken_and_given(void **state)
{
	u8 *a, *b;

	(void)state;
	deposit_add(&d, pages[0]);
	deposit_add(&d, pages[1]);
	expect(2, 0);
	a = zeroed(deposit_take(&d));
	expect(1, 1);
	b = zeroed(deposit_take(&d));
	assert_ptr_not_equal(a, b);
	assert_true((a == pages[0] || a == pages[1]) && (b == pages[0] || b == pages[1]));
	assert_null(deposit_take(&d));
	assert_null(deposit_remove(&d));
	expect(0, 2);
	memset(a, 0xff, PAGE_SIZE);
	deposit_give(&d, a);
	expect(1, 1);
	assert_ptr_equal(zeroed(deposit_take(&d)), a);
}

/* What leaves for good was free, and tells nothing. */
static void removed(void **state)
{
	u32 seen = 0;

	(void)state;
	for (u32 i = 0; i < PAGES; i++)
		deposit_add(&d, pages[i]);
	memset(deposit_take(&d), 0xff, PAGE_SIZE);
	for (u32 i = 0; i < PAGES - 1; i++) {
		u8 *page = zeroed(deposit_remove(&d));

		for (u32 j = 0; j < PAGES; j++)
			seen |= page == pages[j] ? 1u << j : 0;
		expect(PAGES - 2 - i, 1);
	}
	assert_int_equal(__builtin_popcount(seen), PAGES - 1);
	assert_null(deposit_remove(&d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_one, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_and_given, setup, teardown),
		cmocka_unit_test_setup_teardown(removed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
