/* SPDX-License-Identifier: MIT */
/*
 * mkdir and rm: what there is of directories and files.
 */
#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/vfs.h"

/* Each path by itself, also after one that failed; the last error. */
static int for_each_path(
	struct cli *cli, const struct cli_args *args, int (*change)(const char *path))
{
	int r = 0;

	for (u32 i = 0; i < args->count; i++) {
		int one = change(args->words[i]);

		if (one != 0)
			r = cli_error_errno(cli, one, args->words[i]);
		if (cli_interrupted())
			return -EINTR;
	}
	return r;
}

static int run_mkdir(struct cli *cli, const struct cli_args *args)
{
	return for_each_path(cli, args, vfs_mkdir);
}

static int run_rm(struct cli *cli, const struct cli_args *args)
{
	return for_each_path(cli, args, vfs_remove);
}

const struct cli_command command_mkdir = {
	.name = "mkdir",
	.usage = "PATH...",
	.help = "make directories",
	.min_words = 1,
	.max_words = CLI_ANY_NUMBER,
	.run = run_mkdir,
	.complete = complete_path,
};

const struct cli_command command_rm = {
	.name = "rm",
	.usage = "PATH...",
	.help = "remove files and empty directories",
	.min_words = 1,
	.max_words = CLI_ANY_NUMBER,
	.run = run_rm,
	.complete = complete_path,
};
