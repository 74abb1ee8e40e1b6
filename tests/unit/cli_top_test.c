/* SPDX-License-Identifier: MIT */
/*
 * What top, trace and log make of the hypervisor's counters and rings.
 * sources: rootpart/cli/top.c rootpart/cli/trace_text.c rootpart/log_reader.c lib/format.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootpart/cli/top.h"
#include "rootpart/cli/trace_text.h"
#include "rootpart/log_reader.h"

#define HZ 2000000000ull

static void shares(void **state)
{
	(void)state;
	assert_int_equal(top_share(0, 0), 0);
	assert_int_equal(top_share(1, 0), 0);
	assert_int_equal(top_share(0, 5), 0);
	assert_int_equal(top_share(5, 5), 1000);
	assert_int_equal(top_share(9, 5), 1000);
	assert_int_equal(top_share(1, 3), 333);
	assert_int_equal(top_share(1ull << 62, 1ull << 63), 500);
}

static void a_second_of_counters(void **state)
{
	u64 counters[HV_VP_COUNTER_MAX] = { 0 };
	struct top_sample old, new;
	struct top_row row;
	char text[128];

	(void)state;
	top_take(&old, counters, 1000);
	counters[HV_VP_COUNTER_TOTAL_RUN_TIME] = HZ / 4 * 2;
	counters[HV_VP_COUNTER_HYPERVISOR_TIME] = HZ / 10 * 2;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_HLT] = 80;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_IO] = 7;
	counters[HV_VP_COUNTER_EXITS + 2 * EXIT_CPUID] = 200;
	top_take(&new, counters, 1000 + 2 * HZ);
	top_compare(&row, &old, &new, HZ);
	assert_int_equal(row.guest, 150);
	assert_int_equal(row.hypervisor, 100);
	assert_int_equal(row.idle, 750);
	assert_int_equal(row.busy, HZ / 4);
	assert_int_equal(row.exits, 144);
	top_kinds(&row, 2, text, sizeof(text));
	assert_string_equal(text, "cpuid 100, hlt 40");
	top_kinds(&row, 9, text, sizeof(text));
	assert_string_equal(text, "cpuid 100, hlt 40, io 4");
	top_kinds(&row, 9, text, 10);
	assert_string_equal(text, "cpuid 100");
	/* Backwards, or no time at all: nothing, and no division by zero. */
	top_compare(&row, &new, &old, HZ);
	assert_int_equal(row.exits, 0);
	assert_int_equal(row.idle, 1000);
	top_kinds(&row, 9, text, sizeof(text));
	assert_string_equal(text, "");
}

static void rates_do_not_overflow(void **state)
{
	struct top_sample old = { 0 }, new = { .tsc = 1ull << 40 };
	struct top_row row;

	(void)state;
	new.exits[EXIT_IO] = 1ull << 40;
	top_compare(&row, &old, &new, HZ);
	assert_int_equal(row.exits, HZ);
}

static void trace_records(void **state)
{
	static const struct {
		struct trace_record r;
		const char *text;
	} rows[] = {
		{ { .event = TRACE_EXIT, .a = 0x1000, .b = EXIT_HLT }, "hlt rip=0x1000" },
		{ { .event = TRACE_EXIT, .a = 1, .b = EXIT_IO | 0x7b00 }, "io rip=0x1 port=0x7b" },
		{ { .event = TRACE_EXIT, .a = 1, .b = 0xff }, "unknown rip=0x1" },
		{ { .event = TRACE_INJECT, .a = 2, .b = 0x300 | 0x31 },
			"vector=0x31 type=3 rip=0x2" },
		{ { .event = TRACE_IRQ, .a = 0x24 }, "vector=0x24" },
		{ { .event = TRACE_HYPERCALL, .a = 0x1000d, .b = 5 },
			"code=0xd control=0x1000d result=0x5" },
		{ { .event = TRACE_IPI, .a = 3, .b = 0xf1 }, "target=3 icr=0xf1" },
		{ { .event = TRACE_VP_START, .a = 1, .b = 0x9000 }, "vp=1 rip=0x9000" },
		{ { .event = TRACE_FAULT, .a = 0xfee00000, .b = 2 }, "gpa=0xfee00000 access=0x2" },
		{ { .event = TRACE_INTERCEPT, .a = 0x80010000, .b = 0x9000 },
			"message=0x80010000 rip=0x9000" },
		{ { .event = 99, .a = 1, .b = 2 }, "a=0x1 b=0x2" },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		trace_detail(&rows[i].r, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
	for (u32 i = 0; i < TRACE_EVENT_COUNT; i++)
		assert_non_null(trace_event_name(i));
	assert_string_equal(trace_event_name(TRACE_EXIT), "exit");
	assert_string_equal(trace_event_name(TRACE_EVENT_COUNT), "unknown");
}

static void trace_rings_are_copied(void **state)
{
	struct trace_ring *ring = calloc(1, sizeof(*ring) + 8 * sizeof(ring->records[0]));
	struct trace_record out[16];

	(void)state;
	ring->size = 8;
	assert_int_equal(trace_copy(ring, out, 16), 0);
	for (u64 i = 0; i < 21; i++) {
		ring->records[i % 8].tsc = i;
		ring->head = i + 1;
		if (i == 2) {
			assert_int_equal(trace_copy(ring, out, 16), 3);
			assert_int_equal(out[0].tsc, 0);
			assert_int_equal(trace_copy(ring, out, 2), 2);
			assert_int_equal(out[0].tsc, 1);
		}
	}
	/* The oldest record's place is where the writer may be at work. */
	assert_int_equal(trace_copy(ring, out, 16), 7);
	assert_int_equal(out[0].tsc, 14);
	assert_int_equal(out[6].tsc, 20);
	free(ring);
}

#define TEXT_SIZE 1024u

static void log_append(struct log_ring *ring, const char *text)
{
	for (; *text != '\0'; text++)
		ring->text[ring->head++ % TEXT_SIZE] = *text;
}

static void log_lines(void **state)
{
	struct log_ring *ring = calloc(1, sizeof(*ring) + TEXT_SIZE);
	u64 at = log_reader_start((ring->size = TEXT_SIZE, ring));
	char line[LOG_LINE], text[32];

	(void)state;
	assert_false(log_reader_next(ring, &at, line, sizeof(line)));
	log_append(ring, "one\n\nthree\n");
	assert_true(log_reader_next(ring, &at, line, sizeof(line)));
	assert_string_equal(line, "one");
	assert_true(log_reader_next(ring, &at, line, sizeof(line)));
	assert_string_equal(line, "");
	assert_true(log_reader_next(ring, &at, line, 3));
	assert_string_equal(line, "th");
	assert_false(log_reader_next(ring, &at, line, sizeof(line)));
	/* Round and round; this reader's position is overwritten. */
	for (int i = 0; i < 500; i++) {
		sprintf(text, "line %d\n", i);
		log_append(ring, text);
	}
	assert_true(log_reader_next(ring, &at, line, sizeof(line)));
	assert_int_equal(strncmp(line, "line ", 5), 0);
	for (int i = atoi(line + 5) + 1; i < 500; i++) {
		sprintf(text, "line %d", i);
		assert_true(log_reader_next(ring, &at, line, sizeof(line)));
		assert_string_equal(line, text);
	}
	assert_false(log_reader_next(ring, &at, line, sizeof(line)));
	assert_int_equal(at, ring->head);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares),
		cmocka_unit_test(a_second_of_counters),
		cmocka_unit_test(rates_do_not_overflow),
		cmocka_unit_test(trace_records),
		cmocka_unit_test(trace_rings_are_copied),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
