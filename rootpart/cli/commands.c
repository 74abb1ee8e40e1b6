/* SPDX-License-Identifier: MIT */
/*
 * The table of commands, in the order of their names.
 */
#include "rootpart/cli/commands.h"

#include "lib/string.h"

const struct cli_command *const cli_commands[] = {
	&command_cat,
	&command_echo,
	&command_help,
	&command_host,
	&command_log,
	&command_ls,
	&command_mkdir,
	&command_poweroff,
	&command_reboot,
	&command_rm,
	&command_run,
	&command_top,
	&command_trace,
	&command_vm,
};

const u32 cli_command_count = ARRAY_SIZE(cli_commands);

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
