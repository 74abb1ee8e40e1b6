/* SPDX-License-Identifier: MIT */
/*
 * Partitions by id: ids come round, references keep what was deleted, and its
 * page goes back to who paid for it with the last of them. The table is one
 * for all tests; each leaves only the root in it.
 * sources: hypervisor/partition_table.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/assert.h"
#include "hypervisor/partition.h"
#include "hypervisor/partition_table.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define PLACES 1022u /* ids 2 to 1023 */

static struct partition root = { .id = 1 };
static struct partition children[PLACES + 1];
static struct partition *given_back;
static u32 times_given;

void deposit_give(struct deposit *d, void *page)
{
	assert_ptr_equal(d, &root.deposit);
	given_back = page;
	times_given++;
}

static int setup(void **state)
{
	(void)state;
	memset(children, 0, sizeof(children));
	for (u32 i = 0; i < ARRAY_SIZE(children); i++)
		children[i].parent = &root;
	given_back = NULL;
	times_given = 0;
	return 0;
}

static int add_root(void **state)
{
	(void)state;
	partition_table_add_root(&root);
	return 0;
}

static u64 add(u32 child)
{
	assert_true(partition_table_add(&children[child]));
	return children[child].id;
}

static u64 after(u64 id)
{
	return id == 1023 ? 2 : id + 1;
}

static void test_root(void **state)
{
	(void)state;
	assert_ptr_equal(partition_find(1), &root);
	partition_put(&root);
	assert_int_equal(times_given, 0);
	for (u64 id = 2; id < 1100; id++)
		assert_null(partition_find(id));
	assert_null(partition_find(0));
	assert_null(partition_find(~0ull));
	assert_null(partition_find(1ull << 32 | 1));
}

static void test_references(void **state)
{
	u64 id = add(0);

	(void)state;
	assert_ptr_equal(partition_find(id), &children[0]);
	assert_ptr_equal(partition_find(id), &children[0]);
	assert_int_equal(children[0].references, 3);
	partition_put(&children[0]);
	/* Deleted while somebody refers to it: found no more, but not gone. */
	partition_table_remove(&children[0]);
	assert_null(partition_find(id));
	assert_int_equal(times_given, 0);
	partition_put(&children[0]);
	assert_int_equal(times_given, 1);
	assert_ptr_equal(given_back, &children[0]);
	/* And with nobody else, at once. */
	(void)add(1);
	partition_table_remove(&children[1]);
	assert_int_equal(times_given, 2);
	assert_ptr_equal(given_back, &children[1]);
}

/* The id of one that has just gone comes again last. */
static void test_ids_come_round(void **state)
{
	u64 first = add(0), last = first;

	(void)state;
	partition_table_remove(&children[0]);
	for (u32 i = 1; i < PLACES; i++) {
		u64 id = add(i % 5);

		assert_int_equal(id, after(last));
		last = id;
		partition_table_remove(&children[i % 5]);
	}
	assert_int_equal(add(0), first);
	partition_table_remove(&children[0]);
}

static void test_full(void **state)
{
	u64 freed;

	(void)state;
	for (u32 i = 0; i < PLACES; i++) {
		u64 id = add(i);

		assert_in_range(id, 2, 1023);
		assert_ptr_equal(partition_find(id), &children[i]);
		partition_put(&children[i]);
	}
	assert_false(partition_table_add(&children[PLACES]));
	assert_int_equal(children[PLACES].references, 0);
	/* Places in use are passed over. */
	freed = children[500].id;
	partition_table_remove(&children[500]);
	assert_int_equal(add(PLACES), freed);
	partition_table_remove(&children[PLACES]);
	for (u32 i = 0; i < PLACES; i++)
		if (i != 500)
			partition_table_remove(&children[i]);
	assert_int_equal(times_given, PLACES + 1);
}

static void test_children(void **state)
{
	struct partition grandchild = { .parent = &children[0] };
	u64 ids[3];

	(void)state;
	for (u32 i = 0; i < 3; i++)
		ids[i] = add(i);
	assert_true(partition_table_add(&grandchild));
	for (u64 id = 0, i = 0; (id = partition_table_next_child(&root, id)) != 0; i++) {
		assert_true(i < 3);
		assert_true(id == ids[0] || id == ids[1] || id == ids[2]);
		assert_int_equal(partition_table_next_child(&root, id - 1), id);
	}
	assert_int_equal(partition_table_next_child(&children[0], 0), grandchild.id);
	assert_int_equal(partition_table_next_child(&children[0], grandchild.id), 0);
	assert_int_equal(partition_table_next_child(&children[1], 0), 0);
	/* Beyond the last id there is none, whatever is asked for. */
	assert_int_equal(partition_table_next_child(&root, 1023), 0);
	assert_int_equal(partition_table_next_child(&root, ~0ull), 0);
	for (u32 i = 0; i < 3; i++)
		partition_table_remove(&children[i]);
	/* Whose deposit its page goes to is of no matter here. */
	grandchild.parent = &root;
	partition_table_remove(&grandchild);
}

static u64 sought;
static bool stop;

static void *finder(void *arg)
{
	u64 *found = arg;

	while (!load_acquire(&stop)) {
		struct partition *p = partition_find(load_relaxed(&sought));

		if (!p)
			continue;
		++*found;
		/* It is whole as long as we refer to it. */
		assert(load_relaxed(&p->parent) == &root);
		partition_put(p);
	}
	return NULL;
}

/* Each deleted partition is given back once, by whoever is the last. */
static void test_found_while_deleted(void **state)
{
	pthread_t thread;
	u64 found = 0;
	u32 rounds = 0;

	(void)state;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, finder, &found), 0);
	for (; rounds < 20000; rounds++) {
		store_relaxed(&sought, add(rounds % 4));
		partition_table_remove(&children[rounds % 4]);
		while (load_acquire(&times_given) <= rounds)
			cpu_pause();
		assert_int_equal(children[rounds % 4].references, 0);
	}
	store_release(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(times_given, rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_root, setup),
		cmocka_unit_test_setup(test_references, setup),
		cmocka_unit_test_setup(test_ids_come_round, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_children, setup),
		cmocka_unit_test_setup(test_found_while_deleted, setup),
	};

	return cmocka_run_group_tests(tests, add_root, NULL);
}
