/* SPDX-License-Identifier: MIT */
/*
 * cp and mv.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/copy.h"
#include "rootpart/vfs.h"

/* Normal paths; an existing directory as target stands for a name in it. */
struct paths {
	char source[PATH_MAX];
	char target[PATH_MAX];
	bool directory; /* the source is one */
};

static int into_directory(struct paths *p)
{
	char directory[PATH_MAX];

	(void)str_copy(directory, p->target, sizeof(directory));
	return path_join(directory, strrchr(p->source, '/') + 1, p->target);
}

/* "name/" is for what is a directory, or becomes one. */
static bool wants_directory(const char *path)
{
	return path[0] != '\0' && path[strlen(path) - 1] == '/';
}

/* @target as typed, to p->target. */
static int resolve_target(const char *target, struct paths *p)
{
	struct vfs_stat stat;
	int r = path_normalise(target, p->target);
	bool there = r == 0 && vfs_stat(target, &stat) == 0;

	if (there && stat.type == VFS_DIRECTORY)
		r = into_directory(p);
	else if (r == 0 && wants_directory(target) && !p->directory)
		r = there ? -ENOTDIR : -ENOENT;
	if (r == 0 && vfs_stat(p->target, &stat) == 0 &&
		(stat.type == VFS_DIRECTORY) != p->directory)
		r = p->directory ? -ENOTDIR : -EISDIR;
	return r;
}

static int resolve(struct cli *cli, const struct cli_args *args, struct paths *p)
{
	const char *source = args->words[0], *target = args->words[1];
	struct vfs_stat stat;
	int r = path_normalise(source, p->source);

	if (r == 0)
		r = vfs_stat(source, &stat);
	if (r != 0)
		return cli_error_errno(cli, r, source);
	p->directory = stat.type == VFS_DIRECTORY;
	r = resolve_target(target, p);
	if (r != 0)
		return cli_error_errno(cli, r, target);
	if (path_below(p->target, p->source) == NULL)
		return 0;
	if (strcmp(p->target, p->source) == 0)
		return cli_error(cli, -EINVAL, "%.256s: is itself the source", p->target);
	if (!p->directory)
		return cli_error_errno(cli, -ENOTDIR, p->target);
	return cli_error(cli, -EINVAL, "%.256s: is inside of the source", p->target);
}

static int run_cp(struct cli *cli, const struct cli_args *args)
{
	struct copy copy;
	struct paths p;
	int r = resolve(cli, args, &p);

	if (r != 0)
		return r;
	if (p.directory && !args_has(args, "recursive"))
		return cli_error(
			cli, -EISDIR, "%.256s: is a directory; -r copies it", args->words[0]);
	if (!copy_begin(&copy, cli))
		return cli_error_errno(cli, -ENOMEM, "cp");
	r = copy_tree(&copy, p.source, p.target);
	copy_end(&copy);
	return r;
}

/* To another file system: a copy, then the source goes. */
static int move_file(struct cli *cli, const struct paths *p)
{
	struct copy copy;
	int r;

	if (p->directory)
		return cli_error(cli, -EXDEV, "%.256s: is on another file system; cp -r copies it",
			p->target);
	/* Or the copy would be all that it comes to. */
	if (vfs_is_read_only(p->source))
		return cli_error_errno(cli, -EROFS, p->source);
	if (!copy_begin(&copy, cli))
		return cli_error_errno(cli, -ENOMEM, "mv");
	r = copy_file(&copy, p->source, p->target);
	copy_end(&copy);
	if (r != 0)
		return r;
	r = vfs_remove(p->source);
	return r != 0 ? cli_error_errno(cli, r, p->source) : 0;
}

static bool holds_mount(const char *path)
{
	const char *mount;

	for (u32 i = 0; (mount = vfs_mounted(i)) != NULL; i++) {
		if (path_below(mount, path) != NULL)
			return true;
	}
	return false;
}

static int run_mv(struct cli *cli, const struct cli_args *args)
{
	struct paths p;
	int r = resolve(cli, args, &p);

	if (r != 0)
		return r;
	r = vfs_rename(p.source, p.target);
	if (r == -EXDEV)
		return move_file(cli, &p);
	if (r == -EBUSY && holds_mount(p.source))
		return cli_error_errno(cli, r, p.source);
	return r != 0 ? cli_error_errno(cli, r, p.target) : 0;
}

static const struct cli_option cp_options[] = {
	{ .name = "recursive", .letter = 'r', .help = "directories, with all that is in them" },
};

const struct cli_command command_cp = {
	.name = "cp",
	.usage = "[-r] SOURCE TARGET",
	.help = "copy files",
	.more = "A directory as TARGET gets the copy under its name. A copy takes the place of a\n"
		"file when it is whole; Ctrl-C leaves nothing of one that is not.",
	.min_words = 2,
	.max_words = 2,
	.options = cp_options,
	.option_count = ARRAY_SIZE(cp_options),
	.run = run_cp,
	.complete = complete_path,
};

const struct cli_command command_mv = {
	.name = "mv",
	.usage = "SOURCE TARGET",
	.help = "move or rename a file or a directory",
	.more = "To another file system only files are moved, by way of a copy.",
	.min_words = 2,
	.max_words = 2,
	.run = run_mv,
	.complete = complete_path,
};
