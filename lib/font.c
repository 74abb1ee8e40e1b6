/* SPDX-License-Identifier: MIT */
/*
 * The console's font, drawn here, for the screens of both images; no state.
 * Each glyph is drawn as five columns by seven rows and two for what hangs
 * below the line. On the screen the second and fourth column are two pixels
 * wide, and the second, sixth and eighth row two high: seven by nine pixels
 * and three below, with strokes of one pixel along the other lines.
 */
#include "lib/font.h"

/* clang-format off */

/* Rows of five columns, each named by its picture, in binary order. */
enum row {
	_____, ____X, ___X_, ___XX, __X__, __X_X, __XX_, __XXX,
	_X___, _X__X, _X_X_, _X_XX, _XX__, _XX_X, _XXX_, _XXXX,
	X____, X___X, X__X_, X__XX, X_X__, X_X_X, X_XX_, X_XXX,
	XX___, XX__X, XX_X_, XX_XX, XXX__, XXX_X, XXXX_, XXXXX,
};

#define COLUMN(row, n) ((row) >> (4 - (n)) & 1)
#define WIDEN(row) \
	(COLUMN(row, 0) * 0x80 | COLUMN(row, 1) * 0x60 | COLUMN(row, 2) * 0x10 | \
	 COLUMN(row, 3) * 0x0c | COLUMN(row, 4) * 0x02)

#define GLYPH(r0, r1, r2, r3, r4, r5, r6, r7, r8) { \
	0, 0, WIDEN(r0), WIDEN(r1), WIDEN(r1), WIDEN(r2), WIDEN(r3), WIDEN(r4), \
	WIDEN(r5), WIDEN(r5), WIDEN(r6), WIDEN(r7), WIDEN(r7), WIDEN(r8), 0, 0 }

/* Eight glyphs side by side, so that the source shows them. */
#define GLYPHS( \
	a0, b0, c0, d0, e0, f0, g0, h0, \
	a1, b1, c1, d1, e1, f1, g1, h1, \
	a2, b2, c2, d2, e2, f2, g2, h2, \
	a3, b3, c3, d3, e3, f3, g3, h3, \
	a4, b4, c4, d4, e4, f4, g4, h4, \
	a5, b5, c5, d5, e5, f5, g5, h5, \
	a6, b6, c6, d6, e6, f6, g6, h6, \
	a7, b7, c7, d7, e7, f7, g7, h7, \
	a8, b8, c8, d8, e8, f8, g8, h8) \
	GLYPH(a0, a1, a2, a3, a4, a5, a6, a7, a8), \
	GLYPH(b0, b1, b2, b3, b4, b5, b6, b7, b8), \
	GLYPH(c0, c1, c2, c3, c4, c5, c6, c7, c8), \
	GLYPH(d0, d1, d2, d3, d4, d5, d6, d7, d8), \
	GLYPH(e0, e1, e2, e3, e4, e5, e6, e7, e8), \
	GLYPH(f0, f1, f2, f3, f4, f5, f6, f7, f8), \
	GLYPH(g0, g1, g2, g3, g4, g5, g6, g7, g8), \
	GLYPH(h0, h1, h2, h3, h4, h5, h6, h7, h8)

#define FIRST 0x20
#define BOX   0x7f

static const u8 glyphs[][FONT_HEIGHT] = {
	/* blank ! " # $ % & ' */
	GLYPHS(
		_____, __X__, _X_X_, _X_X_, _XXXX, XX___, _XX__, __X__,
		_____, __X__, _X_X_, _X_X_, X_X__, XX__X, X__X_, __X__,
		_____, __X__, _____, XXXXX, X_X__, ___X_, X_X__, _____,
		_____, __X__, _____, _X_X_, _XXX_, __X__, _X___, _____,
		_____, __X__, _____, XXXXX, __X_X, _X___, X_X_X, _____,
		_____, _____, _____, _X_X_, __X_X, X__XX, X__X_, _____,
		_____, __X__, _____, _X_X_, XXXX_, ___XX, _XX_X, _____,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* ( ) asterisk + , - . / */
	GLYPHS(
		___X_, _X___, _____, _____, _____, _____, _____, ____X,
		__X__, __X__, X_X_X, __X__, _____, _____, _____, ____X,
		_X___, ___X_, _XXX_, __X__, _____, _____, _____, ___X_,
		_X___, ___X_, XXXXX, XXXXX, _____, _XXX_, _____, __X__,
		_X___, ___X_, _XXX_, __X__, _____, _____, _____, _X___,
		__X__, __X__, X_X_X, __X__, _X___, _____, _X___, X____,
		___X_, _X___, _____, _____, _X___, _____, _X___, X____,
		_____, _____, _____, _____, X____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* 0 1 2 3 4 5 6 7 */
	GLYPHS(
		_XXX_, __X__, _XXX_, _XXX_, ___XX, XXXXX, _XXX_, XXXXX,
		X___X, _XX__, X___X, X___X, __X_X, X____, X____, ____X,
		X__XX, __X__, ____X, ____X, _X__X, X____, X____, ____X,
		X_X_X, __X__, __XX_, __XX_, X___X, XXXX_, XXXX_, ___X_,
		XX__X, __X__, _X___, ____X, XXXXX, ____X, X___X, __X__,
		X___X, __X__, X____, X___X, ____X, X___X, X___X, __X__,
		_XXX_, XXXXX, XXXXX, _XXX_, ____X, _XXX_, _XXX_, __X__,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* 8 9 : ; < = > ? */
	GLYPHS(
		_XXX_, _XXX_, _____, _____, _____, _____, _____, _XXX_,
		X___X, X___X, _X___, _X___, ___X_, _____, _X___, X___X,
		X___X, X___X, _X___, _X___, __X__, XXXXX, __X__, ____X,
		_XXX_, _XXXX, _____, _____, _X___, _____, ___X_, __XX_,
		X___X, ____X, _____, _____, __X__, XXXXX, __X__, __X__,
		X___X, ____X, _X___, _X___, ___X_, _____, _X___, _____,
		_XXX_, _XXX_, _X___, _X___, _____, _____, _____, __X__,
		_____, _____, _____, X____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* @ A B C D E F G */
	GLYPHS(
		_XXX_, _XXX_, XXXX_, _XXX_, XXXX_, XXXXX, XXXXX, _XXX_,
		X___X, X___X, X___X, X___X, X___X, X____, X____, X___X,
		X_XXX, X___X, X___X, X____, X___X, X____, X____, X____,
		X_X_X, XXXXX, XXXX_, X____, X___X, XXXX_, XXXX_, X_XXX,
		X_XXX, X___X, X___X, X____, X___X, X____, X____, X___X,
		X____, X___X, X___X, X___X, X___X, X____, X____, X___X,
		_XXX_, X___X, XXXX_, _XXX_, XXXX_, XXXXX, X____, _XXX_,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* H I J K L M N O */
	GLYPHS(
		X___X, _XXX_, ____X, X___X, X____, XX_XX, X___X, _XXX_,
		X___X, __X__, ____X, X__X_, X____, X_X_X, XX__X, X___X,
		X___X, __X__, ____X, X_X__, X____, X_X_X, X_X_X, X___X,
		XXXXX, __X__, ____X, XX___, X____, X_X_X, X_X_X, X___X,
		X___X, __X__, ____X, X_X__, X____, X___X, X_X_X, X___X,
		X___X, __X__, X___X, X__X_, X____, X___X, X__XX, X___X,
		X___X, _XXX_, _XXX_, X___X, XXXXX, X___X, X___X, _XXX_,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* P Q R S T U V W */
	GLYPHS(
		XXXX_, _XXX_, XXXX_, _XXX_, XXXXX, X___X, X___X, X___X,
		X___X, X___X, X___X, X___X, __X__, X___X, X___X, X___X,
		X___X, X___X, X___X, X____, __X__, X___X, X___X, X___X,
		XXXX_, X___X, XXXX_, _XXX_, __X__, X___X, X___X, X_X_X,
		X____, X_X_X, X_X__, ____X, __X__, X___X, _X_X_, X_X_X,
		X____, X__X_, X__X_, X___X, __X__, X___X, _X_X_, X_X_X,
		X____, _XX_X, X___X, _XXX_, __X__, _XXX_, __X__, _X_X_,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____),
	/* X Y Z [ \ ] ^ _ */
	GLYPHS(
		X___X, X___X, XXXXX, __XX_, X____, _XX__, __X__, _____,
		X___X, X___X, ____X, __X__, X____, __X__, _X_X_, _____,
		_X_X_, _X_X_, ___X_, __X__, _X___, __X__, X___X, _____,
		__X__, __X__, __X__, __X__, __X__, __X__, _____, _____,
		_X_X_, __X__, _X___, __X__, ___X_, __X__, _____, _____,
		X___X, __X__, X____, __X__, ____X, __X__, _____, _____,
		X___X, __X__, XXXXX, __XX_, ____X, _XX__, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, _____, _____, _____, XXXXX),
	/* ` a b c d e f g */
	GLYPHS(
		_X___, _____, X____, _____, ____X, _____, ___XX, _____,
		__X__, _____, X____, _____, ____X, _____, __X__, _____,
		_____, _XXX_, XXXX_, _XXX_, _XXXX, _XXX_, _XXX_, _XXXX,
		_____, ____X, X___X, X___X, X___X, X___X, __X__, X___X,
		_____, _XXXX, X___X, X____, X___X, XXXXX, __X__, X___X,
		_____, X___X, X___X, X___X, X___X, X____, __X__, X___X,
		_____, _XXXX, XXXX_, _XXX_, _XXXX, _XXX_, __X__, _XXXX,
		_____, _____, _____, _____, _____, _____, _____, ____X,
		_____, _____, _____, _____, _____, _____, _____, _XXX_),
	/* h i j k l m n o */
	GLYPHS(
		X____, __X__, ____X, X____, _XX__, _____, _____, _____,
		X____, _____, _____, X____, __X__, _____, _____, _____,
		XXXX_, _XX__, ___XX, X__X_, __X__, XX_X_, XXXX_, _XXX_,
		X___X, __X__, ____X, X_X__, __X__, X_X_X, X___X, X___X,
		X___X, __X__, ____X, XX___, __X__, X_X_X, X___X, X___X,
		X___X, __X__, ____X, X_X__, __X__, X_X_X, X___X, X___X,
		X___X, _XXX_, ____X, X__X_, _XXX_, X_X_X, X___X, _XXX_,
		_____, _____, ____X, _____, _____, _____, _____, _____,
		_____, _____, _XXX_, _____, _____, _____, _____, _____),
	/* p q r s t u v w */
	GLYPHS(
		_____, _____, _____, _____, _____, _____, _____, _____,
		_____, _____, _____, _____, __X__, _____, _____, _____,
		XXXX_, _XXXX, X_XX_, _XXXX, _XXX_, X___X, X___X, X___X,
		X___X, X___X, XX__X, X____, __X__, X___X, X___X, X_X_X,
		X___X, X___X, X____, _XXX_, __X__, X___X, X___X, X_X_X,
		X___X, X___X, X____, ____X, __X__, X___X, _X_X_, X_X_X,
		XXXX_, _XXXX, X____, XXXX_, ___XX, _XXXX, __X__, _X_X_,
		X____, ____X, _____, _____, _____, _____, _____, _____,
		X____, ____X, _____, _____, _____, _____, _____, _____),
	/* x y z { | } ~ box */
	GLYPHS(
		_____, _____, _____, ___X_, __X__, _X___, _____, XXXXX,
		_____, _____, _____, __X__, __X__, __X__, _____, X___X,
		X___X, X___X, XXXXX, __X__, __X__, __X__, _X___, X___X,
		_X_X_, X___X, ___X_, _X___, __X__, ___X_, X_X_X, X___X,
		__X__, X___X, __X__, __X__, __X__, __X__, ___X_, X___X,
		_X_X_, X___X, _X___, __X__, __X__, __X__, _____, X___X,
		X___X, _XXXX, XXXXX, ___X_, __X__, _X___, _____, XXXXX,
		_____, ____X, _____, _____, __X__, _____, _____, _____,
		_____, _XXX_, _____, _____, _____, _____, _____, _____),
};

/* clang-format on */

static_assert(ARRAY_SIZE(glyphs) == BOX - FIRST + 1);

const u8 *font_glyph(char c)
{
	u8 code = (u8)c;

	if (code < FIRST || code > BOX)
		code = BOX;
	return glyphs[code - FIRST];
}
