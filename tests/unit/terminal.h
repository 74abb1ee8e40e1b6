/* SPDX-License-Identifier: MIT */
/*
 * A terminal that is as wide as need be: takes what the line editor draws and
 * knows what its last line then shows, and where the cursor stands. For the
 * line editor's unit test and fuzz target. Counts bytes, or characters of UTF-8.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootpart/cli/lineedit.h"

#define TERMINAL_CELLS 4096

struct terminal {
	struct out out;
	char cells[TERMINAL_CELLS][4]; /* a character each */
	size_t count;
	size_t cursor;
	unsigned lines;
	unsigned bells;
};

static inline void terminal_fail(const char *why)
{
	fprintf(stderr, "terminal: %s\n", why);
	abort();
}

static inline void terminal_char(struct terminal *t, char c)
{
	unsigned char byte = (unsigned char)c;

	if (c == '\n') {
		t->count = t->cursor = 0;
		t->lines++;
	} else if (c == '\b') {
		if (t->cursor-- == 0)
			terminal_fail("backspace in the first column");
	} else if (c == '\a') {
		t->bells++;
	} else if (byte < 0x20 || byte == 0x7f) {
		terminal_fail("control character");
	} else if ((byte & 0xc0) == 0x80) {
		/* Belongs to the character before, if one is there. */
		if (t->cursor > 0) {
			char *cell = t->cells[t->cursor - 1];

			if (strnlen(cell, 4) < 3)
				cell[strnlen(cell, 4)] = c;
		}
	} else {
		if (t->cursor == TERMINAL_CELLS)
			terminal_fail("line too long");
		memset(t->cells[t->cursor], 0, 4);
		t->cells[t->cursor++][0] = c;
		if (t->cursor > t->count)
			t->count = t->cursor;
	}
}

static inline void terminal_write(struct out *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		terminal_char((struct terminal *)out, text[i]);
}

/* The last line without the spaces at its end. */
static inline void terminal_line(const struct terminal *t, char *line)
{
	size_t count = t->count;

	while (count > 0 && strcmp(t->cells[count - 1], " ") == 0)
		count--;
	line[0] = '\0';
	for (size_t i = 0; i < count; i++)
		line += sprintf(line, "%.4s", t->cells[i]);
}
