/* SPDX-License-Identifier: MIT */
/*
 * The commands of `disk`, and what they share. Each cmd_disk_*.c has one.
 */
#pragma once

#include "rootpart/block/block.h"
#include "rootpart/cli/command.h"

extern const struct cli_command command_disk_bench;
extern const struct cli_command command_disk_check;
extern const struct cli_command command_disk_create;
extern const struct cli_command command_disk_list;

/* "disk0" or "/dev/disk0"; prints the error. */
[[nodiscard]] struct block_device *disk_look_up(struct cli *cli, const char *word);
/* Paths of block devices. */
void complete_disk(struct completion *c, const char *typed);

/*
 * Holds @d for a command that writes to it: what is held otherwise, or read-only, is
 * refused; so are partitions and a disk that has some, unless --force. Prints the error.
 */
[[nodiscard]] int disk_hold(struct cli *cli, struct block_device *d, bool force);

/* The error line of a request that failed. */
int disk_failed(struct cli *cli, const struct block_device *d, int error);
