/* SPDX-License-Identifier: MIT */
/*
 * A read-only file system of cpio archives, straight from the memory that
 * they are in: only names are copied. Several archives make one tree; a file
 * of a later one hides its namesakes. Links and devices are left out.
 */
#pragma once

#include "rootpart/vfs.h"

struct cpiofs;

extern const struct vfs_ops cpiofs_ops;

/* An empty tree, for vfs_mount(); NULL when memory is out. */
[[nodiscard]] struct cpiofs *cpiofs_create(void);
/*
 * Adds an archive, which must stay where it is. Before the tree is used, one
 * task. Returns 0; -EINVAL if it is damaged at byte *@offset, -ENOMEM: then
 * what stands before *@offset is there. *@left_out counts the entries that
 * are no files or directories, or whose names do not do.
 */
[[nodiscard]] int cpiofs_add(
	struct cpiofs *fs, const void *archive, size_t len, size_t *offset, u32 *left_out);
