/* SPDX-License-Identifier: MIT */
/*
 * Where text goes: the console, or a buffer in a test. Embedded by whoever
 * takes the text.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

struct out {
	/* "\n" alone ends a line. May wait. */
	void (*write)(struct out *out, const char *text, size_t len);
};

void out_text(struct out *out, const char *text);
/* At most 511 bytes; what is longer is cut. */
void out_vprintf(struct out *out, const char *fmt, va_list args) __printf(2, 0);
