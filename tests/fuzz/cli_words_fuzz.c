/* SPDX-License-Identifier: MIT */
/*
 * Any line as words, and those as options: nothing is read or written outside
 * of the line, and words come out in its order.
 * sources: rootpart/cli/words.c rootpart/cli/args.c lib/format.c
 */
#include <stdlib.h>
#include <string.h>

#include "rootpart/cli/args.h"
#include "rootpart/cli/words.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const struct cli_option options[] = {
	{ .name = "json" },
	{ .name = "long", .letter = 'l' },
	{ .name = "count", .value = "N", .letter = 'n' },
};

static void parse(char *words[], u32 count)
{
	static struct cli_args args;
	char why[64];

	if (args_parse(options, ARRAY_SIZE(options), words, count, &args, why, sizeof(why)) != 0) {
		if (strnlen(why, sizeof(why)) == sizeof(why) || why[0] == '\0')
			__builtin_trap();
		return;
	}
	if (args.count + args.given_count > WORDS_MAX * 2)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *line = malloc(size + 1);
	char *words[WORDS_MAX];
	int count;

	memcpy(line, data, size);
	line[size] = '\0';
	count = words_split(line, words, WORDS_MAX);
	for (int i = 0; i < count; i++) {
		if (words[i] < line || words[i] + strlen(words[i]) > line + size ||
			(i > 0 && words[i] <= words[i - 1]))
			__builtin_trap();
	}
	if (count > 0)
		parse(words, (u32)count);
	free(line);
	return 0;
}
