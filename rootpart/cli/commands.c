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
	&command_poweroff,
	&command_reboot,
	&command_run,
	&command_top,
	&command_trace,
};

const u32 cli_command_count = ARRAY_SIZE(cli_commands);

const struct cli_command *cli_find(const char *name)
{
	for (u32 i = 0; i < cli_command_count; i++) {
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	}
	return NULL;
}
