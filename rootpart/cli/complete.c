/* SPDX-License-Identifier: MIT */
/*
 * What Tab offers: commands first, then what the command says. Words with
 * quotes are left alone. CLI's task.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/command.h"
#include "rootpart/vfs.h"

void complete_command(struct completion *c, const char *typed)
{
	for (u32 i = 0; i < cli_command_count; i++)
		completion_offer(c, typed, cli_commands[i]->name);
}

void complete_path(struct completion *c, const char *typed)
{
	struct vfs_directory directory;
	const char *slash = strrchr(typed, '/');
	int top = slash != NULL ? (int)(slash + 1 - typed) : 0;
	char path[COMPLETION_WORD];
	struct vfs_entry entry;

	(void)format(path, sizeof(path), "%.*s", top, typed);
	if (vfs_opendir(top > 0 ? path : "/", &directory) != 0)
		return;
	while (vfs_readdir(&directory, &entry) == 1) {
		bool is_directory = entry.stat.type == VFS_DIRECTORY;

		(void)format(path, sizeof(path), "%.*s%s%s", top, typed, entry.name,
			is_directory ? "/" : "");
		if (strchr(entry.name, ' ') == NULL)
			completion_offer(c, typed, path);
	}
}

static void complete_option(
	struct completion *c, const struct cli_command *command, const char *typed)
{
	char word[COMPLETION_WORD];

	for (u32 i = 0; i < command->option_count; i++) {
		(void)format(word, sizeof(word), "--%s", command->options[i].name);
		completion_offer(c, typed, word);
	}
}

static size_t skip_spaces(const char *line, size_t at)
{
	while (line[at] == ' ')
		at++;
	return at;
}

/* The command that the line begins with, NULL if there is none. */
static const struct cli_command *command_of(const char *line, size_t first)
{
	char name[COMPLETION_WORD];
	size_t len = 0;

	while (line[first + len] != ' ' && len < sizeof(name) - 1) {
		name[len] = line[first + len];
		len++;
	}
	name[len] = '\0';
	return cli_find(name);
}

void complete_line(void *ctx, const char *line, size_t cursor, struct completion *c)
{
	const struct cli_command *command;
	char typed[COMPLETION_WORD];
	size_t first = skip_spaces(line, 0);

	(void)ctx;
	c->from = cursor;
	while (c->from > 0 && line[c->from - 1] != ' ')
		c->from--;
	if (cursor - c->from >= sizeof(typed))
		return;
	memcpy(typed, line + c->from, cursor - c->from);
	typed[cursor - c->from] = '\0';
	if (strchr(typed, '"') != NULL || strchr(typed, '\'') != NULL)
		return;
	if (c->from <= first) {
		complete_command(c, typed);
		return;
	}
	command = command_of(line, first);
	if (command == NULL)
		return;
	if (typed[0] == '-')
		complete_option(c, command, typed);
	else if (command->complete != NULL)
		command->complete(c, typed);
}
