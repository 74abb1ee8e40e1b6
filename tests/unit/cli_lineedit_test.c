/* SPDX-License-Identifier: MIT */
/*
 * The line editor: every key, on a terminal that must show the line and the
 * cursor where the editor believes them to be, after each byte.
 * sources: rootpart/cli/lineedit.c rootpart/cli/completion.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/terminal.h"

#define PROMPT "root> "
#define UP     "\033[A"
#define DOWN   "\033[B"
#define RIGHT  "\033[C"
#define LEFT   "\033[D"
#define HOME   "\033[H"
#define END    "\033[F"
#define DELETE "\033[3~"

static struct terminal terminal;
static struct line_editor editor;

/* Candidates that the editor's callback offers. */
static const char *const words[] = { "help", "host", "hostname", "dir/", NULL };

static void offer(void *ctx, const char *text, size_t cursor, struct completion *c)
{
	const char *const *all = ctx;
	char typed[64];

	c->from = cursor;
	while (c->from > 0 && text[c->from - 1] != ' ')
		c->from--;
	snprintf(typed, sizeof(typed), "%.*s", (int)(cursor - c->from), text + c->from);
	for (; *all != NULL; all++)
		completion_offer(c, typed, *all);
}

static int fresh(void **state)
{
	(void)state;
	memset(&terminal, 0, sizeof(terminal));
	memset(&editor, 0, sizeof(editor));
	terminal.out.write = terminal_write;
	editor.out = &terminal.out;
	editor.prompt = PROMPT;
	editor.complete = offer;
	editor.ctx = (void *)words;
	line_begin(&editor);
	return 0;
}

static void check_screen(void)
{
	char shown[2 * TERMINAL_CELLS], expected[2 * TERMINAL_CELLS];
	size_t len = (size_t)sprintf(expected, PROMPT "%s", editor.text);
	size_t columns = strlen(PROMPT);

	while (len > 0 && expected[len - 1] == ' ')
		expected[--len] = '\0';
	terminal_line(&terminal, shown);
	assert_string_equal(shown, expected);
	assert_int_equal(strlen(editor.text), editor.len);
	for (size_t i = 0; i < editor.cursor; i++)
		columns += ((unsigned char)editor.text[i] & 0xc0) != 0x80;
	assert_int_equal(terminal.cursor, columns);
}

/* Types @keys, none of which ends the line. */
static void type(const char *keys)
{
	for (; *keys != '\0'; keys++) {
		assert_int_equal(line_input(&editor, (u8)*keys), LINE_MORE);
		check_screen();
	}
}

static void expect(const char *text, size_t cursor)
{
	assert_string_equal(editor.text, text);
	assert_int_equal(editor.cursor, cursor);
}

static void enter(const char *line)
{
	type(line);
	assert_int_equal(line_input(&editor, '\r'), LINE_DONE);
	assert_string_equal(editor.text, line);
	line_begin(&editor);
}

static void keys_edit(void **state)
{
	static const struct {
		const char *keys;
		const char *text;
		size_t cursor;
	} rows[] = {
		{ "abc", "abc", 3 },
		{ "abc" LEFT "X", "abXc", 3 },
		{ "abc" LEFT LEFT LEFT LEFT "X", "Xabc", 1 },
		{ "abc" HOME "X" END "Y", "XabcY", 5 },
		{ "abc\001X\005Y", "XabcY", 5 },
		{ "abc\002\002X\006Y", "aXbYc", 4 },
		{ "abc\033OHX\033OFY", "XabcY", 5 },
		{ "abc\033[1~X\033[4~Y", "XabcY", 5 },
		{ "abc\033[7~X\033[8~Y", "XabcY", 5 },
		{ "abc" HOME RIGHT "X", "aXbc", 2 },
		{ "abc" RIGHT "X", "abcX", 4 },
		{ "abc\177", "ab", 2 },
		{ "abc\b", "ab", 2 },
		{ "abc" LEFT "\177", "ac", 1 },
		{ "\177\177x", "x", 1 },
		{ "abc" LEFT LEFT DELETE, "ac", 1 },
		{ "abc" DELETE, "abc", 3 },
		{ "one two" LEFT LEFT "\025", "wo", 0 },
		{ "one two" LEFT LEFT "\013", "one t", 5 },
		{ "one two\027", "one ", 4 },
		{ "one two  \027", "one ", 4 },
		{ "one two" LEFT "\027", "one o", 4 },
		{ "\027\025\013", "", 0 },
		{ "a\004\0351\033\033[Cb", "a1b", 3 },
		{ "a\033[1;5Cb", "ab", 2 },
		{ "a\033[99~\033Pb", "aPb", 3 },
		{ "a\033[\001X", "Xa", 1 },
		{ "gr\303\274n" LEFT LEFT "\177X", "gX\303\274n", 2 },
		{ "gr\303\274n" LEFT "\177X", "grXn", 3 },
		{ "gr\303\274n" HOME RIGHT RIGHT DELETE, "grn", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh(state);
		type(rows[i].keys);
		expect(rows[i].text, rows[i].cursor);
	}
}

static void enter_ends_the_line(void **state)
{
	(void)state;
	type("abc" LEFT);
	assert_int_equal(line_input(&editor, '\r'), LINE_DONE);
	assert_string_equal(editor.text, "abc");
	line_begin(&editor);
	/* The LF of a CR LF is the same key, one that comes later is not. */
	assert_int_equal(line_input(&editor, '\n'), LINE_MORE);
	assert_int_equal(line_input(&editor, '\n'), LINE_DONE);
	assert_string_equal(editor.text, "");
}

static void ctrl_c_gives_the_line_up(void **state)
{
	(void)state;
	type("abc");
	assert_int_equal(line_input(&editor, 3), LINE_ABANDONED);
	line_begin(&editor);
	check_screen();
	/* It does not go into the history. */
	type(UP);
	expect("", 0);
	assert_int_equal(terminal.bells, 1);
}

static void long_lines_ring_the_bell(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINE_MAX; i++)
		assert_int_equal(line_input(&editor, 'x'), LINE_MORE);
	check_screen();
	assert_int_equal(terminal.bells, 0);
	type("y" LEFT "z");
	assert_int_equal(terminal.bells, 2);
	assert_int_equal(editor.len, LINE_MAX);
	assert_int_equal(line_input(&editor, '\r'), LINE_DONE);
	assert_int_equal(strlen(editor.text), LINE_MAX);
	line_begin(&editor);
	type(UP);
	assert_int_equal(editor.len, LINE_MAX);
}

static void history_is_walked(void **state)
{
	(void)state;
	enter("first");
	enter("second line");
	enter("second line");
	enter("");
	type("ne" UP);
	expect("second line", 11);
	type("\020");
	expect("first", 5);
	type(UP);
	expect("first", 5);
	assert_int_equal(terminal.bells, 1);
	type(DOWN "\016");
	expect("ne", 2);
	type(DOWN);
	assert_int_equal(terminal.bells, 2);
	type("w" UP "!");
	expect("second line!", 12);
}

static void history_keeps_32_lines(void **state)
{
	char line[16];

	(void)state;
	for (int i = 0; i < 40; i++) {
		sprintf(line, "l%d", i);
		enter(line);
	}
	for (int i = 39; i >= 8; i--) {
		type(UP);
		sprintf(line, "l%d", i);
		assert_string_equal(editor.text, line);
	}
	type(UP);
	expect("l8", 2);
	assert_int_equal(terminal.bells, 1);
}

static void tab_completes(void **state)
{
	type("he\t");
	expect("help ", 5);
	type("h\t");
	expect("help h", 6);
	assert_int_equal(terminal.bells, 1);
	type("o\t");
	expect("help host", 9);
	fresh(state);
	type("d\t");
	expect("dir/", 4);
	type("x\t");
	assert_int_equal(terminal.bells, 1);
	fresh(state);
	type("h x" LEFT LEFT "e\t");
	expect("help  x", 5);
}

static void tab_twice_lists(void **state)
{
	(void)state;
	type("host\t");
	assert_int_equal(terminal.lines, 0);
	type("\t");
	assert_int_equal(terminal.lines, 2);
	assert_string_equal(editor.completion.list, "host  hostname");
	expect("host", 4);
	/* Another key between: a bell again first. */
	type("\177t\t");
	assert_int_equal(terminal.lines, 2);
}

static void nothing_to_complete_with(void **state)
{
	(void)state;
	editor.complete = NULL;
	type("a\t");
	expect("a", 1);
	assert_int_equal(terminal.bells, 1);
}

static void redraw_after_something_came_between(void **state)
{
	(void)state;
	type("some text" LEFT LEFT);
	terminal_write(&terminal.out, "\nnews\n", 6);
	line_redraw(&editor);
	check_screen();
	type("X");
	expect("some teXxt", 8);
}

static void candidates_are_bounded(void **state)
{
	static struct completion c;
	char word[COMPLETION_WORD + 8];

	(void)state;
	completion_begin(&c);
	memset(word, 'w', sizeof(word));
	word[COMPLETION_WORD] = '\0';
	completion_add(&c, word);
	assert_int_equal(c.count, 0);
	word[COMPLETION_WORD - 1] = '\0';
	for (int i = 0; i < 10; i++)
		completion_add(&c, word);
	assert_int_equal(c.count, 10);
	assert_string_equal(c.common, word);
	assert_true(strlen(c.list) < sizeof(c.list));
	assert_string_equal(c.list + strlen(c.list) - 3, "...");
	completion_add(&c, "v");
	assert_string_equal(c.common, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_edit, fresh),
		cmocka_unit_test_setup(enter_ends_the_line, fresh),
		cmocka_unit_test_setup(ctrl_c_gives_the_line_up, fresh),
		cmocka_unit_test_setup(long_lines_ring_the_bell, fresh),
		cmocka_unit_test_setup(history_is_walked, fresh),
		cmocka_unit_test_setup(history_keeps_32_lines, fresh),
		cmocka_unit_test_setup(tab_completes, fresh),
		cmocka_unit_test_setup(tab_twice_lists, fresh),
		cmocka_unit_test_setup(nothing_to_complete_with, fresh),
		cmocka_unit_test_setup(redraw_after_something_came_between, fresh),
		cmocka_unit_test(candidates_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
