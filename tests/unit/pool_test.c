/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's page allocator: contiguous runs, exhaustion, what a double
 * or wild free gives, the frame table beside it, addresses.
 * sources: hypervisor/pool.c hypervisor/frame.c lib/bitmap.c tests/unit/fake_memory.c tests/unit/fake_image.S
 * cflags: -I tests/unit/fake_layout
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "fake_memory.h"
#include "hypervisor/frame.h"
#include "hypervisor/layout.h"
#include "hypervisor/pool.h"

extern char image_start[], image_end[];

_Noreturn void assert_failed(const char *expr, const char *file, int line)
{
	mock_assert(0, expr, file, line);
	abort();
}

static enum frame_type type_of(const void *p)
{
	return (enum frame_type)frame_get(virt_to_spa(p))->type;
}

static void pages_are_zeroed_and_marked(void **state)
{
	u8 *p, *q;

	(void)state;
	fake_memory_init(16);
	assert_int_equal(pool_free_pages(), 15);
	p = pool_alloc(3);
	assert_non_null(p);
	assert_int_equal((u64)p % PAGE_SIZE, 0);
	assert_int_equal(pool_free_pages(), 12);
	for (u32 i = 0; i < 3 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(type_of(p + 2 * PAGE_SIZE), FRAME_POOL_USED);
	assert_int_equal(type_of(p + 3 * PAGE_SIZE), FRAME_POOL_FREE);
	memset(p, 0xee, 3 * PAGE_SIZE);
	pool_free(p, 3);
	assert_int_equal(type_of(p), FRAME_POOL_FREE);
	assert_int_equal(pool_free_pages(), 15);
	/* All of it once more, as one run: no old contents. */
	q = pool_alloc(15);
	assert_non_null(q);
	for (u32 i = 0; i < 15 * PAGE_SIZE; i++)
		assert_int_equal(q[i], 0);
}

static void runs_do_not_overlap(void **state)
{
	u8 *p[6];

	(void)state;
	fake_memory_init(16);
	for (u32 i = 0; i < 5; i++) {
		p[i] = pool_alloc(3);
		assert_non_null(p[i]);
		memset(p[i], (int)i + 1, 3 * PAGE_SIZE);
	}
	assert_int_equal(pool_free_pages(), 0);
	for (u32 i = 0; i < 5; i++)
		for (u32 j = 0; j < 3 * PAGE_SIZE; j++)
			assert_int_equal(p[i][j], i + 1);
	assert_null(pool_alloc(1));
	assert_null(pool_alloc_raw(1));
	/* Two holes of three are no run of four, but these two touch. */
	pool_free(p[0], 3);
	pool_free(p[2], 3);
	assert_null(pool_alloc(4));
	assert_int_equal(pool_free_pages(), 6);
	pool_free(p[1], 3);
	assert_ptr_equal(pool_alloc(9), p[0]);
	assert_true(fake_memory_end_untouched());
}

static void too_much(void **state)
{
	(void)state;
	fake_memory_init(16);
	assert_null(pool_alloc(16));
	assert_null(pool_alloc(17));
	assert_null(pool_alloc_raw(1ull << 32));
	assert_null(pool_alloc_raw((1ull << 32) + 1));
	assert_null(pool_alloc_raw(~0ull));
	assert_int_equal(pool_free_pages(), 15);
	assert_non_null(pool_alloc(15));
}

/* Bits of the bitmap's last page belong to it, whatever the size. */
static void bitmaps_of_every_size(void **state)
{
	static const u32 sizes[] = { 2, 63, 64, 65, 4095, 4096 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		fake_memory_init(sizes[i]);
		for (u32 n = 1; n < sizes[i]; n++)
			assert_non_null(pool_alloc(1));
		assert_null(pool_alloc(1));
		assert_true(fake_memory_end_untouched());
	}
}

/* 32,768 pages fill one page of bits; one more needs another. */
static void a_bitmap_of_two_pages(void **state)
{
	u32 bits = (u32)PAGE_SIZE * 8;
	u8 *first;

	(void)state;
	fake_memory_init(bits + 1);
	assert_int_equal(pool_free_pages(), bits - 1);
	first = pool_alloc_raw(1);
	assert_int_equal(virt_to_spa(first).a, FAKE_MEMORY_START + 2 * PAGE_SIZE);
	memset(first, 0xff, PAGE_SIZE);
	assert_non_null(pool_alloc_raw(bits - 2));
	assert_null(pool_alloc_raw(1));
	assert_int_equal(first[0], 0xff);
}

static void wrong_frees(void **state)
{
	u8 *end;

	(void)state;
	fake_memory_init(16);
	end = (u8 *)spa_to_virt(SPA(FAKE_MEMORY_START + 16 * PAGE_SIZE));
	expect_assert_failure(pool_free(end, 1));
	expect_assert_failure(pool_free(end - PAGE_SIZE, 2));
	expect_assert_failure(pool_free((u8 *)HV_DIRECT_BASE + PAGE_SIZE, 1));
	expect_assert_failure((void)pool_alloc_raw(0));
}

static void addresses(void **state)
{
	u8 *p;

	(void)state;
	fake_memory_init(16);
	p = pool_alloc(1);
	assert_int_equal(virt_to_spa(p + 5).a, FAKE_MEMORY_START + PAGE_SIZE + 5);
	assert_ptr_equal(spa_to_virt(virt_to_spa(p + 5)), p + 5);
	/* The image is not in the direct map. */
	assert_int_equal(virt_to_spa(image_start + 9).a, 0x1000009);
	assert_ptr_equal(spa_to_virt(SPA(0x1000009)), image_start + 9);
	expect_assert_failure(virt_to_spa((void *)(HV_DIRECT_BASE - 1)));
	expect_assert_failure(virt_to_spa((void *)(HV_DIRECT_BASE + HV_DIRECT_SIZE)));
	expect_assert_failure(virt_to_spa(NULL));
}

/* Last: the lock is not given back. */
static void double_free(void **state)
{
	u8 *p;

	(void)state;
	fake_memory_init(16);
	p = pool_alloc(2);
	pool_free(p, 2);
	expect_assert_failure(pool_free(p, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_zeroed_and_marked),
		cmocka_unit_test(runs_do_not_overlap),
		cmocka_unit_test(too_much),
		cmocka_unit_test(bitmaps_of_every_size),
		cmocka_unit_test(a_bitmap_of_two_pages),
		cmocka_unit_test(wrong_frees),
		cmocka_unit_test(addresses),
		cmocka_unit_test(double_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
