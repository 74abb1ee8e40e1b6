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

void complete_disk(struct completion *c, const char *typed)
{
	char path[sizeof(DEV) + BLOCK_NAME_SIZE];

	for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
		(void)format(path, sizeof(path), DEV "%s", d->name);
		completion_offer(c, typed, path);
	}
	if (strncmp(typed, DEV, strlen(DEV)) != 0)
		complete_path(c, typed);
}

/* The path that @word means: "disk0" is "/dev/disk0". -ENAMETOOLONG. */
static int path_of(const char *word, char path[PATH_MAX])
{
	if (word[0] == '/')
		return str_copy(path, word, PATH_MAX);
	return format(path, PATH_MAX, DEV "%s", word) < (int)PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool has_partitions(const struct block_device *d)
{
	const struct block_device *next = block_next(d);

	return next != NULL && next->parent == d;
}

/* What is below /dev: that it is there, and may be written. */
static int check_device(struct cli *cli, const char *word, const char *name, bool write, bool force)
{
	const struct block_device *d = block_find(name);

	if (d == NULL)
		return cli_error(cli, -ENOENT, "no disk \"%.64s\"; see disk list", word);
	if (d->limits.sectors == 0)
		return cli_error(cli, -ENODEV, "%s: is empty", d->name);
	if (write && d->limits.read_only)
		return cli_error(cli, -EROFS, "%s: is read-only", d->name);
	if (write && !force && (d->parent != NULL || has_partitions(d)))
		return cli_error(cli, -EBUSY,
			"%s: %s; what is there would be lost: --force does it all the same",
			d->name, d->parent != NULL ? "is a partition" : "has partitions");
	return 0;
}

static int open_failed(struct cli *cli, const char *path, int error, const char *other)
{
	const char *name = strncmp(path, DEV, strlen(DEV)) == 0 ? path + strlen(DEV) : path;

	if (error == -EBUSY)
		return cli_error(
			cli, error, "%s: in use%s%s", name, other[0] != '\0' ? ": " : "", other);
	if (error == -EINVAL)
		return cli_error(
			cli, error, "%s: is no disk: it is not whole sectors of 512 bytes", name);
	return cli_error_errno(cli, error, name);
}

int disk_open(struct cli *cli, const struct cli_args *args, struct vdisk **out)
{
	char path[PATH_MAX], other[BLOCK_HOLDER_SIZE];
	struct vdisk_how how = {
		.path = path, .holder = "a disk command", .write = args_has(args, "write")
	};
	int r = path_of(args->words[0], path);

	if (r != 0)
		return cli_error_errno(cli, r, "path");
	if (strncmp(path, DEV, strlen(DEV)) == 0)
		r = check_device(cli, args->words[0], path + strlen(DEV), how.write,
			args_has(args, "force"));
	if (r != 0)
		return r;
	r = vdisk_open(&how, other, out);
	return r != 0 ? open_failed(cli, path, r, other) : 0;
}

int disk_failed(struct cli *cli, const char *name, int error)
{
	return cli_error(cli, error, "%s: %s", name,
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
