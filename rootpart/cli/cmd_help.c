/* SPDX-License-Identifier: MIT */
/*
 * help and echo: what needs nothing but the table and its own words.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "rootpart/cli/commands.h"

#define NAME_COLUMN 24

static void list_lines(struct cli *cli, const struct cli_command *const *commands, u32 count)
{
	for (u32 i = 0; i < count; i++)
		cli_printf(cli, "%-10s %s\n", cli_command_word(commands[i]), commands[i]->help);
}

static void list_commands(struct cli *cli)
{
	list_lines(cli, cli_commands, cli_command_count);
	cli_text(cli, "\nhelp COMMAND tells more. Tab completes, Up and Down bring back what was\n"
		      "typed, Ctrl-C ends what runs. Words with spaces go in '...' or \"...\".\n");
}

/* A group has its commands within; groups have no groups. */
static void json_command(struct json *j, const struct cli_command *c)
{
	json_object(j, NULL);
	json_string(j, "name", c->name);
	json_string(j, "usage", c->usage);
	json_string(j, "help", c->help);
	if (c->commands != NULL) {
		json_array(j, "commands");
		for (u32 i = 0; i < c->command_count; i++)
			json_command(j, c->commands[i]);
		json_close(j);
	}
	json_close(j);
}

/* @only NULL: all commands. */
static void list_json(struct cli *cli, const struct cli_command *only)
{
	struct json j;

	json_begin(&j, &cli->out);
	json_array(&j, NULL);
	if (only != NULL)
		json_command(&j, only);
	for (u32 i = 0; only == NULL && i < cli_command_count; i++)
		json_command(&j, cli_commands[i]);
	json_close(&j);
	json_end(&j);
}

static void option_line(struct cli *cli, const struct cli_option *o)
{
	char text[64];
	char letter[5] = "";

	if (o->letter != '\0')
		(void)format(letter, sizeof(letter), "-%c, ", o->letter);
	(void)format(text, sizeof(text), "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
		o->value != NULL ? o->value : "");
	cli_printf(cli, "  %-*s %s\n", NAME_COLUMN, text, o->help);
}

static void describe(struct cli *cli, const struct cli_command *c)
{
	cli_printf(cli, "usage: %s%s%s\n%s\n", c->name, c->usage[0] != '\0' ? " " : "", c->usage,
		c->help);
	if (c->more != NULL)
		cli_printf(cli, "%s\n", c->more);
	for (u32 i = 0; i < c->option_count; i++)
		option_line(cli, &c->options[i]);
	if (c->commands != NULL) {
		cli_text(cli, "\n");
		list_lines(cli, c->commands, c->command_count);
		cli_printf(cli, "\nhelp %s COMMAND tells more.\n", c->name);
	}
}

/* The command that one or two words name, or NULL. */
static const struct cli_command *named(const struct cli_args *args)
{
	const struct cli_command *c = cli_find(args->words[0]);

	if (c == NULL || args->count == 1)
		return c;
	return c->commands != NULL ? cli_find_in(c, args->words[1]) : NULL;
}

static int run_help(struct cli *cli, const struct cli_args *args)
{
	const struct cli_command *c = args->count > 0 ? named(args) : NULL;

	if (args->count > 0 && c == NULL)
		return cli_error(cli, -ENOENT, "no command \"%.64s%s%.64s\"; see help",
			args->words[0], args->count > 1 ? " " : "",
			args->count > 1 ? args->words[1] : "");
	if (args_has(args, "json"))
		list_json(cli, c);
	else if (c != NULL)
		describe(cli, c);
	else
		list_commands(cli);
	return 0;
}

static int run_echo(struct cli *cli, const struct cli_args *args)
{
	for (u32 i = 0; i < args->count; i++) {
		if (i > 0)
			cli_text(cli, " ");
		cli_text(cli, args->words[i]);
	}
	cli_text(cli, "\n");
	return 0;
}

/* Behind a group's name its commands. */
static void complete_help(struct completion *c, const char *typed)
{
	const struct cli_command *group;

	if (c->args->count == 0) {
		complete_command(c, typed);
		return;
	}
	group = cli_find(c->args->words[0]);
	if (group != NULL)
		complete_command_in(c, group, typed);
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_help = {
	.name = "help",
	.usage = "[--json] [COMMAND]",
	.help = "list the commands, or explain one",
	.more = "Commands of a group are named with it: help vm create.",
	.max_words = 2,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_help,
	.complete = complete_help,
};

const struct cli_command command_echo = {
	.name = "echo",
	.usage = "[WORD...]",
	.help = "print the words",
	.more = "Words that begin with a dash stand behind --: echo -- -l",
	.max_words = CLI_ANY_NUMBER,
	.run = run_echo,
};
