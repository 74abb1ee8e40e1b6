/* SPDX-License-Identifier: MIT */
/*
 * Boot command lines: words separated by spaces, "name" or "name=value",
 * double quotes keep spaces. Reading only; the line is never changed.
 */
#pragma once

#include "base/types.h"

/*
 * Finds option @name. Returns -ENOENT if it is not there; else 0, with its
 * value (empty for a bare name) copied to @value, or -E2BIG if it does not
 * fit in @size bytes. The last occurrence wins. @value may be NULL with size
 * 0 to ask for presence only.
 */
[[nodiscard]] int cmdline_get(const char *line, const char *name, char *value, size_t size);

/*
 * Walks the words. Copies the next word at *pos to @word (cut to @size) and
 * moves *pos behind it. Returns false at the end. Start with *pos = line.
 */
bool cmdline_next(const char **pos, char *word, size_t size);
