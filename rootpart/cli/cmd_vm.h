/* SPDX-License-Identifier: MIT */
/*
 * The commands of `vm`, and what they share. Each cmd_vm_*.c has some.
 */
#pragma once

#include "rootpart/cli/command.h"
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

/* Names of VMs. */
void complete_vm(struct completion *c, const char *typed);
