/* SPDX-License-Identifier: MIT */
/*
 * lib/font.c: that every character has a glyph of its own inside the cell,
 * and that one of them looks as it was drawn.
 * sources: lib/font.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/font.h"

static void glyphs_differ(void **state)
{
	(void)state;
	for (int a = 0x20; a <= 0x7f; a++) {
		for (int b = a + 1; b <= 0x7f; b++)
			assert_memory_not_equal(
				font_glyph((char)a), font_glyph((char)b), FONT_HEIGHT);
	}
}

static void others_are_a_box(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		if (c < 0x20 || c > 0x7e)
			assert_ptr_equal(font_glyph((char)c), font_glyph(0x7f));
	}
	assert_int_not_equal(font_glyph(0x7f)[2], 0);
}

/* One column to the right and a row on either side stay free. */
static void neighbours_do_not_touch(void **state)
{
	(void)state;
	for (int c = 0x20; c <= 0x7f; c++) {
		const u8 *glyph = font_glyph((char)c);
		u8 all = 0;

		for (u32 y = 0; y < FONT_HEIGHT; y++)
			all |= glyph[y];
		assert_int_equal(all & 1, 0);
		assert_int_equal(glyph[0] | glyph[FONT_HEIGHT - 1], 0);
		assert_int_equal(all == 0, c == ' ');
	}
}

static void picture_is_not_mirrored(void **state)
{
	static const u8 letter_f[FONT_HEIGHT] = { 0, 0, 0xfe, 0x80, 0x80, 0x80, 0xfc, 0x80, 0x80,
		0x80, 0x80, 0, 0, 0, 0, 0 };

	(void)state;
	assert_memory_equal(font_glyph('F'), letter_f, FONT_HEIGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glyphs_differ),
		cmocka_unit_test(others_are_a_box),
		cmocka_unit_test(neighbours_do_not_touch),
		cmocka_unit_test(picture_is_not_mirrored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
