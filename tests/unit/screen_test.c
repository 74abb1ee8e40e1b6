/* SPDX-License-Identifier: MIT */
/*
 * The text screen: characters and control codes on VGA text memory, wrapping
 * and scrolling, the cursor, and pixels of every depth on a framebuffer.
 * sources: lib/screen.c lib/font.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/font.h"
#include "lib/screen.h"

#define COLUMNS 20u
#define ROWS    4u

static u8 memory[1 << 20];
static struct screen s;

static int setup_text(void **state)
{
	(void)state;
	memset(memory, 0xee, sizeof(memory));
	s = (struct screen){ .kind = SCREEN_VGA_TEXT,
		.memory = memory,
		.width = COLUMNS,
		.height = ROWS,
		.pitch = 2 * COLUMNS };
	screen_init(&s);
	return 0;
}

static void put(const char *text)
{
	screen_write(&s, text, strlen(text));
}

static void row_is(u32 row, const char *text)
{
	for (u32 x = 0; x < COLUMNS; x++) {
		char c = x < strlen(text) ? text[x] : ' ';

		if (memory[2 * (row * COLUMNS + x)] != (u8)c)
			fail_msg("row %u column %u is '%c', not '%c'", row, x,
				memory[2 * (row * COLUMNS + x)], c);
	}
}

static void test_plain(void **state)
{
	(void)state;
	for (u32 y = 0; y < ROWS; y++)
		row_is(y, "");
	put("hello\nworld");
	row_is(0, "hello");
	row_is(1, "world");
	assert_int_equal(s.row, 1);
	assert_int_equal(s.column, 5);
	/* Nothing was written behind the screen. */
	assert_int_equal(memory[2 * COLUMNS * ROWS], 0xee);
}

static void test_controls(void **state)
{
	(void)state;
	put("abc\b\bX\rY");
	row_is(0, "YXc");
	put("\r\tT");
	row_is(0, "        T");
	put("\b\b\b\b\b\b\b\b\b\b\b\b");
	assert_int_equal(s.column, 0);
	put("\x1b\x7f\x01");
	assert_int_equal(s.column, 0);
	put("\f");
	row_is(0, "");
	assert_int_equal(s.row, 0);
}

static void test_wrap_and_scroll(void **state)
{
	(void)state;
	put("0123456789abcdefghijK");
	row_is(0, "0123456789abcdefghij");
	row_is(1, "K");
	put("\nthree\nfour\nfive");
	row_is(0, "K");
	row_is(1, "three");
	row_is(2, "four");
	row_is(3, "five");
	/* The last cell of all scrolls as well. */
	put("\n0123456789abcdefghij");
	row_is(0, "four");
	row_is(2, "0123456789abcdefghij");
	row_is(3, "");
}

static void test_cursor(void **state)
{
	u8 plain;

	(void)state;
	put("ab");
	plain = memory[2 * 2 + 1];
	screen_cursor(&s, true);
	assert_int_not_equal(memory[2 * 2 + 1], plain);
	put("c");
	assert_int_equal(memory[2 * 2 + 1], plain);
	assert_int_not_equal(memory[2 * 3 + 1], plain);
	screen_cursor(&s, false);
	assert_int_equal(memory[2 * 3 + 1], plain);
}

static void test_unusable(void **state)
{
	(void)state;
	s = (struct screen){
		.kind = SCREEN_RGB, .memory = NULL, .width = 640, .height = 480, .bpp = 8
	};
	screen_init(&s);
	assert_int_equal(s.kind, SCREEN_NONE);
	put("goes nowhere\n");
	screen_cursor(&s, true);
	s = (struct screen){ .kind = SCREEN_RGB,
		.width = 4,
		.height = 4,
		.bpp = 32,
		.red = { 16, 8 },
		.green = { 8, 8 },
		.blue = { 0, 8 } };
	screen_init(&s);
	assert_int_equal(s.kind, SCREEN_NONE);
}

static const struct depth {
	u8 bpp;
	struct screen_colour red, green, blue;
	u32 ink;
} depths[] = {
	{ 15, { 10, 5 }, { 5, 5 }, { 0, 5 }, 0x6739 },
	{ 16, { 11, 5 }, { 5, 6 }, { 0, 5 }, 0xce59 },
	{ 24, { 16, 8 }, { 8, 8 }, { 0, 8 }, 0xc8c8c8 },
	{ 32, { 0, 8 }, { 8, 8 }, { 16, 8 }, 0xc8c8c8 },
};

static u32 pixel(u32 x, u32 y, u32 bytes)
{
	u32 v = 0;

	memcpy(&v, memory + y * s.pitch + x * bytes, bytes);
	return v;
}

static void check_depth(const struct depth *d)
{
	u32 bytes = (d->bpp + 7u) / 8;
	const u8 *glyph = font_glyph('R');

	memset(memory, 0xee, sizeof(memory));
	s = (struct screen){ .kind = SCREEN_RGB,
		.memory = memory,
		.width = 100, /* 12 columns, and pixels that belong to none */
		.height = 50,
		.pitch = 100 * bytes + 4,
		.bpp = d->bpp,
		.red = d->red,
		.green = d->green,
		.blue = d->blue };
	screen_init(&s);
	assert_int_equal(s.kind, SCREEN_RGB);
	assert_int_equal(s.columns, 12);
	assert_int_equal(s.rows, 3);
	put(" \n R");
	for (u32 y = 0; y < FONT_HEIGHT; y++)
		for (u32 x = 0; x < FONT_WIDTH; x++)
			assert_int_equal(pixel(FONT_WIDTH + x, FONT_HEIGHT + y, bytes),
				glyph[y] & (0x80u >> x) ? d->ink : 0);
	/* Between the lines' ends and behind the last line nothing is touched. */
	assert_int_equal(memory[100 * bytes], 0xee);
	assert_int_equal(memory[50 * s.pitch], 0xee);
}

static void test_depths(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(depths); i++)
		check_depth(&depths[i]);
}

/* More than there are cells for. The sanitizer sees what is drawn outside. */
static void test_large(void **state)
{
	const u32 width = FONT_WIDTH * (SCREEN_MAX_COLUMNS + 5) + 3;
	const u32 height = FONT_HEIGHT * (SCREEN_MAX_ROWS + 5) + 3;
	u8 *pixels = malloc(4 * (size_t)width * height);

	(void)state;
	assert_non_null(pixels);
	s = (struct screen){ .kind = SCREEN_RGB,
		.memory = pixels,
		.width = width,
		.height = height,
		.pitch = 4 * width,
		.bpp = 32,
		.red = { 16, 8 },
		.green = { 8, 8 },
		.blue = { 0, 8 } };
	screen_init(&s);
	assert_int_equal(s.columns, SCREEN_MAX_COLUMNS);
	assert_int_equal(s.rows, SCREEN_MAX_ROWS);
	for (u32 i = 0; i < SCREEN_MAX_ROWS + 5; i++)
		put("a line of text\n");
	for (u32 i = 0; i < SCREEN_MAX_COLUMNS + 5; i++)
		put("x");
	screen_cursor(&s, true);
	free(pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, setup_text),
		cmocka_unit_test_setup(test_controls, setup_text),
		cmocka_unit_test_setup(test_wrap_and_scroll, setup_text),
		cmocka_unit_test_setup(test_cursor, setup_text),
		cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
