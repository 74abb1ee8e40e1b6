/* SPDX-License-Identifier: MIT */
/*
 * See utf16.h. No state.
 */
#include "lib/utf16.h"

#define REPLACEMENT 0xfffdu

static bool is_high(u32 unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(u32 unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* The character at text[*i], which moves behind it. */
static u32 next_character(const u16 *text, size_t count, size_t *i)
{
	u32 unit = text[(*i)++];

	if (!is_high(unit) && !is_low(unit))
		return unit;
	if (is_low(unit) || *i == count || !is_low(text[*i]))
		return REPLACEMENT;
	return 0x10000 + ((unit - 0xd800) << 10) + (text[(*i)++] - 0xdc00u);
}

static size_t encode(u32 c, u8 bytes[static 4])
{
	static const u8 lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = len - 1; i > 0; i--) {
		bytes[i] = (u8)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	bytes[0] = (u8)(lead[len] | c);
	return len;
}

size_t utf16_to_utf8(const u16 *text, size_t count, char *out, size_t size)
{
	size_t len = 0, held = 0;
	bool cut = size == 0;

	for (size_t i = 0; i < count;) {
		u8 bytes[4];
		size_t n = encode(next_character(text, count, &i), bytes);

		len += n;
		cut = cut || len > size - 1;
		for (size_t k = 0; k < n && !cut; k++)
			out[held++] = (char)bytes[k];
	}
	if (size > 0)
		out[held] = '\0';
	return len;
}
