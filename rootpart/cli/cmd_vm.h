/* SPDX-License-Identifier: MIT */
/*
 * The commands of `vm`, and what they share. Each cmd_vm_*.c has some.
 */
#pragma once

#include "rootpart/cli/command.h"
#include "rootpart/cli/rows.h"
#include "rootpart/vm/vm.h"

extern const struct cli_command command_vm_console;
extern const struct cli_command command_vm_create;
extern const struct cli_command command_vm_delete;
extern const struct cli_command command_vm_kill;
extern const struct cli_command command_vm_list;
extern const struct cli_command command_vm_pause;
extern const struct cli_command command_vm_reset;
extern const struct cli_command command_vm_resume;
extern const struct cli_command command_vm_set;
extern const struct cli_command command_vm_show;
extern const struct cli_command command_vm_start;
extern const struct cli_command command_vm_stats;

/*
 * What is known of the VM called @name, from the heap: it is too large for a
 * stack. NULL, with *@error set, after the error line is printed.
 */
[[nodiscard]] struct vm_info *vm_look_up(struct cli *cli, const char *name, int *error);
/* The error line for what vm.h's functions return; @why may be empty. Returns @error. */
int vm_failed(struct cli *cli, int error, const char *name, const char *why);

/* The error line for option --@option unless a file or a device is at @path. */
[[nodiscard]] int vm_check_file(struct cli *cli, const char *option, const char *path);

/* --disk, --add-disk, --remove-disk: true if @option is one of them. */
bool vm_disk_option(const char *option);
/* Does in *c what it says, without anybody hearing of it; or prints the error. */
[[nodiscard]] int vm_disk_option_try(
	struct cli *cli, const char *option, const char *value, struct vm_config *c);
/* Does it to the VM called @name, whose configuration allows it, and prints the LUN; or the error. */
[[nodiscard]] int vm_disk_option_do(
	struct cli *cli, const char *option, const char *value, const char *name);

/* vm show: its disks, its bus and that one's channels. */
void vm_show_devices(const struct rows *r, const struct vm_info *info);

/* Names of VMs. */
void complete_vm(struct completion *c, const char *typed);
