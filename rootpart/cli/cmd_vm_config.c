/* SPDX-License-Identifier: MIT */
/*
 * vm create and vm set: options that are the settings of vm.conf by the same
 * names. All of them are looked at before anything is changed.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/heap.h"
#include "rootpart/vm/vm_keys.h"
#include "rootpart/vm/vm_store.h"

#define NO "no-" /* in front of a setting that is yes or no */

/* The child's files must be there now, so that it can start later. */
static int check_file(struct cli *cli, const char *option, const char *path)
{
	return path[0] != '\0' ? vm_check_file(cli, option, path) : 0;
}

static int check_affinity(struct cli *cli, u64 affinity)
{
	u32 count = boot_info()->processors;
	u32 cpu = count;

	while (cpu < 64 && !(affinity >> cpu & 1))
		cpu++;
	if (cpu < 64)
		return cli_error(cli, -EINVAL,
			"--affinity: there is no processor %u, this machine has 0 to %u", cpu,
			count - 1);
	return 0;
}

/* What vm_keys.c cannot know: the machine that it is made on. */
static int check_given(struct cli *cli, const char *option, const struct vm_config *c)
{
	if (strcmp(option, "kernel") == 0)
		return check_file(cli, option, c->kernel);
	if (strcmp(option, "initrd") == 0)
		return check_file(cli, option, c->initrd);
	if (strcmp(option, "affinity") == 0)
		return check_affinity(cli, c->affinity);
	return 0;
}

static bool is_no(const char *option)
{
	return strncmp(option, NO, strlen(NO)) == 0;
}

static const struct vm_key *key_of(const char *option)
{
	return vm_key_find(option + (is_no(option) ? strlen(NO) : 0));
}

static int apply_one(struct cli *cli, const char *option, const char *value, struct vm_config *c)
{
	const struct vm_key *key = key_of(option);
	bool no = is_no(option);
	char why[VM_KEY_WHY];

	if (vm_disk_option(option))
		return vm_disk_option_try(cli, option, value, c);
	if (value == NULL)
		value = no ? "no" : "yes";
	if (vm_key_set(key, c, value, why) != 0)
		return cli_error(cli, -EINVAL, "--%s: %s", option, why);
	return check_given(cli, option, c);
}

static int apply(struct cli *cli, const struct cli_args *args, struct vm_config *c)
{
	const char *clash;
	int r = 0;

	for (u32 i = 0; i < args->given_count && r == 0; i++)
		r = apply_one(cli, args->given[i].option->name, args->given[i].value, c);
	clash = vm_config_clash(c);
	if (r == 0 && clash != NULL)
		r = cli_error(cli, -EINVAL, "%s: %s", c->name, clash);
	return r;
}

static int create(struct cli *cli, const struct cli_args *args, struct vm_config *c)
{
	char why[VM_WHY] = "";
	int r = apply(cli, args, c);

	if (r != 0)
		return r;
	r = vm_create(c, why);
	if (r != 0)
		return vm_failed(cli, r, c->name, why);
	if (vm_store_is_volatile())
		cli_text(cli, "note: no VMSTORE volume, VMs are lost at power-off\n");
	return 0;
}

static int run_create(struct cli *cli, const struct cli_args *args)
{
	const char *wrong = vm_name_wrong(args->words[0]);
	struct vm_config *c;
	int r;

	if (wrong != NULL)
		return cli_error(cli, -EINVAL, "%s", wrong);
	c = kmalloc(sizeof(*c));
	if (c == NULL)
		return cli_error_errno(cli, -ENOMEM, "vm create");
	vm_config_default(c, args->words[0]);
	r = create(cli, args, c);
	kfree(c);
	return r;
}

/* What else is given than disks. */
static bool has_settings(const struct cli_args *args)
{
	for (u32 i = 0; i < args->given_count; i++)
		if (!vm_disk_option(args->given[i].option->name))
			return true;
	return false;
}

/* All that is given is what a running VM has at once. */
static bool all_live(const struct cli_args *args)
{
	for (u32 i = 0; i < args->given_count; i++) {
		const char *option = args->given[i].option->name;

		if (!vm_disk_option(option) && !key_of(option)->live)
			return false;
	}
	return true;
}

static int set_disks(struct cli *cli, const struct cli_args *args, const char *name)
{
	int r = 0;

	for (u32 i = 0; i < args->given_count && r == 0; i++) {
		const char *option = args->given[i].option->name;

		if (vm_disk_option(option))
			r = vm_disk_option_do(cli, option, args->given[i].value, name);
	}
	return r;
}

/* All but the disks, which *c gets as they are now: info's may be older. */
static int set_others(
	struct cli *cli, const struct cli_args *args, struct vm_config *c, struct vm_info *info)
{
	char why[VM_WHY] = "";
	int r = vm_get(c->name, info);

	if (r == 0) {
		memcpy(c->disks, info->config.disks, sizeof(c->disks));
		r = vm_configure(c, why);
	}
	if (r != 0)
		return vm_failed(cli, r, c->name, why);
	if (vm_is_on(info->state) && !all_live(args))
		cli_printf(cli, "note: %s is %s, this takes effect at its next start\n", c->name,
			vm_state_name(info->state));
	return 0;
}

/* Disks first, because a machine that is on may still refuse one. */
static int set(struct cli *cli, const struct cli_args *args, struct vm_info *info)
{
	struct vm_config *c = kmalloc(sizeof(*c));
	int r;

	if (c == NULL)
		return cli_error_errno(cli, -ENOMEM, "vm set");
	*c = info->config;
	r = apply(cli, args, c);
	if (r == 0)
		r = set_disks(cli, args, c->name);
	if (r == 0 && has_settings(args))
		r = set_others(cli, args, c, info);
	kfree(c);
	return r;
}

static int run_set(struct cli *cli, const struct cli_args *args)
{
	struct vm_info *info;
	int r;

	if (args->given_count == 0)
		return cli_error(
			cli, -EINVAL, "vm set: nothing to set; see help vm set for the options");
	info = vm_look_up(cli, args->words[0], &r);
	if (info == NULL)
		return r;
	r = set(cli, args, info);
	kfree(info);
	return r;
}

static void complete_on_reset(struct completion *c, const char *typed)
{
	completion_offer(c, typed, "restart");
	completion_offer(c, typed, "stop");
}

static void complete_sector_size(struct completion *c, const char *typed)
{
	completion_offer(c, typed, "512");
	completion_offer(c, typed, "4096");
}

#define OPTION(option_name, option_value, ...)                                  \
	{                                                                       \
		.name = option_name, .value = option_value, .help = __VA_ARGS__ \
	}
#define OPTIONS                                                                                 \
	OPTION("memory", "SIZE", "in steps of 2M (512M)"),                                      \
		OPTION("cpus", "N", "virtual processors, 1 to 64 (1)"),                         \
		OPTION("kernel", "PATH", "what it starts", .complete = complete_path),          \
		OPTION("initrd", "PATH", "for the kernel", .complete = complete_path),          \
		OPTION("cmdline", "TEXT", "the kernel's command line, in quotes"),              \
		OPTION("weight", "N", "its share among VMs, 1 to 10000 (100)"),                 \
		OPTION("cap", "PERCENT", "at most so much of its processors, 0: no limit (0)"), \
		OPTION("reserve", "PERCENT", "at least so much of them (0)"),                   \
		OPTION("affinity", "LIST", "only on these processors, as 0-3,5 (all)"),         \
		OPTION("on-reset", "WHAT", "restart, or stop when it resets itself (restart)",  \
			.complete = complete_on_reset),                                         \
		OPTION("sector-size", "BYTES", "of its disks, 512 or 4096 (512)",               \
			.complete = complete_sector_size),                                      \
		OPTION("autostart", NULL, "start it when the machine starts")

static const struct cli_option create_options[] = {
	OPTIONS,
	OPTION("disk", "PATH[,ro]", "a disk: an image file, or a device as /dev/disk1",
		.complete = complete_path),
};
static const struct cli_option set_options[] = {
	OPTIONS,
	OPTION("no-autostart", NULL, "do not"),
	OPTION("add-disk", "PATH[,ro]", "one more disk", .complete = complete_path),
	OPTION("remove-disk", "PATH", "take that disk away", .complete = complete_path),
};

const struct cli_command command_vm_create = {
	.name = "vm create",
	.usage = "NAME [OPTION...]",
	.help = "make a VM, which is off",
	.more = "Sizes take K, M or G. In parentheses: without the option. --disk may be given\n"
		"up to 16 times: LUN 0, 1, ... of its SCSI controller; with ro it is only read.",
	.min_words = 1,
	.max_words = 1,
	.options = create_options,
	.option_count = ARRAY_SIZE(create_options),
	.run = run_create,
};

const struct cli_command command_vm_set = {
	.name = "vm set",
	.usage = "NAME OPTION...",
	.help = "change a VM",
	.more = "What runs changes at its next start, but for weight, cap, reserve and disks at\n"
		"once. '' takes kernel, initrd or cmdline away. An added disk has the lowest LUN\n"
		"that is free. Options for disks may be given several times.",
	.min_words = 1,
	.max_words = 1,
	.options = set_options,
	.option_count = ARRAY_SIZE(set_options),
	.run = run_set,
	.complete = complete_vm,
};
