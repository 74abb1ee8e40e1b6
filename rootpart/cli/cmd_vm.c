/* SPDX-License-Identifier: MIT */
/*
 * vm: the group of commands for virtual machines, and what they share.
 */
#include "rootpart/cli/cmd_vm.h"

#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"

int vm_failed(struct cli *cli, int error, const char *name, const char *why)
{
	if (error == -ENOENT)
		return cli_error(cli, error, "no VM \"%.64s\"; see vm list", name);
	return cli_error(cli, error, "%.64s: %s", name, why[0] != '\0' ? why : errno_text(error));
}

struct vm_info *vm_look_up(struct cli *cli, const char *name, int *error)
{
	struct vm_info *info = kmalloc(sizeof(*info));

	*error = info != NULL ? vm_get(name, info) : -ENOMEM;
	if (*error == 0)
		return info;
	kfree(info);
	(void)vm_failed(cli, *error, name, "");
	return NULL;
}

int vm_check_file(struct cli *cli, const char *option, const char *path)
{
	struct vfs_stat stat;
	int r = vfs_stat(path, &stat);

	if (r == 0 && stat.type == VFS_DIRECTORY)
		r = -EISDIR;
	if (r != 0)
		return cli_error(cli, r, "--%s: %.256s: %s", option, path, errno_text(r));
	return 0;
}

void complete_vm(struct completion *c, const char *typed)
{
	struct vm_info *info = kmalloc(sizeof(*info));

	if (info == NULL)
		return;
	info->config.name[0] = '\0';
	while (vm_next(info->config.name, info) == 0)
		completion_offer(c, typed, info->config.name);
	kfree(info);
}

static const struct cli_command *const commands[] = {
	&command_vm_console,
	&command_vm_create,
	&command_vm_delete,
	&command_vm_kill,
	&command_vm_list,
	&command_vm_pause,
	&command_vm_reset,
	&command_vm_resume,
	&command_vm_set,
	&command_vm_show,
	&command_vm_start,
	&command_vm_stats,
};

const struct cli_command command_vm = {
	.name = "vm",
	.usage = "COMMAND ...",
	.help = "virtual machines; see help vm",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
