/* SPDX-License-Identifier: MIT */
/*
 * reboot and poweroff.
 */
#include "rootpart/cli/commands.h"
#include "rootpart/power.h"

static int run_reboot(struct cli *cli, const struct cli_args *args)
{
	(void)cli;
	(void)args;
	power_reboot();
}

static int run_poweroff(struct cli *cli, const struct cli_args *args)
{
	(void)cli;
	(void)args;
	power_off();
}

const struct cli_command command_reboot = {
	.name = "reboot",
	.usage = "",
	.help = "start the machine anew",
	.run = run_reboot,
};

const struct cli_command command_poweroff = {
	.name = "poweroff",
	.usage = "",
	.help = "switch the machine off",
	.run = run_poweroff,
};
