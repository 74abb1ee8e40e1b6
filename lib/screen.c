/* SPDX-License-Identifier: MIT */
/*
 * Text on VGA memory or on a framebuffer. Scrolling draws again only those
 * cells that differ from what stood there.
 */
#include "lib/screen.h"

#include "lib/font.h"

#define VGA_ATTRIBUTE 0x07u
#define VGA_CURSOR    0x70u

static u32 colour(const struct screen *s, u32 red, u32 green, u32 blue)
{
	return (red >> (8 - MIN(s->red.size, 8u))) << s->red.position |
	       (green >> (8 - MIN(s->green.size, 8u))) << s->green.position |
	       (blue >> (8 - MIN(s->blue.size, 8u))) << s->blue.position;
}

static void put_pixel(volatile u8 *p, u32 bytes, u32 value)
{
	if (bytes == 4) {
		*(volatile u32 *)(volatile void *)p = value;
		return;
	}
	for (u32 i = 0; i < bytes; i++)
		p[i] = (u8)(value >> (8 * i));
}

static void draw_rgb(const struct screen *s, u32 column, u32 row, char c, bool inverse)
{
	const u8 *glyph = font_glyph(c);
	u32 bytes = (s->bpp + 7u) / 8;
	u32 ink = inverse ? s->background : s->foreground;
	u32 paper = inverse ? s->foreground : s->background;

	for (u32 y = 0; y < FONT_HEIGHT; y++) {
		volatile u8 *p = s->memory + (u64)(row * FONT_HEIGHT + y) * s->pitch +
				 (u64)column * FONT_WIDTH * bytes;

		for (u32 x = 0; x < FONT_WIDTH; x++, p += bytes)
			put_pixel(p, bytes, glyph[y] & (0x80u >> x) ? ink : paper);
	}
}

static void draw(const struct screen *s, u32 column, u32 row, bool inverse)
{
	char c = s->cells[row][column];

	if (s->kind == SCREEN_RGB) {
		draw_rgb(s, column, row, c, inverse);
	} else if (s->kind == SCREEN_VGA_TEXT) {
		volatile u8 *p = s->memory + (u64)row * s->pitch + 2ull * column;

		p[0] = (u8)c;
		p[1] = inverse ? VGA_CURSOR : VGA_ATTRIBUTE;
	}
}

static void set_cell(struct screen *s, u32 column, u32 row, char c)
{
	if (s->cells[row][column] == c)
		return;
	s->cells[row][column] = c;
	draw(s, column, row, false);
}

static void clear_row(struct screen *s, u32 row)
{
	for (u32 x = 0; x < s->columns; x++)
		set_cell(s, x, row, ' ');
}

static void scroll(struct screen *s)
{
	for (u32 y = 0; y + 1 < s->rows; y++)
		for (u32 x = 0; x < s->columns; x++)
			set_cell(s, x, y, s->cells[y + 1][x]);
	clear_row(s, s->rows - 1);
}

static void newline(struct screen *s)
{
	s->column = 0;
	if (s->row + 1 < s->rows)
		s->row++;
	else
		scroll(s);
}

static void put(struct screen *s, char c)
{
	switch (c) {
	case '\n':
		newline(s);
		break;
	case '\r':
		s->column = 0;
		break;
	case '\b':
		if (s->column)
			s->column--;
		break;
	case '\t':
		do
			put(s, ' ');
		while (s->column % 8);
		break;
	case '\f':
		for (u32 y = 0; y < s->rows; y++)
			clear_row(s, y);
		s->row = s->column = 0;
		break;
	default:
		if (c < ' ' || c == 0x7f)
			break;
		set_cell(s, s->column, s->row, c);
		if (++s->column == s->columns)
			newline(s);
	}
}

static bool usable(const struct screen *s)
{
	if (s->kind == SCREEN_VGA_TEXT)
		return s->width > 0 && s->height > 0;
	return s->kind == SCREEN_RGB && s->bpp >= 15 && s->bpp <= 32 && s->red.size &&
	       s->green.size && s->blue.size && s->width >= FONT_WIDTH && s->height >= FONT_HEIGHT;
}

void screen_init(struct screen *s)
{
	if (!usable(s))
		s->kind = SCREEN_NONE;
	s->columns = s->kind == SCREEN_RGB ? s->width / FONT_WIDTH : s->width;
	s->rows = s->kind == SCREEN_RGB ? s->height / FONT_HEIGHT : s->height;
	s->columns = MIN(s->columns, SCREEN_MAX_COLUMNS);
	s->rows = MIN(s->rows, SCREEN_MAX_ROWS);
	s->foreground = colour(s, 0xc8, 0xc8, 0xc8);
	s->background = colour(s, 0, 0, 0);
	s->row = s->column = 0;
	s->cursor_shown = false;
	if (s->kind == SCREEN_NONE)
		return;
	for (u32 y = 0; y < s->rows; y++)
		for (u32 x = 0; x < s->columns; x++) {
			s->cells[y][x] = ' ';
			draw(s, x, y, false);
		}
}

void screen_write(struct screen *s, const char *text, size_t len)
{
	bool cursor = s->cursor_shown;

	if (s->kind == SCREEN_NONE)
		return;
	screen_cursor(s, false);
	for (size_t i = 0; i < len; i++)
		put(s, text[i]);
	screen_cursor(s, cursor);
}

void screen_cursor(struct screen *s, bool shown)
{
	if (s->kind == SCREEN_NONE || s->cursor_shown == shown)
		return;
	s->cursor_shown = shown;
	draw(s, s->column, s->row, shown);
}
