/* SPDX-License-Identifier: MIT */
/*
 * For tests of file systems that are only read: the whole tree compared with one on the
 * host, and a walk through a tree that may be damaged in any way.
 */
#pragma once

#include "rootpart/vfs.h"

/* All of @host is there, byte by byte, and nothing else; files' sizes agree in listing and stat. */
void reader_same_tree(const struct vfs_ops *ops, void *fs, const char *host);
/*
 * Lists, looks up and reads what is there, up to @entries of them. Traps on what the file layer
 * could not bear: names without end or with slashes. Returns how many errors it saw.
 */
u32 reader_wander(const struct vfs_ops *ops, void *fs, u32 entries);
/* Reads the file @path; its size, or the error. */
s64 reader_read(const struct vfs_ops *ops, void *fs, const char *path, void *buf, size_t size);
