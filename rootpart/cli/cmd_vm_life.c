/* SPDX-License-Identifier: MIT */
/*
 * vm start, kill, reset, pause, resume, delete: what a VM goes through.
 */
#include "rootpart/cli/cmd_vm.h"

static int act(
	struct cli *cli, const struct cli_args *args, int (*action)(const char *name, char *why))
{
	char why[VM_WHY] = "";
	int r = action(args->words[0], why);

	return r != 0 ? vm_failed(cli, r, args->words[0], why) : 0;
}

static int run_start(struct cli *cli, const struct cli_args *args)
{
	return act(cli, args, vm_start);
}

static int run_kill(struct cli *cli, const struct cli_args *args)
{
	char why[VM_WHY] = "";
	bool was_off = false;
	int r = vm_kill(args->words[0], &was_off, why);

	if (r != 0)
		return vm_failed(cli, r, args->words[0], why);
	if (was_off)
		cli_printf(cli, "%s is off already\n", args->words[0]);
	return 0;
}

static int run_reset(struct cli *cli, const struct cli_args *args)
{
	return act(cli, args, vm_reset);
}

static int run_pause(struct cli *cli, const struct cli_args *args)
{
	return act(cli, args, vm_pause);
}

static int run_resume(struct cli *cli, const struct cli_args *args)
{
	return act(cli, args, vm_resume);
}

static int run_delete(struct cli *cli, const struct cli_args *args)
{
	return act(cli, args, vm_delete);
}

/* Commands that need nothing but the name of a VM. */
#define COMMAND(command, command_help)                    \
	const struct cli_command command_vm_##command = { \
		.name = "vm " #command,                   \
		.usage = "NAME",                          \
		.help = command_help,                     \
		.min_words = 1,                           \
		.max_words = 1,                           \
		.run = run_##command,                     \
		.complete = complete_vm,                  \
	}

COMMAND(start, "start a VM");
COMMAND(kill, "switch a VM off at once, as if its plug was pulled");
COMMAND(reset, "build a VM anew from its configuration and start it");
COMMAND(pause, "let a VM and its time stand still");
COMMAND(resume, "let a paused VM go on");
COMMAND(delete, "remove a VM that is off, and its configuration");
