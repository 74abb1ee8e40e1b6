/* SPDX-License-Identifier: MIT */
/*
 * A VM's disk as text, as in vm.conf and behind `--disk`: "PATH", or "PATH,ro" for one that it
 * only reads; and where in a configuration a disk is. No state; any context.
 */
#pragma once

#include "rootpart/vm/vm_config.h"

struct vm_disk_text {
	char path[PATH_MAX]; /* normal; it does not end in ",ro" */
	bool read_only;
};

/* Reads @text into *disk. NULL, or what is wrong with it, as a sentence for people. */
[[nodiscard]] const char *vm_disk_text_parse(struct vm_disk_text *disk, const char *text);
/* Writes what vm_disk_text_parse() takes, VM_DISK_TEXT bytes; the same disk is always the same text. */
void vm_disk_text_format(const struct vm_disk_text *disk, char *text);

/* The lowest LUN without a disk; VM_DISKS_MAX: all have one. */
u32 vm_disk_text_free(const struct vm_config *c);
/* The LUN of the disk at the normal path @path, read-only or not; VM_DISKS_MAX: there is none. */
u32 vm_disk_text_find(const struct vm_config *c, const char *path);
/* True if two disks of *c are the same one. */
bool vm_disk_text_twice(const struct vm_config *c);
