/* SPDX-License-Identifier: MIT */
/*
 * disk: the group of commands for disks, and what they share.
 */
#include "rootpart/cli/cmd_disk.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/commands.h"
#include "rootpart/errno_text.h"

#define DEV "/dev/"

struct block_device *disk_look_up(struct cli *cli, const char *word)
{
	const char *name = strncmp(word, DEV, strlen(DEV)) == 0 ? word + strlen(DEV) : word;
	struct block_device *d = block_find(name);

	if (d == NULL)
		(void)cli_error(cli, -ENOENT, "no disk \"%.64s\"; see disk list", word);
	return d;
}

void complete_disk(struct completion *c, const char *typed)
{
	char path[sizeof(DEV) + BLOCK_NAME_SIZE];

	for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
		(void)format(path, sizeof(path), DEV "%s", d->name);
		completion_offer(c, typed, path);
	}
}

static bool has_partitions(const struct block_device *d)
{
	const struct block_device *next = block_next(d);

	return next != NULL && next->parent == d;
}

int disk_hold(struct cli *cli, struct block_device *d, bool force)
{
	char other[BLOCK_HOLDER_SIZE];

	if (d->limits.read_only)
		return cli_error(cli, -EROFS, "%s: is read-only", d->name);
	if (!force && (d->parent != NULL || has_partitions(d)))
		return cli_error(cli, -EBUSY,
			"%s: %s; what is there would be lost: --force does it all the same",
			d->name, d->parent != NULL ? "is a partition" : "has partitions");
	if (block_hold(d, "a disk command", other) != 0)
		return cli_error(cli, -EBUSY, "%s: in use: %s", d->name, other);
	return 0;
}

int disk_failed(struct cli *cli, const struct block_device *d, int error)
{
	return cli_error(cli, error, "%s: %s", d->name,
		error == -ENODEV ? "off line; see log" : errno_text(error));
}

static const struct cli_command *const commands[] = {
	&command_disk_bench,
	&command_disk_check,
	&command_disk_create,
	&command_disk_list,
};

const struct cli_command command_disk = {
	.name = "disk",
	.usage = "COMMAND ...",
	.help = "disks; see help disk",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
