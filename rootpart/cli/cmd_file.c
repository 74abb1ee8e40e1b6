/* SPDX-License-Identifier: MIT */
/*
 * ls and cat: looking at files.
 */
#include "base/errno.h"
#include "lib/date.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/sorted.h"
#include "rootpart/vfs.h"

#define CAT_CHUNK 1024u
#define TIME_TEXT 24u

/* How ls shows an entry. */
struct listing {
	struct cli *cli;
	struct json *json; /* NULL: for people */
	bool details;
};

static const char *time_text(u64 seconds, char text[TIME_TEXT])
{
	struct date d = date_of((s64)MIN(seconds, BIT(62)));

	if (seconds == 0)
		return "-";
	(void)format(text, TIME_TEXT, "%04u-%02u-%02u %02u:%02u:%02u", d.year, d.month, d.day,
		d.hour, d.minute, d.second);
	return text;
}

static void list_entry(const struct listing *l, const char *name, const struct vfs_stat *stat)
{
	bool directory = stat->type == VFS_DIRECTORY;
	const char *type = directory ? "directory" : "file";
	char time[TIME_TEXT];

	if (l->json != NULL) {
		json_object(l->json, NULL);
		json_string(l->json, "type", type);
		json_number(l->json, "size", stat->size);
		if (stat->mtime != 0)
			json_number(l->json, "mtime", stat->mtime);
		else
			json_string(l->json, "mtime", NULL);
		json_string(l->json, "name", name);
		json_close(l->json);
	} else if (l->details) {
		cli_printf(l->cli, "%-9s %14llu  %-19s  %s\n", type, (unsigned long long)stat->size,
			time_text(stat->mtime, time), name);
	} else {
		cli_printf(l->cli, "%s%s\n", name, directory ? "/" : "");
	}
}

static int list_entries(const struct listing *l, const struct sorted_entry *e)
{
	for (; e != NULL; e = e->next) {
		if (cli_interrupted())
			return -EINTR;
		list_entry(l, e->name, &e->stat);
	}
	return 0;
}

/* A file is listed as itself, by its last name: @first is NULL then. */
static int list_all(const struct listing *l, const char *path, const struct vfs_stat *stat,
	const struct sorted_entry *first)
{
	const char *slash = strrchr(path, '/');
	int r = 0;

	if (l->json != NULL) {
		json_begin(l->json, &l->cli->out);
		json_array(l->json, NULL);
	} else if (l->details) {
		cli_text(l->cli, "type                size  mtime                name\n");
	}
	if (stat->type == VFS_FILE)
		list_entry(l, slash != NULL ? slash + 1 : path, stat);
	else
		r = list_entries(l, first);
	if (l->json != NULL) {
		json_close(l->json);
		json_end(l->json);
	}
	return r;
}

static int list_path(const struct listing *l, const char *path)
{
	struct sorted_entry *first = NULL;
	struct vfs_stat stat;
	int r = vfs_stat(path, &stat);

	if (r == 0 && stat.type == VFS_DIRECTORY)
		r = sorted_read(path, &first);
	if (r == -EINTR)
		return r;
	if (r != 0)
		return cli_error_errno(l->cli, r, path);
	r = list_all(l, path, &stat, first);
	sorted_free(first);
	return r;
}

static int run_ls(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	const struct listing l = {
		.cli = cli,
		.json = args_has(args, "json") ? &json : NULL,
		.details = args_has(args, "long"),
	};

	return list_path(&l, args->count > 0 ? args->words[0] : "/");
}

static int cat_file(struct cli *cli, const char *path)
{
	char text[CAT_CHUNK];
	struct vfs_file file;
	s64 n = vfs_open(path, VFS_READ, &file);

	if (n != 0)
		return cli_error_errno(cli, (int)n, path);
	while ((n = vfs_read(&file, text, sizeof(text))) > 0) {
		if (cli_interrupted())
			n = -EINTR;
		if (n < 0)
			break;
		cli->out.write(&cli->out, text, (size_t)n);
	}
	vfs_close(&file);
	return n == 0 || n == -EINTR ? (int)n : cli_error_errno(cli, (int)n, path);
}

static int run_cat(struct cli *cli, const struct cli_args *args)
{
	int r = 0;

	for (u32 i = 0; i < args->count && r != -EINTR; i++) {
		int one = cat_file(cli, args->words[i]);

		r = one != 0 ? one : r;
	}
	return r;
}

static const struct cli_option ls_options[] = {
	{ .name = "long",
		.letter = 'l',
		.help = "with type, size in bytes and time of the last change (UTC)" },
	CLI_OPTION_JSON,
};

const struct cli_command command_ls = {
	.name = "ls",
	.usage = "[-l] [--json] [PATH]",
	.help = "list a directory",
	.max_words = 1,
	.options = ls_options,
	.option_count = ARRAY_SIZE(ls_options),
	.run = run_ls,
	.complete = complete_path,
};

const struct cli_command command_cat = {
	.name = "cat",
	.usage = "PATH...",
	.help = "print files",
	.min_words = 1,
	.max_words = CLI_ANY_NUMBER,
	.run = run_cat,
	.complete = complete_path,
};
