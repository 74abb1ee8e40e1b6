/* SPDX-License-Identifier: MIT */
/*
 * Sorting words into options and others. No state. CLI's task.
 */
#include "rootpart/cli/args.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"

struct parser {
	const struct cli_option *options;
	u32 option_count;
	char *const *words;
	u32 count;
	u32 at; /* next word */
	struct cli_args *args;
	char *why;
	size_t why_size;
};

static const struct cli_option *find_name(const struct parser *p, const char *name, size_t len)
{
	for (u32 i = 0; i < p->option_count; i++) {
		const char *known = p->options[i].name;

		if (strlen(known) == len && strncmp(known, name, len) == 0)
			return &p->options[i];
	}
	return NULL;
}

static const struct cli_option *find_letter(const struct parser *p, char letter)
{
	for (u32 i = 0; i < p->option_count; i++) {
		if (p->options[i].letter == letter)
			return &p->options[i];
	}
	return NULL;
}

/* Letters may be more than there is room for. */
static int give(struct parser *p, const struct cli_option *option, const char *value)
{
	if (p->args->given_count == WORDS_MAX) {
		(void)format(p->why, p->why_size, "too many options");
		return -EINVAL;
	}
	p->args->given[p->args->given_count].option = option;
	p->args->given[p->args->given_count++].value = value;
	return 0;
}

/* @value: what stood behind "=", NULL if nothing did. */
static int take(struct parser *p, const struct cli_option *option, const char *value)
{
	if (option->value == NULL && value != NULL) {
		(void)format(p->why, p->why_size, "option --%s takes no value", option->name);
		return -EINVAL;
	}
	if (option->value != NULL && value == NULL) {
		if (p->at == p->count) {
			(void)format(p->why, p->why_size, "option --%s needs %s", option->name,
				option->value);
			return -EINVAL;
		}
		value = p->words[p->at++];
	}
	return give(p, option, value);
}

static int take_long(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct cli_option *option = find_name(p, word, len);

	if (option == NULL) {
		(void)format(p->why, p->why_size, "no option --%.*s", (int)MIN(len, 64u), word);
		return -EINVAL;
	}
	return take(p, option, equals != NULL ? equals + 1 : NULL);
}

static int take_letters(struct parser *p, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct cli_option *option = find_letter(p, *letters);
		int r;

		if (option == NULL) {
			(void)format(p->why, p->why_size, "no option -%c", *letters);
			return -EINVAL;
		}
		r = take(p, option, NULL);
		if (r != 0)
			return r;
	}
	return 0;
}

int args_parse(const struct cli_option *options, u32 option_count, char *words[], u32 count,
	struct cli_args *args, char *why, size_t why_size)
{
	struct parser p = { options, option_count, words, MIN(count, WORDS_MAX), 0, args, why,
		why_size };
	bool ended = false;

	args->count = 0;
	args->words = words;
	args->given_count = 0;
	while (p.at < p.count) {
		char *word = words[p.at++];
		int r = 0;

		if (ended || word[0] != '-' || word[1] == '\0')
			words[args->count++] = word;
		else if (strcmp(word, "--") == 0)
			ended = true;
		else
			r = word[1] == '-' ? take_long(&p, word + 2) : take_letters(&p, word + 1);
		if (r != 0)
			return r;
	}
	return 0;
}

const char *args_value(const struct cli_args *args, const char *name)
{
	const char *value = NULL;

	for (u32 i = 0; i < args->given_count; i++) {
		if (strcmp(args->given[i].option->name, name) == 0)
			value = args->given[i].value;
	}
	return value;
}

bool args_has(const struct cli_args *args, const char *name)
{
	for (u32 i = 0; i < args->given_count; i++) {
		if (strcmp(args->given[i].option->name, name) == 0)
			return true;
	}
	return false;
}
