/* SPDX-License-Identifier: MIT */
/*
 * From a line to a command's run(), and what all commands print with. CLI's
 * task; no state of its own.
 */
#include "rootpart/cli/command.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/console_input.h"
#include "rootpart/errno_text.h"
#include "rootpart/task.h"

#define MESSAGE 384u

void cli_text(struct cli *cli, const char *text)
{
	out_text(&cli->out, text);
}

void cli_printf(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_vprintf(&cli->out, fmt, args);
	va_end(args);
}

int cli_error(struct cli *cli, int error, const char *fmt, ...)
{
	char text[MESSAGE];
	va_list args;

	va_start(args, fmt);
	(void)format_va(text, sizeof(text), fmt, args);
	va_end(args);
	if (cli->source != NULL)
		cli_printf(cli, "error: %.100s:%u: %s\n", cli->source, cli->line, text);
	else
		cli_printf(cli, "error: %s\n", text);
	return error;
}

int cli_error_errno(struct cli *cli, int error, const char *what)
{
	return cli_error(cli, error, "%.256s: %s", what, errno_text(error));
}

bool cli_interrupted(void)
{
	task_yield();
	return console_interrupted();
}

int cli_number(
	struct cli *cli, const struct cli_args *args, const char *name, u64 min, u64 max, u64 *out)
{
	const char *text = args_value(args, name);
	u64 v;

	if (text == NULL)
		return 0;
	if (str_to_u64(text, true, &v) != 0 || v < min || v > max)
		return cli_error(cli, -EINVAL, "--%s: \"%.64s\" is no number from %llu to %llu",
			name, text, (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return 0;
}

const char *cli_command_word(const struct cli_command *c)
{
	const char *space = strrchr(c->name, ' ');

	return space != NULL ? space + 1 : c->name;
}

static const struct cli_command *find(
	const struct cli_command *const *commands, u32 count, const char *word)
{
	for (u32 i = 0; i < count; i++) {
		if (strcmp(cli_command_word(commands[i]), word) == 0)
			return commands[i];
	}
	return NULL;
}

const struct cli_command *cli_find(const char *word)
{
	return find(cli_commands, cli_command_count, word);
}

const struct cli_command *cli_find_in(const struct cli_command *group, const char *word)
{
	return find(group->commands, group->command_count, word);
}

static int run_command(struct cli *cli, const struct cli_command *c, char *words[], u32 count)
{
	struct cli_args args;
	char why[128];

	if (args_parse(c->options, c->option_count, words, count, &args, why, sizeof(why)) != 0)
		return cli_error(cli, -EINVAL, "%s: %s; see help %s", c->name, why, c->name);
	if (args.count < c->min_words)
		return cli_error(cli, -EINVAL, "%s: words are missing; usage: %s %s", c->name,
			c->name, c->usage);
	if (args.count > c->max_words)
		return cli_error(cli, -EINVAL, "%s: too many words: \"%.64s\"; usage: %s%s%s",
			c->name, args.words[c->max_words], c->name, c->usage[0] != '\0' ? " " : "",
			c->usage);
	return c->run(cli, &args);
}

/* @words: what stands behind the group's name. */
static int run_in_group(struct cli *cli, const struct cli_command *group, char *words[], u32 count)
{
	const struct cli_command *c;

	if (count == 0)
		return cli_error(cli, -EINVAL, "%s: a command is missing; see help %s", group->name,
			group->name);
	c = cli_find_in(group, words[0]);
	if (c == NULL)
		return cli_error(cli, -ENOENT, "no command \"%s %.64s\"; see help %s", group->name,
			words[0], group->name);
	return run_command(cli, c, words + 1, count - 1);
}

int cli_run_line(struct cli *cli, char *line)
{
	const struct cli_command *command;
	char *words[WORDS_MAX];
	int count = words_split(line, words, WORDS_MAX);

	if (count == -EINVAL)
		return cli_error(cli, count, "a quote is not closed");
	if (count < 0)
		return cli_error(cli, count, "more than %u words", WORDS_MAX);
	if (count == 0)
		return 0;
	command = cli_find(words[0]);
	if (command == NULL)
		return cli_error(cli, -ENOENT, "no command \"%.64s\"; see help", words[0]);
	if (command->commands != NULL)
		return run_in_group(cli, command, words + 1, (u32)count - 1);
	return run_command(cli, command, words + 1, (u32)count - 1);
}
