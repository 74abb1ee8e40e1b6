/* SPDX-License-Identifier: MIT */
/*
 * FAT12, FAT16 and FAT32, read-only, with long names (VFAT); exFAT is not known. Names are
 * found whatever the case of their ASCII letters is. Times are taken for UTC. All of it
 * waits; tasks. Microsoft, "FAT32 File System Specification", 1.03.
 */
#pragma once

#include "base/types.h"
#include "rootpart/vfs.h"

#define FAT_LABEL 12u

struct block_device;
struct fat;

/* True if @d holds FAT; @label, FAT_LABEL bytes, "": it has none. */
[[nodiscard]] bool fat_probe(struct block_device *d, char *label);
/* The caller holds @d. -EINVAL: none, or damaged; -ENOTSUP: exFAT; -EIO; -ENOMEM; a log line. */
[[nodiscard]] int fat_mount(struct block_device *d, struct fat **out);
/* No file is open. */
void fat_unmount(struct fat *fs);

extern const struct vfs_ops fat_vfs_ops; /* fs: struct fat */
