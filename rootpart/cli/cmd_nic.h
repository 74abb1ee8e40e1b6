/* SPDX-License-Identifier: MIT */
/*
 * What the commands on NICs share. CLI's task.
 */
#pragma once

#include "rootpart/cli/command.h"
#include "rootpart/net/nic.h"

extern const struct cli_command command_nic_bench;
extern const struct cli_command command_nic_test;

/* NULL, and the error line has been printed. */
struct nic *cmd_nic_find(struct cli *cli, const char *name);
void complete_nic(struct completion *c, const char *typed);
