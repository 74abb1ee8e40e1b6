/* SPDX-License-Identifier: MIT */
/*
 * help and echo: what needs nothing but the table and its own words.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "rootpart/cli/commands.h"

#define NAME_COLUMN 24

static void list_commands(struct cli *cli)
{
	for (u32 i = 0; i < cli_command_count; i++)
		cli_printf(cli, "%-10s %s\n", cli_commands[i]->name, cli_commands[i]->help);
	cli_text(cli, "\nhelp COMMAND tells more. Tab completes, Up and Down bring back what was\n"
		      "typed, Ctrl-C ends what runs. Words with spaces go in '...' or \"...\".\n");
}

/* @only NULL: all commands. */
static void list_json(struct cli *cli, const struct cli_command *only)
{
	struct json j;

	json_begin(&j, &cli->out);
	json_array(&j, NULL);
	for (u32 i = 0; i < cli_command_count; i++) {
		if (only != NULL && only != cli_commands[i])
			continue;
		json_object(&j, NULL);
		json_string(&j, "name", cli_commands[i]->name);
		json_string(&j, "usage", cli_commands[i]->usage);
		json_string(&j, "help", cli_commands[i]->help);
		json_close(&j);
	}
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
}

static int run_help(struct cli *cli, const struct cli_args *args)
{
	const struct cli_command *c = NULL;

	if (args->count > 0) {
		c = cli_find(args->words[0]);
		if (c == NULL)
			return cli_error(
				cli, -ENOENT, "no command \"%.64s\"; see help", args->words[0]);
	}
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

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_help = {
	.name = "help",
	.usage = "[--json] [COMMAND]",
	.help = "list the commands, or explain one",
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_help,
	.complete = complete_command,
};

const struct cli_command command_echo = {
	.name = "echo",
	.usage = "[WORD...]",
	.help = "print the words",
	.more = "Words that begin with a dash stand behind --: echo -- -l",
	.max_words = CLI_ANY_NUMBER,
	.run = run_echo,
};
