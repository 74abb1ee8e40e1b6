/* SPDX-License-Identifier: MIT */
/*
 * disk create: image files that VMs' disks lie in.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_disk.h"
#include "rootpart/cli/progress.h"
#include "rootpart/vfs.h"

#define SIZE_MIN   512u
#define SIZE_LIMIT (16ull << 40)
/* Between two looks at Ctrl-C. */
#define STEP (64 * MIB)

static int allocate(struct cli *cli, struct vfs_file *file, u64 size)
{
	struct progress progress;
	int r = 0;

	progress_begin(&progress, cli, size);
	for (u64 at = 0; r == 0 && at < size; at += STEP) {
		u64 len = MIN(STEP, size - at);

		r = cli_interrupted() ? -EINTR : vfs_allocate(file, at, len);
		if (r == 0)
			progress_add(&progress, len);
	}
	progress_end(&progress);
	return r;
}

static int create(struct cli *cli, const char *path, u64 size, bool full)
{
	struct vfs_file file;
	struct vfs_stat stat;
	int r = vfs_stat(path, &stat);

	if (r != -ENOENT)
		return r != 0 ? r : -EEXIST;
	r = vfs_open(path, VFS_WRITE | VFS_CREATE, &file);
	if (r != 0)
		return r;
	r = vfs_truncate(&file, size);
	if (r == 0 && full)
		r = allocate(cli, &file, size);
	if (r == 0)
		r = vfs_sync(&file);
	vfs_close(&file);
	if (r != 0)
		(void)vfs_remove(path);
	return r;
}

static int get_size(struct cli *cli, const struct cli_args *args, u64 *size)
{
	const char *text = args_value(args, "size");

	if (text == NULL)
		return cli_error(cli, -EINVAL, "disk create: --size is missing");
	if (str_to_u64(text, true, size) != 0 || *size < SIZE_MIN || *size > SIZE_LIMIT)
		return cli_error(cli, -EINVAL,
			"--size: \"%.64s\" is not from 512 to 16T; K, M, G or T may follow the "
			"number",
			text);
	if (*size % SIZE_MIN != 0)
		return cli_error(cli, -EINVAL, "--size: not a multiple of %u", SIZE_MIN);
	return 0;
}

static int run_create(struct cli *cli, const struct cli_args *args)
{
	const char *path = args->words[0];
	u64 size;
	int r = get_size(cli, args, &size);

	if (r != 0)
		return r;
	r = create(cli, path, size, args_has(args, "full"));
	return r != 0 && r != -EINTR ? cli_error_errno(cli, r, path) : r;
}

static const struct cli_option options[] = {
	{ .name = "size", .value = "SIZE", .help = "of the disk: 20G" },
	{ .name = "full", .help = "take all of its room now, not when it is written" },
};

const struct cli_command command_disk_create = {
	.name = "disk create",
	.usage = "--size SIZE [--full] PATH",
	.help = "make an image file for a disk of a VM",
	.more = "Without --full the file is sparse: it has the size, and takes the room of what "
		"was\n"
		"written to it.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_create,
	.complete = complete_path,
};
