/* SPDX-License-Identifier: MIT */
/*
 * volume list and df, and the group: file systems on disks, and all that are mounted.
 */
#include "rootpart/cli/commands.h"
#include "rootpart/cli/units.h"
#include "rootpart/vfs.h"
#include "rootpart/volume.h"

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static const char *state_of(const struct volume_info *v)
{
	if (v->looking)
		return "looking";
	if (v->path[0] == '\0')
		return "failed";
	return v->read_only ? "read-only" : "mounted";
}

static void volume_json(struct json *j, const struct volume_info *v)
{
	json_object(j, NULL);
	json_string(j, "device", v->device);
	json_string(j, "type", or_null(v->type));
	json_string(j, "label", or_null(v->label));
	json_number(j, "size", v->size);
	json_number(j, "free", v->free);
	json_string(j, "path", or_null(v->path));
	json_string(j, "state", state_of(v));
	json_string(j, "why", or_null(v->why));
	json_bool(j, "uncommitted", v->uncommitted);
	json_close(j);
}

static void volume_row(struct cli *cli, const struct volume_info *v)
{
	char size[UNITS_TEXT], free[UNITS_TEXT];

	cli_printf(cli, "%-10s %-8s %-16s %10s %10s  %-20s %-9s  %s\n", v->device, or_dash(v->type),
		or_dash(v->label), units_bytes(v->size, size), units_bytes(v->free, free),
		or_dash(v->path), state_of(v), or_dash(v->why));
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
	bool json = args_has(args, "json");
	struct volume_info info;
	struct json j;

	if (json) {
		json_begin(&j, &cli->out);
		json_array(&j, NULL);
	} else {
		cli_printf(cli, "%-10s %-8s %-16s %10s %10s  %-20s %-9s  %s\n", "device", "type",
			"label", "size", "free", "path", "state", "why");
	}
	for (u32 i = 0; volume_get(i, &info); i++) {
		if (json)
			volume_json(&j, &info);
		else
			volume_row(cli, &info);
	}
	if (json) {
		json_close(&j);
		json_end(&j);
	}
	return 0;
}

/* NULL: the file system does not say. */
static void mount_json(struct json *j, const char *path, const struct vfs_statfs *s)
{
	json_object(j, NULL);
	json_string(j, "path", path);
	if (s != NULL) {
		json_number(j, "size", s->blocks * s->block_size);
		json_number(j, "used", (s->blocks - s->free_blocks) * s->block_size);
		json_number(j, "free", s->free_blocks * s->block_size);
		json_bool(j, "read_only", s->read_only);
	} else {
		json_string(j, "size", NULL);
		json_string(j, "used", NULL);
		json_string(j, "free", NULL);
		json_string(j, "read_only", NULL);
	}
	json_close(j);
}

static void mount_row(struct cli *cli, const char *path, const struct vfs_statfs *s)
{
	char size[UNITS_TEXT] = "-", used[UNITS_TEXT] = "-", free[UNITS_TEXT] = "-";

	if (s != NULL) {
		(void)units_bytes(s->blocks * s->block_size, size);
		(void)units_bytes((s->blocks - s->free_blocks) * s->block_size, used);
		(void)units_bytes(s->free_blocks * s->block_size, free);
	}
	cli_printf(cli, "%10s %10s %10s  %-9s  %s\n", size, used, free,
		s == NULL      ? "-"
		: s->read_only ? "yes"
			       : "no",
		path);
}

static int run_df(struct cli *cli, const struct cli_args *args)
{
	bool json = args_has(args, "json");
	const char *path;
	struct json j;

	if (json) {
		json_begin(&j, &cli->out);
		json_array(&j, NULL);
	} else {
		cli_printf(cli, "%10s %10s %10s  %-9s  %s\n", "size", "used", "free", "read_only",
			"path");
	}
	for (u32 i = 0; (path = vfs_mounted(i)) != NULL; i++) {
		struct vfs_statfs stat;
		bool known = vfs_statfs(path, &stat) == 0 && stat.free_blocks <= stat.blocks;

		if (json)
			mount_json(&j, path, known ? &stat : NULL);
		else
			mount_row(cli, path, known ? &stat : NULL);
	}
	if (json) {
		json_close(&j);
		json_end(&j);
	}
	return 0;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

static const struct cli_command command_volume_list = {
	.name = "volume list",
	.usage = "[--json]",
	.help = "list the file systems on disks, and where they are mounted",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_list,
};

static const struct cli_command *const commands[] = { &command_volume_bench, &command_volume_list };

const struct cli_command command_volume = {
	.name = "volume",
	.usage = "COMMAND ...",
	.help = "file systems on disks; see help volume",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};

const struct cli_command command_df = {
	.name = "df",
	.usage = "[--json]",
	.help = "list what is mounted, with its size and what is free",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_df,
};
