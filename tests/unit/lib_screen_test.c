/* SPDX-License-Identifier: MIT */
/*
 * Text on a screen: what characters do on VGA text memory, and that nothing
 * is drawn outside of a framebuffer's pixels.
 * sources: lib/screen.c lib/font.c
 */
#include "lib/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS 10u
#define ROWS    3u
#define PITCH   24u /* two cells more than are shown */

static struct screen screen;
static u8 memory[ROWS * PITCH];

static int set_up(void **state)
{
	(void)state;
	memset(memory, 0xee, sizeof(memory));
	screen = (struct screen){
		.kind = SCREEN_VGA_TEXT,
		.memory = memory,
		.width = COLUMNS,
		.height = ROWS,
		.pitch = PITCH,
	};
	screen_init(&screen);
	return 0;
}

static void write_text(const char *text)
{
	screen_write(&screen, text, strlen(text));
}

static void check_row(u32 row, const char *text)
{
	for (u32 x = 0; x < COLUMNS; x++)
		assert_int_equal(memory[row * PITCH + 2 * x], x < strlen(text) ? text[x] : ' ');
	/* What lies behind the line is not ours. */
	for (u32 x = 2 * COLUMNS; x < PITCH; x++)
		assert_int_equal(memory[row * PITCH + x], 0xee);
}

static void check(const char *first, const char *second, const char *third)
{
	check_row(0, first);
	check_row(1, second);
	check_row(2, third);
}

static void test_lines(void **state)
{
	(void)state;
	check("", "", "");
	write_text("ab\ncd\re\b\bfg");
	check("ab", "fg", "");
	write_text("\f\ax\x7f\x01y");
	check("xy", "", "");
	write_text("\tz");
	check("xy      z", "", "");
}

static void test_wrap_and_scroll(void **state)
{
	(void)state;
	write_text("0123456789abc");
	check("0123456789", "abc", "");
	write_text("\nlast");
	check("0123456789", "abc", "last");
	write_text("\nnew");
	check("abc", "last", "new");
	write_text("\n\n\n");
	check("", "", "");
}

/* One cell only is inverted, where the next character goes. */
static void test_cursor(void **state)
{
	u32 inverted = 0;

	(void)state;
	screen_cursor(&screen, true);
	write_text("ab");
	for (u32 y = 0; y < ROWS; y++)
		for (u32 x = 0; x < COLUMNS; x++)
			inverted += memory[y * PITCH + 2 * x + 1] == 0x70;
	assert_int_equal(inverted, 1);
	assert_int_equal(memory[2 * 2 + 1], 0x70);
	check("ab", "", "");
	screen_cursor(&screen, false);
	assert_int_equal(memory[2 * 2 + 1], 0x07);
}

/* The memory is as large as the pixels need, so a write outside is found. */
static void draw_rgb(u32 width, u32 height, u8 bpp)
{
	u32 bytes = (bpp + 7u) / 8;
	u32 pitch = width * bytes + 4;
	u8 *pixels = malloc(pitch * height);

	assert_non_null(pixels);
	screen = (struct screen){
		.kind = SCREEN_RGB,
		.memory = pixels,
		.width = width,
		.height = height,
		.pitch = pitch,
		.bpp = bpp,
		.red = { bpp == 15 ? 10 : 16, 5 },
		.green = { bpp == 15 ? 5 : 8, 5 },
		.blue = { 0, 5 },
	};
	screen_init(&screen);
	for (u32 i = 0; i < 300; i++)
		write_text("text that is long\n|");
	screen_cursor(&screen, true);
	free(pixels);
}

static void test_framebuffers(void **state)
{
	(void)state;
	draw_rgb(8, 16, 32);
	draw_rgb(85, 50, 32);
	draw_rgb(85, 50, 24);
	draw_rgb(85, 50, 15);
	assert_int_equal(screen.columns, 10);
	assert_int_equal(screen.rows, 3);
	/* More than there are cells for: the rest stays as it is. */
	draw_rgb(8 * (SCREEN_MAX_COLUMNS + 5), 16 * (SCREEN_MAX_ROWS + 5), 32);
	assert_int_equal(screen.columns, SCREEN_MAX_COLUMNS);
	assert_int_equal(screen.rows, SCREEN_MAX_ROWS);
}

/* Nothing is drawn, and nothing goes wrong. */
static void test_unusable(void **state)
{
	static const struct screen bad[] = {
		{ .kind = SCREEN_VGA_TEXT, .width = 80 },
		{ .kind = SCREEN_RGB, .width = 7, .height = 16, .bpp = 32 },
		{ .kind = SCREEN_RGB, .width = 80, .height = 16, .bpp = 8 },
		{ .kind = SCREEN_RGB, .width = 80, .height = 16, .bpp = 32 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		screen = bad[i];
		screen_init(&screen);
		assert_int_equal(screen.kind, SCREEN_NONE);
		write_text("text\n");
		screen_cursor(&screen, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines, set_up),
		cmocka_unit_test_setup(test_wrap_and_scroll, set_up),
		cmocka_unit_test_setup(test_cursor, set_up),
		cmocka_unit_test(test_framebuffers),
		cmocka_unit_test(test_unusable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
