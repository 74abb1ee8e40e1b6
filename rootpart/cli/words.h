/* SPDX-License-Identifier: MIT */
/*
 * A command line as words. Spaces and tabs part them; within '...' and "..."
 * every character but the closing quote stands for itself; quoted and plain
 * parts that touch are one word. An unquoted '#' that begins a word starts a
 * comment.
 */
#pragma once

#include "base/types.h"

#define WORDS_MAX 64u

/*
 * Splits @line in place. Returns the number of words, which point into @line;
 * -EINVAL if a quote is not closed; -E2BIG if there are more than @max words.
 */
int words_split(char *line, char *words[], u32 max);
