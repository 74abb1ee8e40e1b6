/* SPDX-License-Identifier: MIT */
/*
 * The table of commands, in the order of their names.
 */
#include "rootpart/cli/commands.h"

const struct cli_command *const cli_commands[] = {
	&command_cat,
	&command_cp,
	&command_df,
	&command_disk,
	&command_echo,
	&command_help,
	&command_host,
	&command_log,
	&command_ls,
	&command_mkdir,
	&command_mv,
	&command_net,
	&command_nic,
	&command_pci,
	&command_poweroff,
	&command_reboot,
	&command_rm,
	&command_run,
	&command_sha256,
	&command_top,
	&command_trace,
	&command_vm,
	&command_volume,
};

const u32 cli_command_count = ARRAY_SIZE(cli_commands);
