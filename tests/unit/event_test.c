/* SPDX-License-Identifier: MIT */
/*
 * Merging of exceptions: the whole of SDM volume 3, table 6-5, each class by
 * all of its vectors, and the double fault's own row.
 * sources: hypervisor/event.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hypervisor/event.h"
#include "x86/desc.h"

enum result { NEXT, DOUBLE, SHUTDOWN };

static const u8 benign[] = { VEC_DB, VEC_NMI, VEC_BP, VEC_OF, VEC_BR, VEC_UD, VEC_NM, 9, VEC_MF,
	VEC_AC, VEC_MC, VEC_XM };
static const u8 contributory[] = { VEC_DE, VEC_TS, VEC_NP, VEC_SS, VEC_GP, VEC_CP };
static const u8 page_fault[] = { VEC_PF, VEC_VE };
static const u8 double_fault[] = { VEC_DF };

static const struct class
{
	const u8 *vectors;
	size_t count;
} classes[] = {
	{ benign, sizeof(benign) },
	{ contributory, sizeof(contributory) },
	{ page_fault, sizeof(page_fault) },
	{ double_fault, sizeof(double_fault) },
};

/* As the table is printed: rows the first exception, columns the second. */
static const enum result expected[4][3] = {
	{ NEXT, NEXT, NEXT },
	{ NEXT, DOUBLE, NEXT },
	{ NEXT, DOUBLE, DOUBLE },
	{ NEXT, SHUTDOWN, SHUTDOWN },
};

static struct event exception(u8 vector)
{
	return (struct event){
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = vector == VEC_GP || vector == VEC_PF,
		.error = 0x1234u + vector,
	};
}

static void check_same(const struct event *a, const struct event *b)
{
	assert_int_equal(a->valid, b->valid);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->vector, b->vector);
	assert_int_equal(a->has_error, b->has_error);
	assert_int_equal(a->error, b->error);
}

static void check_pair(u8 first, u8 second, enum result result)
{
	struct event pending = exception(first);
	struct event before = pending;
	struct event next = exception(second);
	bool ok = event_merge(&pending, &next);

	assert_int_equal(ok, result != SHUTDOWN);
	if (result == NEXT) {
		check_same(&pending, &next);
	} else if (result == DOUBLE) {
		assert_true(pending.valid);
		assert_int_equal(pending.type, EVENT_EXCEPTION);
		assert_int_equal(pending.vector, VEC_DF);
		assert_true(pending.has_error);
		assert_int_equal(pending.error, 0);
	} else {
		check_same(&pending, &before);
	}
}

static void test_table(void **state)
{
	(void)state;
	for (size_t row = 0; row < 4; row++)
		for (size_t column = 0; column < 3; column++)
			for (size_t i = 0; i < classes[row].count; i++)
				for (size_t j = 0; j < classes[column].count; j++)
					check_pair(classes[row].vectors[i],
						classes[column].vectors[j], expected[row][column]);
}

static void test_nothing_pending(void **state)
{
	(void)state;
	for (u32 vector = 0; vector < 32; vector++) {
		/* What the fields held before does not count. */
		struct event pending = exception(VEC_DF);
		struct event next = exception((u8)vector);

		pending.valid = false;
		assert_true(event_merge(&pending, &next));
		check_same(&pending, &next);
	}
}

/* Interrupts, NMIs and INT n are benign whatever their vector. */
static void test_interrupts_are_benign(void **state)
{
	static const u8 types[] = { EVENT_EXTERNAL, EVENT_NMI, EVENT_SOFTWARE_INT,
		EVENT_PRIV_SOFTWARE_EXCEPTION, EVENT_SOFTWARE_EXCEPTION };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++)
		for (u32 vector = 0; vector < 256; vector++) {
			struct event pending = {
				.valid = true, .type = types[i], .vector = (u8)vector
			};
			struct event next = exception(VEC_GP);

			assert_true(event_merge(&pending, &next));
			check_same(&pending, &next);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_nothing_pending),
		cmocka_unit_test(test_interrupts_are_benign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
