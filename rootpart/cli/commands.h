/* SPDX-License-Identifier: MIT */
/*
 * The commands, one line for each; the file that has it is cmd_*.c.
 */
#pragma once

#include "rootpart/cli/command.h"

extern const struct cli_command command_cat;
extern const struct cli_command command_cp;
extern const struct cli_command command_df;
extern const struct cli_command command_disk;
extern const struct cli_command command_echo;
extern const struct cli_command command_help;
extern const struct cli_command command_host;
extern const struct cli_command command_log;
extern const struct cli_command command_ls;
extern const struct cli_command command_mkdir;
extern const struct cli_command command_mv;
extern const struct cli_command command_net;
extern const struct cli_command command_nic;
extern const struct cli_command command_pci;
extern const struct cli_command command_poweroff;
extern const struct cli_command command_reboot;
extern const struct cli_command command_rm;
extern const struct cli_command command_run;
extern const struct cli_command command_sha256;
extern const struct cli_command command_top;
extern const struct cli_command command_trace;
extern const struct cli_command command_vm;
extern const struct cli_command command_volume;
extern const struct cli_command command_volume_bench;
