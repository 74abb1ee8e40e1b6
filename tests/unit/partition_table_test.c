/* SPDX-License-Identifier: MIT */
/*
 * The table of partitions: ids that are given out again last, references that
 * keep a deleted one alive, children in order.
 * sources: hypervisor/partition_table.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hypervisor/partition.h"
#include "hypervisor/partition_table.h"

#define CHILDREN (HV_MAX_PARTITIONS - 2)

static struct partition root, children[CHILDREN + 1];
static struct partition *freed;

void deposit_give(struct deposit *d, void *page)
{
	assert_ptr_equal(d, &root.deposit);
	freed = page;
}

static void add(struct partition *p)
{
	p->parent = &root;
	assert_true(partition_table_add(p));
}

static void only_the_root(void **state)
{
	(void)state;
	assert_ptr_equal(partition_find(1), &root);
	partition_put(&root);
	assert_null(partition_find(0));
	assert_null(partition_find(2));
	assert_null(partition_find(HV_MAX_PARTITIONS));
	assert_null(partition_find(~0ull));
	assert_int_equal(partition_table_next_child(&root, 0), 0);
}

/* Whoever has found it may go on; the last one frees it. */
static void references(void **state)
{
	(void)state;
	freed = NULL;
	add(&children[0]);
	assert_ptr_equal(partition_find(children[0].id), &children[0]);
	partition_table_remove(&children[0]);
	assert_null(freed);
	assert_null(partition_find(children[0].id));
	partition_put(&children[0]);
	assert_ptr_equal(freed, &children[0]);
}

static void an_id_is_not_given_soon(void **state)
{
	u64 id;

	(void)state;
	add(&children[0]);
	id = children[0].id;
	partition_table_remove(&children[0]);
	for (u32 i = 1; i < CHILDREN; i++) {
		add(&children[i]);
		assert_int_not_equal(children[i].id, id);
		partition_table_remove(&children[i]);
	}
	add(&children[0]);
	assert_int_equal(children[0].id, id);
	partition_table_remove(&children[0]);
}

static void all_of_them(void **state)
{
	u64 id = 0, count = 0;

	(void)state;
	for (u32 i = 0; i < CHILDREN; i++)
		add(&children[i]);
	assert_false(partition_table_add(&children[CHILDREN]));
	for (u64 next; (next = partition_table_next_child(&root, id)) != 0; id = next, count++)
		assert_true(next > id);
	assert_int_equal(count, CHILDREN);
	assert_int_equal(partition_table_next_child(&children[0], 0), 0);
	assert_int_equal(partition_table_next_child(&root, ~0ull - 1), 0);
	partition_table_remove(&children[77]);
	add(&children[CHILDREN]);
	assert_int_equal(children[CHILDREN].id, children[77].id);
}

static int setup(void **state)
{
	(void)state;
	root.id = 1;
	partition_table_add_root(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_root),
		cmocka_unit_test(references),
		cmocka_unit_test(an_id_is_not_given_soon),
		cmocka_unit_test(all_of_them),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
