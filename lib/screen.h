/* SPDX-License-Identifier: MIT */
/*
 * A text screen: VGA text memory or a linear RGB framebuffer, as a terminal
 * that knows newline, carriage return, backspace, tab, "\f" (clear) and
 * scrolling. Both the hypervisor and the root write their consoles through
 * it. The caller serialises. What is shown is kept in cells, so that nothing
 * is ever read back from video memory.
 */
#pragma once

#include "base/types.h"

#define SCREEN_MAX_COLUMNS 240u
#define SCREEN_MAX_ROWS    100u

enum screen_kind { SCREEN_NONE, SCREEN_VGA_TEXT, SCREEN_RGB };

struct screen_colour {
	u8 position; /* lowest bit in the pixel */
	u8 size;     /* bits */
};

struct screen {
	/* Given by the caller before screen_init(). */
	enum screen_kind kind;
	volatile u8 *memory;
	u32 width; /* characters for VGA text, else pixels */
	u32 height;
	u32 pitch; /* bytes per line */
	u8 bpp;    /* 15, 16, 24, 32 */
	struct screen_colour red, green, blue;

	u32 columns;
	u32 rows;
	u32 column;
	u32 row;
	u32 foreground; /* pixel values */
	u32 background;
	bool cursor_shown;
	char cells[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];
};

/* Clears. A kind or depth that cannot be drawn becomes SCREEN_NONE. */
void screen_init(struct screen *s);
void screen_write(struct screen *s, const char *text, size_t len);
/* The block that marks where the next character goes. */
void screen_cursor(struct screen *s, bool shown);
