/* SPDX-License-Identifier: MIT */
/*
 * The file layer: a table of mounted file systems, and files by path. It has
 * no cache and no names of its own but the mount points, which show up in
 * their parents' listings. Tasks only; a file belongs to one task.
 *
 * Errors, besides a file system's own: -ENOENT no such file, -ENOTDIR a part
 * of the path is no directory, -EISDIR it is one, -EROFS read-only,
 * -ENAMETOOLONG, -EINVAL.
 */
#pragma once

#include "base/types.h"
#include "rootpart/path.h"

enum vfs_type { VFS_FILE, VFS_DIRECTORY };

struct vfs_stat {
	enum vfs_type type;
	u64 size; /* bytes; 0 for a directory */
};

struct vfs_entry {
	char name[NAME_MAX + 1];
	struct vfs_stat stat;
};

#define VFS_READ   0u
#define VFS_WRITE  1u /* reading, too */
#define VFS_CREATE 2u /* with VFS_WRITE: made if it is not there */

struct vfs_file {
	const struct vfs_ops *ops;
	void *fs;
	void *node; /* the file system's */
	u32 flags;
	u64 offset; /* where the next read or write begins */
};

/*
 * What a file system does. @path: below its mount point, normal, without a
 * slash in front; "" is its root, which is a directory. NULL functions that
 * write: the file system is read-only.
 */
struct vfs_ops {
	int (*stat)(void *fs, const char *path, struct vfs_stat *stat);
	/* Sets file->node; never called for a directory. */
	int (*open)(void *fs, const char *path, struct vfs_file *file);
	void (*close)(struct vfs_file *file);
	/* Bytes done, 0 at the end, or an error. @len is below 2^31. */
	s64 (*read)(struct vfs_file *file, void *buf, size_t len);
	s64 (*write)(struct vfs_file *file, const void *buf, size_t len);
	/*
	 * Entry *@position of the directory @path, and moves *@position on: 1, or
	 * 0 past the last one. Starts with 0, in the file system's own order.
	 */
	int (*readdir)(void *fs, const char *path, u64 *position, struct vfs_entry *entry);
};

/*
 * Mounts @fs at the normal path @path, which need not exist; deeper mounts
 * win. Both live for ever. 0; -EBUSY mounted already; -ENOSPC table full;
 * -ENAMETOOLONG.
 */
[[nodiscard]] int vfs_mount(const char *path, const struct vfs_ops *ops, void *fs);

[[nodiscard]] int vfs_stat(const char *path, struct vfs_stat *stat);
/* @file is the caller's; to be closed if this returned 0. */
[[nodiscard]] int vfs_open(const char *path, u32 flags, struct vfs_file *file);
void vfs_close(struct vfs_file *file);
/* From file->offset, which moves. Bytes done, 0 at the end, or an error. */
[[nodiscard]] s64 vfs_read(struct vfs_file *file, void *buf, size_t len);
[[nodiscard]] s64 vfs_write(struct vfs_file *file, const void *buf, size_t len);

/* A listing in progress; the caller's. */
struct vfs_directory {
	char path[PATH_MAX];
	const struct vfs_ops *ops; /* NULL: only mount points are in it */
	void *fs;
	const char *below; /* inside path */
	u64 position;
	u32 mount; /* the next one to look at */
};

[[nodiscard]] int vfs_opendir(const char *path, struct vfs_directory *directory);
/* 1 with *@entry filled, 0 at the end, or an error. */
[[nodiscard]] int vfs_readdir(struct vfs_directory *directory, struct vfs_entry *entry);
