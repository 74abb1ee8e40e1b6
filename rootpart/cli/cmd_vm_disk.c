/* SPDX-License-Identifier: MIT */
/*
 * Options of vm create and vm set that are about disks. Each is tried in a configuration before
 * any of a line is done.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/vm/vm_disk_text.h"

#define REMOVE "remove-disk"

bool vm_disk_option(const char *option)
{
	return strcmp(option, "disk") == 0 || strcmp(option, "add-disk") == 0 ||
	       strcmp(option, REMOVE) == 0;
}

static int try_add(struct cli *cli, const char *option, const char *value, struct vm_config *c)
{
	struct vm_disk_text disk;
	const char *wrong = vm_disk_text_parse(&disk, value);
	u32 lun;
	int r;

	if (wrong != NULL)
		return cli_error(cli, -EINVAL, "--%s: \"%.256s\": %s", option, value, wrong);
	r = vm_check_file(cli, option, disk.path);
	if (r != 0)
		return r;
	lun = vm_disk_text_find(c, disk.path);
	if (lun < VM_DISKS_MAX)
		return cli_error(cli, -EEXIST, "--%s: %.256s: %s has this disk already, as LUN %u",
			option, disk.path, c->name, lun);
	lun = vm_disk_text_free(c);
	if (lun == VM_DISKS_MAX)
		return cli_error(cli, -ENOSPC, "--%s: %.256s: a VM has at most %u disks", option,
			disk.path, VM_DISKS_MAX);
	vm_disk_text_format(&disk, c->disks[lun]);
	return 0;
}

/* The LUN of the disk at @path, in any form; VM_DISKS_MAX: there is none. */
static u32 find(const struct vm_config *c, const char *path)
{
	char normal[PATH_MAX];

	return path_normalise(path, normal) == 0 ? vm_disk_text_find(c, normal) : VM_DISKS_MAX;
}

static int try_remove(struct cli *cli, const char *path, struct vm_config *c)
{
	u32 lun = find(c, path);

	if (lun == VM_DISKS_MAX)
		return cli_error(cli, -ENOENT,
			"--" REMOVE ": %s has no disk \"%.160s\"; see vm show %s", c->name, path,
			c->name);
	c->disks[lun][0] = '\0';
	return 0;
}

int vm_disk_option_try(struct cli *cli, const char *option, const char *value, struct vm_config *c)
{
	return strcmp(option, REMOVE) == 0 ? try_remove(cli, value, c)
					   : try_add(cli, option, value, c);
}

/* The VM was there: an error that nothing was found is about the disk. */
static int failed(struct cli *cli, int error, const char *name, const char *why)
{
	return cli_error(cli, error, "%.64s: %s", name, why[0] != '\0' ? why : errno_text(error));
}

/* A path may be longer than what cli_printf() takes. */
static void tell(struct cli *cli, const char *what, const char *path, const char *as, u32 lun)
{
	cli_text(cli, what);
	cli_text(cli, path);
	cli_printf(cli, "%s LUN %u\n", as, lun);
}

/* The VM itself says which LUN it has. */
static int tell_added(struct cli *cli, const char *value, const char *name)
{
	struct vm_disk_text disk;
	struct vm_info *info;
	int r;

	info = vm_look_up(cli, name, &r);
	if (info == NULL)
		return r;
	if (vm_disk_text_parse(&disk, value) == NULL)
		tell(cli, "added ", disk.path, disk.read_only ? ", read-only, as" : " as",
			vm_disk_text_find(&info->config, disk.path));
	kfree(info);
	return 0;
}

static int do_add(struct cli *cli, const char *value, const char *name)
{
	char why[VM_WHY] = "";
	int r = vm_add_disk(name, value, why);

	return r != 0 ? failed(cli, r, name, why) : tell_added(cli, value, name);
}

static int do_remove(struct cli *cli, const char *path, const char *name)
{
	struct vm_info *info;
	char why[VM_WHY] = "";
	u32 lun;
	int r;

	info = vm_look_up(cli, name, &r);
	if (info == NULL)
		return r;
	lun = find(&info->config, path);
	kfree(info);
	r = vm_remove_disk(name, path, why);
	if (r != 0)
		return failed(cli, r, name, why);
	tell(cli, "removed ", path, ", which was", lun);
	return 0;
}

int vm_disk_option_do(struct cli *cli, const char *option, const char *value, const char *name)
{
	return strcmp(option, REMOVE) == 0 ? do_remove(cli, value, name) : do_add(cli, value, name);
}
