/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a frame: nothing behind them is read, the text ends, is of printable
 * characters, and says so if bytes were missing.
 * sources: rootpart/net/frame_text.c lib/format.c
 */
#include <stdlib.h>
#include <string.h>

#include "rootpart/net/frame_text.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(const char *text)
{
	size_t len = strnlen(text, FRAME_TEXT);

	if (len == 0 || len == FRAME_TEXT)
		__builtin_trap();
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* Of its own, so that a byte too many is found. */
	char *text = malloc(FRAME_TEXT);
	u8 *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	check(frame_text(copy, (u32)size, text));
	free(copy);
	free(text);
	return 0;
}
