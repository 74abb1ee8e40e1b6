/* SPDX-License-Identifier: MIT */
/*
 * A file system in memory, of bounded size: directories, and files that grow
 * page by page. Holes that were never written read as zeros. What it holds is
 * lost at power-off.
 *
 * -ENOSPC at the limit, and when memory is out; then nothing was changed: a
 * write happens whole or not at all.
 */
#pragma once

#include "rootpart/vfs.h"

/* What a file or directory counts for, beside its pages and their index. */
#define MEMFS_ENTRY_SIZE 512u

struct memfs;

extern const struct vfs_ops memfs_ops;

/* An empty tree of at most @limit bytes, for vfs_mount(); NULL when memory is out. */
[[nodiscard]] struct memfs *memfs_create(u64 limit);
/* Bytes that count towards the limit now. */
u64 memfs_used(struct memfs *fs);
