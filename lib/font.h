/* SPDX-License-Identifier: MIT */
/*
 * An 8x16 bitmap font of our own for framebuffer consoles, U+0020 to U+007E.
 */
#pragma once

#include "base/types.h"

#define FONT_WIDTH  8u
#define FONT_HEIGHT 16u

/* 16 rows, top first, bit 7 leftmost. Unknown characters give a box. */
const u8 *font_glyph(char c);
