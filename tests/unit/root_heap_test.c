/* SPDX-License-Identifier: MIT */
/*
 * The heap: sizes and alignment, contents kept apart, memory given back, and
 * the poison that finds use after free and double free.
 * sources: rootpart/heap.c rootpart/page_alloc.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "tests/unit/fake_root.h"

#define OBJECTS 2000

static int group_setup(void **state)
{
	(void)state;
	fake_memory(64 * MIB);
	assert_int_equal(page_add_range(GPA(MIB), 63 * MIB), 0);
	return 0;
}

static void sizes(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 20000; size += size / 7 + 1) {
		size_t align = 16;
		u8 *p = kmalloc(size);

		while (align < size && align < PAGE_SIZE)
			align *= 2;
		assert_non_null(p);
		assert_true(IS_ALIGNED(p, align));
		memset(p, 0x5a, size);
		kfree(p);
	}
	assert_null(kmalloc(0));
	assert_null(kmalloc(GIB + 1));
	assert_null(kmalloc(GIB));
	kfree(NULL);
}

static void zeroed(void **state)
{
	static const u8 zeros[3000];
	u8 *p = kmalloc(3000);

	(void)state;
	memset(p, 0xff, 3000);
	kfree(p);
	p = kzalloc(3000);
	assert_memory_equal(p, zeros, 3000);
	kfree(p);
	p = kzalloc(100);
	assert_memory_equal(p, zeros, 100);
	kfree(p);
}

struct object {
	u8 *p;
	size_t size;
};

static void object_end(struct object *o, u8 mark)
{
	for (size_t i = 0; i < o->size; i++)
		assert_int_equal(o->p[i], mark);
	kfree(o->p);
	o->p = NULL;
}

static void random_objects(void **state)
{
	static struct object objects[OBJECTS];
	u64 at_start = page_stats_get().free;

	(void)state;
	srand(2);
	for (u32 step = 0; step < 100000; step++) {
		u32 i = (u32)rand() % OBJECTS;
		struct object *o = &objects[i];

		if (o->p != NULL) {
			object_end(o, (u8)i);
			continue;
		}
		o->size = (size_t)rand() % (rand() % 50 == 0 ? 9000 : 500) + 1;
		o->p = kmalloc(o->size);
		assert_non_null(o->p);
		memset(o->p, (u8)i, o->size);
	}
	for (u32 i = 0; i < OBJECTS; i++) {
		if (objects[i].p != NULL)
			object_end(&objects[i], (u8)i);
	}
	/* A class keeps no more than one empty page. */
	assert_true(page_stats_get().free + 8 >= at_start);
}

static void poison(void **state)
{
	u8 *p = kmalloc(200);

	(void)state;
	memset(p, 1, 200);
	kfree(p);
	for (u32 i = 8; i < 200; i++)
		assert_int_equal(p[i], HEAP_POISON);
	p[100] = 7;
	assert_true(fails_assert((void)!kmalloc(200)));
	p[100] = HEAP_POISON;
	kfree(kmalloc(200));
}

static void double_free(void **state)
{
	u8 *p = kmalloc(64);
	u8 *q = kmalloc(64);

	(void)state;
	kfree(p);
	assert_true(fails_assert(kfree(p)));
	assert_true(fails_assert(kfree(q + 16)));
	/* Contents that look like poison are not taken for freed memory. */
	memset(q, HEAP_POISON, 64);
	kfree(q);
	assert_true(fails_assert(kfree(q)));
}

static void foreign_free(void **state)
{
	u8 *p = kmalloc(3 * PAGE_SIZE);

	(void)state;
	assert_true(fails_assert(kfree(gpa_ptr(GPA(PAGE_SIZE)))));
	assert_true(fails_assert(kfree(p + PAGE_SIZE)));
	kfree(p);
	assert_true(fails_assert(kfree(p)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(random_objects),
		cmocka_unit_test(poison),
		cmocka_unit_test(double_free),
		cmocka_unit_test(foreign_free),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
