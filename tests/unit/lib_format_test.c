/* SPDX-License-Identifier: MIT */
/*
 * lib/format.c against the host's snprintf(), and where C leaves a choice,
 * against what we chose.
 * sources: lib/format.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/format.h"

/* Through a pointer, as some formats below are wrong on purpose. */
static int (*volatile print)(char *, size_t, const char *, ...) = format;

#define SAME(...)                                                               \
	do {                                                                    \
		char ours_[128], theirs_[128];                                  \
		int n_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);       \
		assert_int_equal(print(ours_, sizeof(ours_), __VA_ARGS__), n_); \
		assert_string_equal(ours_, theirs_);                            \
	} while (0)

#define GIVES(text, ...)                                                                           \
	do {                                                                                       \
		char ours_[128];                                                                   \
		assert_int_equal(print(ours_, sizeof(ours_), __VA_ARGS__), (int)sizeof(text) - 1); \
		assert_string_equal(ours_, text);                                                  \
	} while (0)

static const char *const flags[] = { "", "-", "0", "+", " ", "#", "-0", "0+", "- ", "#0", "+-#0 " };
static const char *const widths[] = { "", "1", "7", "24" };
static const char *const precisions[] = { "", ".", ".0", ".1", ".6", ".22" };
static const long long values[] = { 0, 1, -1, 9, 10, 255, 256, -128, 32768, 65535, 123456789,
	INT32_MIN, INT32_MAX, UINT32_MAX, INT64_MIN, INT64_MAX };

static void compare_all_values(const char *flag, const char *width, const char *precision)
{
	static const char *const sizes[] = { "hh", "h", "", "l", "ll", "z" };
	static const char conversions[] = "diuxX";
	char fmt[32];

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (const char *c = conversions; *c != '\0'; c++) {
			snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s%c>", flag, width, precision,
				sizes[s], *c);
			for (size_t v = 0; v < ARRAY_SIZE(values); v++)
				SAME(fmt, values[v]);
		}
	}
}

static void compare_strings(const char *flag, const char *width, const char *precision)
{
	static const char *const strings[] = { "", "x", "seven77", "twenty-five characters ab" };
	char fmt[32];

	/* Only '-' is defined for these. */
	if (flag[0] != '\0' && flag[0] != '-')
		return;
	snprintf(fmt, sizeof(fmt), "[%%%s%s%ss]", flag[0] == '-' ? "-" : "", width, precision);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		SAME(fmt, strings[i]);
	snprintf(fmt, sizeof(fmt), "[%%%s%sc]", flag[0] == '-' ? "-" : "", width);
	SAME(fmt, 'q');
}

static void every_combination_matches_the_hosts(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
			for (size_t p = 0; p < ARRAY_SIZE(precisions); p++) {
				compare_all_values(flags[f], widths[w], precisions[p]);
				compare_strings(flags[f], widths[w], precisions[p]);
			}
		}
	}
}

static void stars_take_arguments(void **state)
{
	(void)state;
	SAME("%*d|%-*d|%*d", 6, 1, 6, 2, -6, 3);
	SAME("%.*s|%.*s|%*.*x", 2, "abc", -1, "abc", 8, 3, 0x2a);
	SAME("%d %s %c %%%u", -5, "mixed", 'z', 7u);
}

static void pointers_and_null_have_our_form(void **state)
{
	(void)state;
	GIVES("0x0", "%p", NULL);
	GIVES("0xffff800000001000", "%p", (void *)0xffff800000001000);
	GIVES("    0x1f", "%8p", (void *)0x1f);
	GIVES("(null)", "%s", (char *)NULL);
}

static void unknown_conversions_stay(void **state)
{
	(void)state;
	GIVES("%q 1", "%q %d", 1);
	GIVES("%", "%");
	GIVES("100%", "100%");
	GIVES("%-5", "%-5");
	GIVES("%5.2f", "%5.2f");
	GIVES("%n", "%n");
}

static void string_precision_reads_no_further(void **state)
{
	char *three = malloc(3);

	(void)state;
	three[0] = three[1] = three[2] = 'y';
	GIVES("yyy", "%.3s", three);
	free(three);
}

static void cut_text_keeps_its_length(void **state)
{
	for (size_t size = 0; size < 12; size++) {
		char *buf = malloc(size + 1);

		buf[size] = '!';
		assert_int_equal(print(buf, size, "ab%5d%s", 42, "cde"), 10);
		assert_int_equal(buf[size], '!');
		if (size > 0)
			assert_memory_equal(buf, "ab   42cde", size - 1 < 10 ? size - 1 : 10);
		if (size > 0)
			assert_int_equal(buf[size - 1 < 10 ? size - 1 : 10], '\0');
		free(buf);
	}
	assert_int_equal(print(NULL, 0, "%s", "four"), 4);
	(void)state;
}

static void huge_widths_are_cheap_and_bounded(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(print(buf, sizeof(buf), "%2000000000d", 1), 1073741810);
	assert_string_equal(buf, "       ");
	assert_int_equal(
		print(buf, sizeof(buf), "%*d%*d%*d", INT32_MAX, 1, INT32_MIN, 1, INT32_MAX, 1),
		INT32_MAX);
	assert_int_equal(print(buf, sizeof(buf), "%.*d", INT32_MAX, 1), INT32_MAX / 2);
	assert_string_equal(buf, "0000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_matches_the_hosts),
		cmocka_unit_test(stars_take_arguments),
		cmocka_unit_test(pointers_and_null_have_our_form),
		cmocka_unit_test(unknown_conversions_stay),
		cmocka_unit_test(string_precision_reads_no_further),
		cmocka_unit_test(cut_text_keeps_its_length),
		cmocka_unit_test(huge_widths_are_cheap_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
