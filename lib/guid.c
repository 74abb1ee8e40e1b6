/* SPDX-License-Identifier: MIT */
/*
 * GUIDs: comparison and text form. Called by whoever names things by GUID,
 * on any processor; no state. RFC 4122 section 3 for the text, with the first
 * three fields little-endian in memory.
 */
#include "lib/guid.h"

#include "base/errno.h"
#include "lib/string.h"

/* Which byte each pair of digits is, in the text's order; -1: a hyphen. */
static const s8 layout[] = { 3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15 };

bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void guid_format(const struct guid *g, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (u32 i = 0; i < ARRAY_SIZE(layout); i++) {
		if (layout[i] < 0) {
			*text++ = '-';
			continue;
		}
		*text++ = digits[g->b[layout[i]] >> 4];
		*text++ = digits[g->b[layout[i]] & 15];
	}
	*text = '\0';
}

/* The value of a hexadecimal digit, or -EINVAL. */
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

/* Two digits, or -EINVAL. Does not look behind a character that is none. */
static int byte_value(const char *text)
{
	int high = digit_value(text[0]);
	int low = high < 0 ? high : digit_value(text[1]);

	return low < 0 ? low : high << 4 | low;
}

int guid_parse(const char *text, struct guid *g)
{
	struct guid parsed;

	for (u32 i = 0; i < ARRAY_SIZE(layout); i++) {
		int value;

		if (layout[i] < 0) {
			if (*text++ != '-')
				return -EINVAL;
			continue;
		}
		value = byte_value(text);
		if (value < 0)
			return -EINVAL;
		parsed.b[layout[i]] = (u8)value;
		text += 2;
	}
	if (*text != '\0')
		return -EINVAL;
	*g = parsed;
	return 0;
}
