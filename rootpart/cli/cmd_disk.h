/* SPDX-License-Identifier: MIT */
/*
 * The commands of `disk`, and what they share. Each cmd_disk_*.c has one.
 */
#pragma once

#include "rootpart/cli/command.h"
#include "rootpart/vdisk/vdisk.h"

extern const struct cli_command command_disk_bench;
extern const struct cli_command command_disk_check;
extern const struct cli_command command_disk_create;
extern const struct cli_command command_disk_list;

/*
 * Opens the disk that the first word names, "disk0" or "/dev/disk0", or the image file: for writing with
 * --write. A partition, and a disk that has some, is refused then unless --force. Prints the error.
 */
[[nodiscard]] int disk_open(struct cli *cli, const struct cli_args *args, struct vdisk **out);
/* Paths of block devices, and of files. */
void complete_disk(struct completion *c, const char *typed);

/* The error line of a request to disk @name that failed. */
int disk_failed(struct cli *cli, const char *name, int error);
