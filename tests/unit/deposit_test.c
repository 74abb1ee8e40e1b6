/* SPDX-License-Identifier: MIT */
/*
 * Deposited pages: counts, contents, and two processors at once.
 * sources: hypervisor/deposit.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "hypervisor/deposit.h"

#define PAGES  16u
#define ROUNDS 20000u

static u8 pages[PAGES][4096] __attribute__((aligned(4096)));
static struct deposit d;

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(pages, 0xa5, sizeof(pages));
	return 0;
}

static u32 number(const void *page)
{
	u64 offset = (u64)page - (u64)pages;

	assert_int_equal(offset % 4096, 0);
	assert_true(offset / 4096 < PAGES);
	return (u32)(offset / 4096);
}

static void is_zero(const void *page)
{
	static const u8 zero[4096];

	assert_memory_equal(page, zero, sizeof(zero));
}

static void counts(u64 free_pages, u64 used_pages)
{
	assert_int_equal(d.free_pages, free_pages);
	assert_int_equal(d.used_pages, used_pages);
	assert_int_equal(d.lock.next, d.lock.owner);
}

static void test_empty(void **state)
{
	(void)state;
	assert_null(deposit_take(&d));
	assert_null(deposit_remove(&d));
	counts(0, 0);
}

/* Each page once, zeroed, whatever was in it. */
static void test_take_all(void **state)
{
	u32 seen = 0;

	(void)state;
	for (u32 i = 0; i < PAGES; i++)
		deposit_add(&d, pages[i]);
	counts(PAGES, 0);
	for (u32 i = 0; i < PAGES; i++) {
		void *page = deposit_take(&d);

		is_zero(page);
		seen |= 1u << number(page);
		memset(page, 0x5a, 4096);
		counts(PAGES - i - 1, i + 1);
	}
	assert_int_equal(seen, (1u << PAGES) - 1);
	assert_null(deposit_take(&d));
	counts(0, PAGES);
}

static void test_give_and_remove(void **state)
{
	void *page;

	(void)state;
	deposit_add(&d, pages[3]);
	page = deposit_take(&d);
	memset(page, 0x77, 4096);
	/* In use: it cannot leave. */
	assert_null(deposit_remove(&d));
	deposit_give(&d, page);
	counts(1, 0);
	/* Nothing of what was in it leaves with it. */
	assert_ptr_equal(deposit_remove(&d), pages[3]);
	is_zero(pages[3]);
	counts(0, 0);
}

static void *take_and_give(void *arg)
{
	u32 *failures = arg;

	for (u32 i = 0; i < ROUNDS; i++) {
		u64 *a = deposit_take(&d);
		u64 *b = deposit_take(&d);

		if (!a || !b || a == b || *a || *b)
			++*failures;
		if (a) {
			*a = 1;
			deposit_give(&d, a);
		}
		if (b) {
			*b = 1;
			deposit_give(&d, b);
		}
	}
	return NULL;
}

static void test_two_processors(void **state)
{
	u32 failures[2] = { 0, 0 };
	pthread_t threads[2];

	(void)state;
	for (u32 i = 0; i < 4; i++)
		deposit_add(&d, pages[i]);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &failures[i]), 0);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(failures[0] + failures[1], 0);
	counts(4, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_take_all, setup),
		cmocka_unit_test_setup(test_give_and_remove, setup),
		cmocka_unit_test_setup(test_two_processors, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
