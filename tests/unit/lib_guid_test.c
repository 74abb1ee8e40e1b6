/* SPDX-License-Identifier: MIT */
/*
 * lib/guid.c: both directions, and what is no GUID.
 * sources: lib/guid.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/guid.h"

#define TEXT "01234567-89ab-cdef-0123-456789abcdef"

static const struct guid binary = { { 0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23,
	0x45, 0x67, 0x89, 0xab, 0xcd, 0xef } };

static void text_and_binary_match(void **state)
{
	char text[GUID_TEXT_SIZE];
	struct guid g;

	(void)state;
	guid_format(&binary, text);
	assert_string_equal(text, TEXT);
	assert_int_equal(guid_parse(TEXT, &g), 0);
	assert_true(guid_equal(&g, &binary));
	assert_int_equal(guid_parse("01234567-89AB-CDEF-0123-456789ABCDEF", &g), 0);
	assert_true(guid_equal(&g, &binary));
}

static void every_byte_counts(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		struct guid g = binary;

		g.b[i] ^= 0x80;
		assert_false(guid_equal(&g, &binary));
	}
}

/* Every character of the text replaced by each that does not belong there. */
static void other_text_is_refused(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(TEXT); at++) {
		for (const char *c = "gG/:@`xz -{."; *c != '\0'; c++) {
			struct guid g = { { 7 } };
			char text[] = TEXT "x";

			if (text[at] == *c)
				continue;
			text[at] = *c;
			assert_int_equal(guid_parse(text, &g), -EINVAL);
			assert_int_equal(g.b[0], 7);
		}
	}
}

static void cut_text_is_refused_and_not_overrun(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(TEXT) - 1; len++) {
		char *text = strndup(TEXT, len);
		struct guid g;

		assert_int_equal(guid_parse(text, &g), -EINVAL);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_binary_match),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(other_text_is_refused),
		cmocka_unit_test(cut_text_is_refused_and_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
