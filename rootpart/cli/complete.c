/* SPDX-License-Identifier: MIT */
/*
 * What Tab offers: commands first, then what the command and its options say.
 * A word that has a quote itself is left alone. CLI's task.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/command.h"
#include "rootpart/cli/lineedit.h"
#include "rootpart/vfs.h"

void complete_command(struct completion *c, const char *typed)
{
	for (u32 i = 0; i < cli_command_count; i++)
		completion_offer(c, typed, cli_commands[i]->name);
}

void complete_command_in(struct completion *c, const struct cli_command *group, const char *typed)
{
	for (u32 i = 0; i < group->command_count; i++)
		completion_offer(c, typed, cli_command_word(group->commands[i]));
}

void complete_path(struct completion *c, const char *typed)
{
	struct vfs_directory directory;
	const char *slash = strrchr(typed, '/');
	int top = slash != NULL ? (int)(slash + 1 - typed) : 0;
	char path[COMPLETION_WORD];
	struct vfs_entry entry;

	(void)format(path, sizeof(path), "%.*s", top, typed);
	if (vfs_opendir(top > 0 ? path : "/", &directory) != 0)
		return;
	while (vfs_readdir(&directory, &entry) == 1) {
		bool is_directory = entry.stat.type == VFS_DIRECTORY;

		(void)format(path, sizeof(path), "%.*s%s%s", top, typed, entry.name,
			is_directory ? "/" : "");
		if (strchr(entry.name, ' ') == NULL)
			completion_offer(c, typed, path);
	}
}

/* The option whose name are the @len characters behind "--" of @word, or NULL. */
static const struct cli_option *option_of(
	const struct cli_command *command, const char *word, size_t len)
{
	for (u32 i = 0; i < command->option_count; i++) {
		const struct cli_option *o = &command->options[i];

		if (len > 2 && strncmp(word, "--", 2) == 0 && strlen(o->name) == len - 2 &&
			strncmp(o->name, word + 2, len - 2) == 0)
			return o;
	}
	return NULL;
}

/* True if @o takes a value, which is what is being typed. */
static bool complete_value(struct completion *c, const struct cli_option *o, const char *typed)
{
	if (o == NULL || o->value == NULL)
		return false;
	if (o->complete != NULL)
		o->complete(c, typed);
	return true;
}

/* "--name", or the value in "--name=value". */
static void complete_option(
	struct completion *c, const struct cli_command *command, const char *typed)
{
	const char *equals = strchr(typed, '=');
	char word[COMPLETION_WORD];

	if (equals != NULL) {
		c->from += (size_t)(equals + 1 - typed);
		(void)complete_value(
			c, option_of(command, typed, (size_t)(equals - typed)), equals + 1);
		return;
	}
	for (u32 i = 0; i < command->option_count; i++) {
		(void)format(word, sizeof(word), "--%s", command->options[i].name);
		completion_offer(c, typed, word);
	}
}

/* @words: those between the command's name and @typed. */
static void complete_word(struct completion *c, const struct cli_command *command, char *words[],
	u32 count, const char *typed)
{
	const char *last = count > 0 ? words[count - 1] : "";
	struct cli_args args;
	char why[8];

	if (complete_value(c, option_of(command, last, strlen(last)), typed))
		return;
	if (typed[0] == '-') {
		complete_option(c, command, typed);
		return;
	}
	if (command->complete == NULL || args_parse(command->options, command->option_count, words,
						 count, &args, why, sizeof(why)) != 0)
		return;
	if (args.count >= command->max_words)
		return;
	c->args = &args;
	command->complete(c, typed);
	c->args = NULL;
}

/* @words: all before @typed. */
static void complete_words(struct completion *c, char *words[], u32 count, const char *typed)
{
	const struct cli_command *command;

	if (count == 0) {
		complete_command(c, typed);
		return;
	}
	command = cli_find(words[0]);
	if (command != NULL && command->commands != NULL) {
		if (count == 1) {
			complete_command_in(c, command, typed);
			return;
		}
		command = cli_find_in(command, words[1]);
		words++;
		count--;
	}
	if (command != NULL)
		complete_word(c, command, words + 1, count - 1, typed);
}

void complete_line(void *ctx, const char *line, size_t cursor, struct completion *c)
{
	char before[LINE_MAX + 1], typed[COMPLETION_WORD];
	char *words[WORDS_MAX];
	int count;

	(void)ctx;
	c->from = cursor;
	while (c->from > 0 && line[c->from - 1] != ' ')
		c->from--;
	if (cursor - c->from >= sizeof(typed) || cursor > LINE_MAX)
		return;
	memcpy(typed, line + c->from, cursor - c->from);
	typed[cursor - c->from] = '\0';
	if (strchr(typed, '"') != NULL || strchr(typed, '\'') != NULL)
		return;
	memcpy(before, line, c->from);
	before[c->from] = '\0';
	count = words_split(before, words, WORDS_MAX);
	if (count >= 0)
		complete_words(c, words, (u32)count, typed);
}
