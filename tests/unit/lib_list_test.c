/* SPDX-License-Identifier: MIT */
/*
 * lib/list.h: order, removal, emptiness.
 * sources:
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/list.h"

struct item {
	int number;
	struct list_node link;
};

static struct item items[4];
static struct list_node head;

static int make_items(void **state)
{
	(void)state;
	list_init(&head);
	for (int i = 0; i < 4; i++) {
		items[i].number = i;
		list_init(&items[i].link);
	}
	return 0;
}

/* The numbers on the list as decimal digits, forwards; checks both links. */
static int digits(void)
{
	int value = 0;

	list_for_each(n, &head)
	{
		assert_ptr_equal(n->next->prev, n);
		assert_ptr_equal(n->prev->next, n);
		value = value * 10 + list_entry(n, struct item, link)->number;
	}
	return value;
}

static void order_is_kept(void **state)
{
	(void)state;
	assert_true(list_empty(&head));
	list_push_back(&head, &items[1].link);
	list_push_back(&head, &items[2].link);
	list_push_front(&head, &items[3].link);
	assert_int_equal(digits(), 312);
	list_insert_before(&items[1].link, &items[0].link);
	assert_int_equal(digits(), 3012);
	assert_false(list_empty(&head));
}

static void removal_leaves_the_others(void **state)
{
	(void)state;
	for (int i = 1; i < 4; i++)
		list_push_back(&head, &items[i].link);
	list_remove(&items[2].link);
	assert_int_equal(digits(), 13);
	assert_true(list_empty(&items[2].link));
	list_remove(&items[2].link);
	assert_int_equal(digits(), 13);
	list_push_back(&head, &items[2].link);
	assert_int_equal(digits(), 132);
}

static void pop_drains(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		list_push_back(&head, &items[i].link);
	for (int i = 0; i < 4; i++) {
		struct list_node *n = list_pop_front(&head);

		assert_ptr_equal(n, &items[i].link);
		assert_true(list_empty(n));
	}
	assert_null(list_pop_front(&head));
	assert_true(list_empty(&head));
}

static void initialiser_is_empty(void **state)
{
	struct list_node fresh = LIST_INIT(fresh);

	(void)state;
	assert_true(list_empty(&fresh));
	assert_null(list_pop_front(&fresh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(order_is_kept, make_items),
		cmocka_unit_test_setup(removal_leaves_the_others, make_items),
		cmocka_unit_test_setup(pop_drains, make_items),
		cmocka_unit_test(initialiser_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
