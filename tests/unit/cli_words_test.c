/* SPDX-License-Identifier: MIT */
/*
 * Command lines as words, words as options, quantities as text.
 * sources: rootpart/cli/words.c rootpart/cli/args.c rootpart/cli/units.c lib/format.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/cli/args.h"
#include "rootpart/cli/units.h"
#include "rootpart/cli/words.h"

static const struct {
	const char *line;
	const char *words; /* joined by '|'; NULL: a quote is not closed */
} lines[] = {
	{ "", "" },
	{ "   \t ", "" },
	{ "host", "host" },
	{ "  ls -l\t/boot  ", "ls|-l|/boot" },
	{ "echo 'a  b'", "echo|a  b" },
	{ "echo \"a  b\" c", "echo|a  b|c" },
	{ "echo \"it's\" 'say \"x\"'", "echo|it's|say \"x\"" },
	{ "a'b c'd\"e f\"", "ab cde f" },
	{ "'' \"\" x", "||x" },
	{ "echo 'a\\'", "echo|a\\" },
	{ "echo # not this", "echo" },
	{ "# nothing", "" },
	{ "echo a#b '#c'", "echo|a#b|#c" },
	{ "echo 'open", NULL },
	{ "echo \"open'", NULL },
	{ "'", NULL },
};

static void lines_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[64], joined[64] = "";
		char *words[8];
		int count;

		strcpy(line, lines[i].line);
		count = words_split(line, words, 8);
		if (lines[i].words == NULL) {
			assert_int_equal(count, -EINVAL);
			continue;
		}
		assert_true(count >= 0);
		for (int w = 0; w < count; w++) {
			strcat(joined, w > 0 ? "|" : "");
			strcat(joined, words[w]);
		}
		assert_string_equal(joined, lines[i].words);
	}
}

static void too_many_words(void **state)
{
	char three[] = "a b c", four[] = "a b c d";
	char *words[3];

	(void)state;
	assert_int_equal(words_split(three, words, 3), 3);
	assert_int_equal(words_split(four, words, 3), -E2BIG);
}

static const struct cli_option options[] = {
	{ .name = "json" },
	{ .name = "long", .letter = 'l' },
	{ .name = "count", .value = "N", .letter = 'n' },
};

static struct cli_args args;
static char why[128];

static int parse(const char *text)
{
	static char line[256];
	static char *words[WORDS_MAX];
	int count;

	strcpy(line, text);
	count = words_split(line, words, WORDS_MAX);
	assert_true(count >= 0);
	return args_parse(options, ARRAY_SIZE(options), words, (u32)count, &args, why, sizeof(why));
}

static void options_are_found(void **state)
{
	(void)state;
	assert_int_equal(parse("a --json b --count 3 c"), 0);
	assert_int_equal(args.count, 3);
	assert_string_equal(args.words[1], "b");
	assert_true(args_has(&args, "json"));
	assert_false(args_has(&args, "long"));
	assert_string_equal(args_value(&args, "count"), "3");
	assert_int_equal(parse("--count=3 --count=4 -l"), 0);
	assert_string_equal(args_value(&args, "count"), "4");
	assert_true(args_has(&args, "long"));
	assert_int_equal(args.given_count, 3);
	assert_int_equal(parse("-ln 7"), 0);
	assert_string_equal(args_value(&args, "count"), "7");
	assert_int_equal(parse("--count="), 0);
	assert_string_equal(args_value(&args, "count"), "");
	assert_int_equal(parse("--count --json"), 0);
	assert_string_equal(args_value(&args, "count"), "--json");
	assert_false(args_has(&args, "json"));
	assert_int_equal(parse("- -- --json -l"), 0);
	assert_int_equal(args.count, 3);
	assert_string_equal(args.words[0], "-");
	assert_string_equal(args.words[2], "-l");
	assert_null(args_value(&args, "count"));
}

static const struct {
	const char *line;
	const char *why;
} wrong[] = {
	{ "--nope", "no option --nope" },
	{ "--jso", "no option --jso" },
	{ "--jsonx=1", "no option --jsonx" },
	{ "--=1", "no option --" },
	{ "--json=1", "option --json takes no value" },
	{ "a --count", "option --count needs N" },
	{ "-x", "no option -x" },
	{ "-lx", "no option -x" },
	{ "-n", "option --count needs N" },
	{ "-llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll",
		"too many options" },
};

static void wrong_options_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(parse(wrong[i].line), -EINVAL);
		assert_string_equal(why, wrong[i].why);
	}
}

static void quantities(void **state)
{
	static const struct {
		u64 bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 2047, "1.9 KiB" },
		{ 512 * MIB, "512 MiB" },
		{ 511 * MIB + 900 * KIB, "511 MiB" },
		{ 16 * GIB, "16 GiB" },
		{ ~0ull, "15.9 EiB" },
	};
	static const struct {
		u64 ms;
		const char *text;
	} times[] = {
		{ 7, "0.007 s" },
		{ 59999, "59.999 s" },
		{ 61000, "1 min 1 s" },
		{ 3661000, "1 h 1 min 1 s" },
		{ 90060000, "1 d 1 h 1 min" },
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_string_equal(units_bytes(sizes[i].bytes, text), sizes[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_string_equal(units_time(times[i].ms, text), times[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_split),
		cmocka_unit_test(too_many_words),
		cmocka_unit_test(options_are_found),
		cmocka_unit_test(wrong_options_are_told),
		cmocka_unit_test(quantities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
