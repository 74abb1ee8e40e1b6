/* SPDX-License-Identifier: MIT */
/*
 * ISO 9660 (ECMA-119), read-only: names and kinds of files by Rock Ridge (IEEE P1282) where
 * it is, else by Joliet, else as they are, without version. Symbolic links are seen as files
 * that cannot be opened, -ELOOP. Of several sessions the first is seen. All of it waits;
 * tasks.
 */
#pragma once

#include "base/types.h"
#include "rootpart/vfs.h"

#define ISO9660_LABEL 33u

struct block_device;
struct iso9660;

/* True if @d holds ISO 9660; @label, ISO9660_LABEL bytes, "": it has none. */
[[nodiscard]] bool iso9660_probe(struct block_device *d, char *label);
/* The caller holds @d. -EINVAL: none, or damaged; -EIO; -ENOMEM; a log line says what. */
[[nodiscard]] int iso9660_mount(struct block_device *d, struct iso9660 **out);
/* No file is open. */
void iso9660_unmount(struct iso9660 *fs);

extern const struct vfs_ops iso9660_vfs_ops; /* fs: struct iso9660 */
