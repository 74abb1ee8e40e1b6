/* SPDX-License-Identifier: MIT */
/*
 * The table by ids against a plain one: what is found, pages that it takes and
 * gives back, and memory that is short at each of them.
 * sources: hypervisor/id_table.c hypervisor/deposit.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "hypervisor/deposit.h"
#include "hypervisor/id_table.h"

#define LAST   0xffffffu
#define PAGES  300u
#define ROUNDS 20000u

static u8 pages[PAGES][4096] __attribute__((aligned(4096)));
static struct deposit d;
static struct id_table t;

struct entry {
	struct id_entry entry;
	u32 value;
	u8 rest[56];
};

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(&t, 0, sizeof(t));
	return 0;
}

static void deposit(u32 count)
{
	for (u32 i = 0; i < count; i++)
		deposit_add(&d, pages[i]);
}

static enum hv_status add(u32 id)
{
	static const u8 zero[60];
	void *e = NULL;
	enum hv_status status = id_table_add(&t, &d, id, &e);

	if (status != HV_STATUS_SUCCESS)
		return status;
	assert_int_equal(((struct entry *)e)->entry.id, id);
	assert_memory_equal((u8 *)e + 4, zero, sizeof(zero));
	memset((u8 *)e + 4, 0xff, 60);
	((struct entry *)e)->value = ~id;
	return status;
}

static bool has(u32 id)
{
	const struct entry *e = id_table_find(&t, id);

	if (e) {
		assert_int_equal(e->entry.id, id);
		assert_int_equal(e->value, ~id);
	}
	return e;
}

static u32 first(void)
{
	const struct entry *e = id_table_first(&t);

	return e ? e->entry.id : 0;
}

static void test_one(void **state)
{
	(void)state;
	deposit(3);
	assert_false(has(1));
	assert_int_equal(first(), 0);
	assert_int_equal(add(1), HV_STATUS_SUCCESS);
	assert_int_equal(d.used_pages, 3);
	assert_true(has(1));
	assert_int_equal(add(1), HV_STATUS_OBJECT_IN_USE);
	assert_false(has(0) || has(2) || has(LAST) || has(1 + (1u << 24)) || has(~0u));
	/* A page of entries is for 64. */
	assert_int_equal(add(63), HV_STATUS_SUCCESS);
	assert_int_equal(add(64), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_true(has(1) && has(63) && !has(64));
	assert_int_equal(first(), 1);
	id_table_remove(&t, &d, 1);
	assert_true(!has(1) && has(63));
	assert_int_equal(first(), 63);
	assert_int_equal(d.used_pages, 3);
	id_table_remove(&t, &d, 63);
	assert_int_equal(d.used_pages, 0);
	assert_null(t.root);
}

/* Short at any page, nothing stays. */
static void test_no_memory(void **state)
{
	(void)state;
	for (u32 count = 0; count < 3; count++) {
		setup(NULL);
		deposit(count);
		assert_int_equal(add(LAST), HV_STATUS_INSUFFICIENT_MEMORY);
		assert_int_equal(d.used_pages, 0);
		assert_int_equal(d.free_pages, count);
		assert_null(t.root);
	}
	/* With others there: only the new pages go. */
	setup(NULL);
	deposit(4);
	assert_int_equal(add(7), HV_STATUS_SUCCESS);
	assert_int_equal(add(LAST), HV_STATUS_INSUFFICIENT_MEMORY);
	assert_int_equal(d.used_pages, 3);
	assert_true(has(7) && !has(LAST));
	assert_int_equal(add(64), HV_STATUS_SUCCESS);
	assert_int_equal(d.used_pages, 4);
}

static u32 ids[48];
static bool there[48];

static u32 lowest(void)
{
	u32 low = 0;

	for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
		if (there[i] && (!low || ids[i] < low))
			low = ids[i];
	return low;
}

/* Ids at the borders of pages, and some anywhere; added and removed at random. */
static void test_random(void **state)
{
	u32 n = 0;

	(void)state;
	srand(1);
	deposit(PAGES);
	memset(there, 0, sizeof(there));
	for (u32 shift = 0; shift < 24; shift++)
		ids[n++] = 1u << shift;
	for (u32 shift = 2; shift < 24; shift++)
		ids[n++] = (1u << shift) - 1;
	ids[n++] = LAST;
	ids[n++] = 0x123456;
	assert_int_equal(n, ARRAY_SIZE(ids));
	for (u32 round = 0; round < ROUNDS; round++) {
		u32 i = (u32)rand() % n;

		if (there[i])
			id_table_remove(&t, &d, ids[i]);
		else
			assert_int_equal(add(ids[i]), HV_STATUS_SUCCESS);
		there[i] = !there[i];
		i = (u32)rand() % n;
		assert_int_equal(has(ids[i]), there[i]);
		assert_int_equal(first(), lowest());
	}
	for (u32 i = 0; i < n; i++)
		if (there[i])
			id_table_remove(&t, &d, ids[i]);
	assert_int_equal(d.used_pages, 0);
	assert_null(t.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
