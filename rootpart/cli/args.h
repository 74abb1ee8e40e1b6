/* SPDX-License-Identifier: MIT */
/*
 * Options of commands, GNU style: --name, --name VALUE, --name=VALUE, a
 * letter for some (-l, -lx), anywhere between the other words; "--" ends them.
 */
#pragma once

#include "base/types.h"
#include "rootpart/cli/words.h"

struct completion;

struct cli_option {
	const char *name;  /* without dashes */
	const char *value; /* what its value is called in the help, NULL if it has none */
	const char *help;
	char letter; /* '\0' if it has none */
	/* Offers candidates for its value @typed; NULL: there are none. */
	void (*complete)(struct completion *c, const char *typed);
};

struct cli_args {
	u32 count; /* words that are no options */
	char *const *words;
	/* Options in the order in which they were given. */
	u32 given_count;
	struct {
		const struct cli_option *option;
		const char *value; /* NULL if it has none */
	} given[WORDS_MAX];
};

/*
 * Sorts @count words (without the command's name) by the table @options. Those
 * that are no options move to the beginning of @words, where args->words is.
 * Returns 0, or -EINVAL with a sentence for people in @why.
 */
[[nodiscard]] int args_parse(const struct cli_option *options, u32 option_count, char *words[],
	u32 count, struct cli_args *args, char *why, size_t why_size);

bool args_has(const struct cli_args *args, const char *name);
/* Value of the last --@name, NULL if it was not given. */
const char *args_value(const struct cli_args *args, const char *name);
