/* SPDX-License-Identifier: MIT */
/*
 * Scan codes of a PC keyboard (set 1, US layout) as the bytes that a serial
 * terminal would send: arrows and the like as escape sequences. Pure.
 */
#pragma once

#include "base/types.h"

#define KEYMAP_BYTES 4u /* the longest sequence */

struct keymap {
	bool shift_left;
	bool shift_right;
	bool control_left;
	bool control_right;
	bool caps;
	bool digits;   /* Num Lock */
	bool extended; /* 0xe0 came before */
	u8 skip;       /* bytes of Pause that are still to come */
};

/* Takes one byte of the keyboard; returns the bytes put to @out, 0 to 4. */
u32 keymap_decode(struct keymap *k, u8 code, char out[static KEYMAP_BYTES]);
