/* SPDX-License-Identifier: MIT */
/*
 * Walks any bytes as a command line, and asks for each word as an option.
 * sources: lib/cmdline.c
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cmdline.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *line = malloc(size + 1);
	char *word = malloc(size + 1);
	const char *pos = line;
	char value[16];

	memcpy(line, data, size);
	line[size] = '\0';
	while (cmdline_next(&pos, word, size + 1)) {
		word[strcspn(word, "=")] = '\0';
		/* What the walk found, the search has to find as well. */
		if (cmdline_get(line, word, NULL, 0) != 0)
			__builtin_trap();
		(void)!cmdline_get(line, word, value, sizeof(value));
	}
	free(word);
	free(line);
	return 0;
}
