/* SPDX-License-Identifier: MIT */
/*
 * lib/cmdline.c: words, options, quotes.
 * sources: lib/cmdline.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/cmdline.h"

static const struct {
	const char *line;
	const char *name;
	int err;
	const char *value;
} options[] = {
	{ "", "a", -ENOENT, "old" },
	{ "   ", "a", -ENOENT, "old" },
	{ "a", "a", 0, "" },
	{ "a=", "a", 0, "" },
	{ "a=1", "a", 0, "1" },
	{ "a=b=c", "a", 0, "b=c" },
	{ "aa=1", "a", -ENOENT, "old" },
	{ "a=1", "aa", -ENOENT, "old" },
	{ "b=a a=2", "a", 0, "2" },
	{ "a=1 b a=2 c", "a", 0, "2" },
	{ "a=1 a", "a", 0, "" },
	{ "  console=com1   loglevel=3 ", "console", 0, "com1" },
	{ "  console=com1   loglevel=3 ", "loglevel", 0, "3" },
	{ "  console=com1   loglevel=3 ", "log", -ENOENT, "old" },
	{ "a=\"x y\" b", "a", 0, "x y" },
	{ "\"a=x y\" b", "a", 0, "x y" },
	{ "a=x\" \"y", "a", 0, "x y" },
	{ "\"b a=1\" c", "a", -ENOENT, "old" },
	{ "b=\"q a=1\" c", "c", 0, "" },
	{ "a=\"op b=1", "a", 0, "op b=1" },
	{ "a=\"\"", "a", 0, "" },
	{ "a=1234567", "a", 0, "1234567" },
	{ "a=12345678", "a", -E2BIG, "1234567" },
	{ "a=12345678 a=1", "a", 0, "1" },
	{ "a=1 a=12345678", "a", -E2BIG, "1234567" },
};

static void options_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char value[8] = "old";
		int present = options[i].err == -E2BIG ? 0 : options[i].err;

		assert_int_equal(
			cmdline_get(options[i].line, options[i].name, value, sizeof(value)),
			options[i].err);
		assert_string_equal(value, options[i].value);
		assert_int_equal(cmdline_get(options[i].line, options[i].name, NULL, 0), present);
	}
}

static void words_are_walked(void **state)
{
	static const char *const words[] = { "one", "two words", "", "cut-to-", "last" };
	const char *pos = "  one \"two words\" \"\" cut-to-fit   last";
	char word[8 + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		assert_true(cmdline_next(&pos, word, i == 3 ? 8 : sizeof(word)));
		assert_string_equal(word, words[i]);
	}
	assert_false(cmdline_next(&pos, word, sizeof(word)));
	assert_false(cmdline_next(&pos, word, sizeof(word)));
	assert_string_equal(word, "last");
	assert_int_equal(*pos, '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found),
		cmocka_unit_test(words_are_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
