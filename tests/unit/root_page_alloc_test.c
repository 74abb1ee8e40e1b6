/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: blocks are aligned, apart and all there again in the
 * end; garbage where descriptions will be does no harm; pins hold; boot is lean.
 * sources: rootpart/page_alloc.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/page.h"
#include "rootpart/page_alloc.h"
#include "tests/unit/fake_root.h"

#define LOW_START  (2 * MIB + 3 * PAGE_SIZE)
#define LOW_SIZE   (48 * MIB + 5 * PAGE_SIZE)
#define HIGH_START (4 * GIB)
#define HIGH_SIZE  (GIB + 7 * PAGE_SIZE)
#define BLOCKS     600

static struct page_stats at_start;

/* What an earlier boot may have left: descriptions of free blocks. */
static void fill_with_traps(u64 gpa, u64 size)
{
	struct page *pages = gpa_ptr(GPA(gpa));

	for (u64 i = 0; i < size / PAGE_SIZE; i++)
		pages[i] = (struct page){ .state = PAGE_FREE, .order = (u8)(i % 19), .next = 7 };
}

static int group_setup(void **state)
{
	(void)state;
	fake_memory(6 * GIB);
	fill_with_traps(LOW_START, LOW_SIZE);
	fill_with_traps(HIGH_START, HIGH_SIZE);
	assert_int_equal(page_add_range(GPA(LOW_START), LOW_SIZE), 0);
	assert_int_equal(page_add_range(GPA(HIGH_START), HIGH_SIZE), 0);
	at_start = page_stats_get();
	return 0;
}

static void lean_start(void **state)
{
	const struct page *pages = gpa_ptr(GPA(HIGH_START));
	u64 touched = 0;

	(void)state;
	for (u64 i = 0; i < HIGH_SIZE / PAGE_SIZE; i++)
		touched += pages[i].next != 7;
	assert_true(touched < 64);
	assert_int_equal(at_start.total, (LOW_SIZE + HIGH_SIZE) / PAGE_SIZE);
	assert_true(at_start.free > at_start.total - at_start.total / 200 - 4);
}

static void orders(void **state)
{
	(void)state;
	assert_int_equal(page_order(1), 0);
	assert_int_equal(page_order(PAGE_SIZE), 0);
	assert_int_equal(page_order(PAGE_SIZE + 1), 1);
	assert_int_equal(page_order(PAGE_2M), PAGE_ORDER_2M);
	assert_int_equal(page_order(PAGE_1G), PAGE_ORDER_1G);
	assert_null(page_alloc(PAGE_ORDER_MAX + 1));
}

static void zones(void **state)
{
	void *high = page_alloc(0);
	void *low = page_alloc_low(0);

	(void)state;
	assert_true(gpa_of(high).a >= 4 * GIB);
	assert_true(gpa_of(low).a < 4 * GIB);
	assert_int_equal(page_free(high, 0), 0);
	assert_int_equal(page_free(low, 0), 0);
}

struct block {
	u8 *p;
	u32 order;
};

static void block_new(struct block *b, u32 number)
{
	b->order = (u32)rand() % 8;
	b->p = rand() % 2 ? page_alloc(b->order) : page_alloc_low(b->order);
	if (b->p == NULL)
		return;
	assert_true(IS_ALIGNED(gpa_of(b->p).a, PAGE_SIZE << b->order));
	/* Every page of a block carries its number: an overlap destroys one. */
	for (u64 i = 0; i < BIT(b->order); i++)
		memcpy(b->p + i * PAGE_SIZE, &number, sizeof(number));
}

static void block_end(struct block *b, u32 number)
{
	for (u64 i = 0; i < BIT(b->order); i++)
		assert_memory_equal(b->p + i * PAGE_SIZE, &number, sizeof(number));
	assert_int_equal(page_free(b->p, b->order), 0);
	b->p = NULL;
}

static void random_blocks(void **state)
{
	static struct block blocks[BLOCKS];

	(void)state;
	srand(1);
	for (u32 step = 0; step < 60000; step++) {
		u32 i = (u32)rand() % BLOCKS;

		if (blocks[i].p != NULL)
			block_end(&blocks[i], i);
		else
			block_new(&blocks[i], i);
	}
	for (u32 i = 0; i < BLOCKS; i++) {
		if (blocks[i].p != NULL)
			block_end(&blocks[i], i);
	}
	assert_int_equal(page_stats_get().free, at_start.free);
}

/* All buddies have joined again: the largest block is there. */
static void joined(void **state)
{
	void *large = page_alloc(PAGE_ORDER_2M + 8);

	(void)state;
	assert_non_null(large);
	assert_int_equal(page_free(large, PAGE_ORDER_2M + 8), 0);
}

static void exhaustion(void **state)
{
	u64 count = 0;
	u64 *list = NULL;
	u64 *p;

	(void)state;
	while ((p = page_alloc_low(0)) != NULL) {
		*p = (u64)list;
		list = p;
		count++;
	}
	assert_true(count > LOW_SIZE / PAGE_SIZE - LOW_SIZE / PAGE_SIZE / 200 - 4);
	while (list != NULL) {
		p = list;
		list = (u64 *)*p;
		assert_int_equal(page_free(p, 0), 0);
	}
	assert_int_equal(page_stats_get().free, at_start.free);
}

static void pins(void **state)
{
	u8 *p = page_alloc(2);
	gpa_t gpa = gpa_of(p);

	(void)state;
	assert_int_equal(page_pin(GPA(gpa.a + PAGE_SIZE + 5), PAGE_SIZE), 0);
	assert_int_equal(page_pins(gpa), 0);
	assert_int_equal(page_pins(GPA(gpa.a + PAGE_SIZE)), 1);
	assert_int_equal(page_pins(GPA(gpa.a + 2 * PAGE_SIZE)), 1);
	assert_int_equal(page_free(p, 2), -EBUSY);
	page_unpin(GPA(gpa.a + PAGE_SIZE + 5), PAGE_SIZE);
	assert_true(fails_assert(page_unpin(gpa, 1)));
	assert_int_equal(page_free(p, 2), 0);
}

static void pin_errors(void **state)
{
	u8 *p = page_alloc(1);
	gpa_t gpa = gpa_of(p);

	(void)state;
	assert_int_equal(page_pin(GPA(0), 1), -EFAULT);
	assert_int_equal(page_pin(gpa, 0), -EFAULT);
	assert_int_equal(page_pin(GPA(~0ull), 2), -EFAULT);
	for (u32 i = 0; i < 65535; i++)
		assert_int_equal(page_pin(GPA(gpa.a + PAGE_SIZE), 1), 0);
	assert_int_equal(page_pin(gpa, 2 * PAGE_SIZE), -EOVERFLOW);
	assert_int_equal(page_pins(gpa), 0);
}

static void wrong_free(void **state)
{
	u8 *p = page_alloc(3);

	(void)state;
	assert_true(fails_assert((void)page_free(p, 2)));
	assert_true(fails_assert((void)page_free(p + PAGE_SIZE, 3)));
	assert_true(fails_assert((void)page_free(gpa_ptr(GPA(5 * GIB)), 0)));
	assert_int_equal(page_free(p, 3), 0);
	assert_true(fails_assert((void)page_free(p, 3)));
}

static void bad_ranges(void **state)
{
	(void)state;
	assert_int_equal(page_add_range(GPA(5 * GIB), PAGE_SIZE), -EINVAL);
	assert_int_equal(page_add_range(GPA(5 * GIB + 8), MIB), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lean_start),
		cmocka_unit_test(orders),
		cmocka_unit_test(zones),
		cmocka_unit_test(random_blocks),
		cmocka_unit_test(joined),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(pins),
		cmocka_unit_test(wrong_free),
		cmocka_unit_test(pin_errors),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
