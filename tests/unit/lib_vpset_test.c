/* SPDX-License-Identifier: MIT */
/*
 * Sets of processors from their wire form.
 * sources: lib/vpset.c lib/bitmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/vpset.h"

static struct vpset set;

static bool decode(u64 format, u64 valid, const u64 *banks, u32 count)
{
	const struct hv_vpset_header h = { format, valid };

	set = (struct vpset){ { 0x5555 } };
	return vpset_decode(&h, banks, count, &set);
}

static void test_sparse(void **state)
{
	const u64 banks[64] = { 0x8000000000000001, 7, 9 };

	(void)state;
	assert_true(decode(0, 1, banks, 1));
	assert_int_equal(set.bits[0], banks[0]);
	assert_true(vpset_has(&set, 63));
	assert_false(vpset_has(&set, 1));
	/* Those behind the first bank are nobody's, whatever they say. */
	assert_true(decode(0, 0x8000000000000003, banks, 3));
	assert_int_equal(set.bits[0], banks[0]);
	assert_true(decode(0, 2, banks, 1));
	assert_int_equal(set.bits[0], 0);
	assert_true(decode(0, ~0ull, banks, 64));
	assert_int_equal(set.bits[0], banks[0]);
	assert_true(decode(0, 0, NULL, 0));
	assert_int_equal(set.bits[0], 0);
}

static void test_all(void **state)
{
	(void)state;
	assert_true(decode(1, 0, NULL, 0));
	assert_int_equal(set.bits[0], ~0ull);
	assert_true(decode(1, 5, NULL, 0));
	assert_int_equal(set.bits[0], ~0ull);
}

static void test_refused(void **state)
{
	const u64 banks[2] = { 1, 2 };

	(void)state;
	assert_false(decode(0, 1, banks, 0));
	assert_false(decode(0, 1, banks, 2));
	assert_false(decode(0, 3, banks, 1));
	assert_false(decode(0, 0, banks, 1));
	assert_false(decode(1, 1, banks, 1));
	assert_false(decode(2, 1, banks, 1));
	assert_false(decode(1ull << 32, 1, banks, 1));
	assert_false(decode(~0ull, 0, banks, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
