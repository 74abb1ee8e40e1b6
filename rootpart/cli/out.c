/* SPDX-License-Identifier: MIT */
/*
 * Formatted text to a struct out. No state. Any task.
 */
#include "rootpart/cli/out.h"

#include "lib/format.h"
#include "lib/string.h"

#define OUT_LINE 512u

void out_text(struct out *out, const char *text)
{
	out->write(out, text, strlen(text));
}

void out_vprintf(struct out *out, const char *fmt, va_list args)
{
	char line[OUT_LINE];
	size_t len = (size_t)format_va(line, sizeof(line), fmt, args);

	out->write(out, line, MIN(len, sizeof(line) - 1));
}
