/* SPDX-License-Identifier: MIT */
/*
 * The file layer: a table of mounted file systems, and files by path. It has
 * no cache and no names of its own but the mount points, which show up in
 * their parents' listings. Tasks only; a file belongs to one task.
 *
 * Errors, besides a file system's own: -ENOENT no such file, -ENOTDIR a part
 * of the path is no directory, -EISDIR it is one, -EROFS read-only,
 * -ENOSPC, -ENAMETOOLONG, -EINVAL. What failed changed nothing.
 */
#pragma once

#include "base/types.h"
#include "rootpart/path.h"

struct block_device;

enum vfs_type { VFS_FILE, VFS_DIRECTORY };

struct vfs_stat {
	enum vfs_type type;
	u64 size;  /* bytes; 0 for a directory */
	u64 mtime; /* last change of the contents, seconds since 1970; 0: unknown */
};

/* A file system as a whole. */
struct vfs_statfs {
	u32 block_size; /* bytes */
	u64 blocks;
	u64 free_blocks;
	char label[17]; /* "": none */
	bool read_only;
};

struct vfs_entry {
	char name[NAME_MAX + 1];
	struct vfs_stat stat;
};

#define VFS_READ     0u
#define VFS_WRITE    1u /* reading, too */
#define VFS_CREATE   2u /* with VFS_WRITE: made if it is not there */
#define VFS_TRUNCATE 4u /* with VFS_WRITE: emptied if it is there */
/*
 * vfs_map() may be asked, and what it says holds until the file is closed. Meanwhile nobody else writes
 * to it, cuts it or removes it, and with VFS_WRITE nobody else has it open like that: -EBUSY.
 */
#define VFS_MAP 8u

struct vfs_file {
	const struct vfs_ops *ops;
	void *fs;
	void *node; /* the file system's */
	u32 flags;
	u64 offset; /* where the next read or write begins */
};

enum vfs_extent_state {
	VFS_HOLE,      /* reads as zeroes */
	VFS_UNWRITTEN, /* the same, but it has its place; what lies there is nobody's business */
	VFS_WRITTEN,
};

/* A stretch of a file, and where it lies. All in bytes. */
struct vfs_extent {
	u64 offset; /* in the file */
	u64 len;
	u64 place; /* on the device; not of a hole */
	enum vfs_extent_state state;
};

/* What a file with extents lies on. */
struct vfs_medium {
	struct block_device *device;
	u32 block_size; /* bytes: extents are made of such blocks, but for the file's end */
};

/*
 * What a file system does. @path: below its mount point, normal, without a
 * slash in front; "" is its root, which is a directory. NULL functions that
 * change something: the file system is read-only. Any task of any VP may call.
 * truncate, allocate, sync and statfs may be NULL: it cannot, -ENOTSUP.
 */
struct vfs_ops {
	int (*stat)(void *fs, const char *path, struct vfs_stat *stat);
	/*
	 * Sets file->node, and does what file->flags say; -EISDIR. An open file
	 * stays as it is when its path is removed or replaced.
	 */
	int (*open)(void *fs, const char *path, struct vfs_file *file);
	void (*close)(struct vfs_file *file);
	/* Bytes done, 0 at the end, or an error. @len is below 2^31. */
	s64 (*read)(struct vfs_file *file, void *buf, size_t len);
	s64 (*write)(struct vfs_file *file, const void *buf, size_t len);
	/* As vfs_truncate(), vfs_allocate(), vfs_sync() and vfs_statfs() say; @len is not 0. NULL: -ENOTSUP, but sync has nothing to do. */
	int (*truncate)(struct vfs_file *file, u64 size);
	int (*allocate)(struct vfs_file *file, u64 offset, u64 len);
	int (*sync)(struct vfs_file *file);
	/* As vfs_data() says. NULL: all is data. */
	int (*data)(struct vfs_file *file, u64 *offset);
	int (*statfs)(void *fs, struct vfs_statfs *out);
	/* As vfs_map() and the others say; all three, or none of them: then VFS_MAP is refused. */
	void (*medium)(void *fs, struct vfs_medium *out);
	int (*map)(struct vfs_file *file, u64 offset, struct vfs_extent *extent);
	int (*written)(struct vfs_file *file, u64 offset, u64 len);
	/*
	 * Entry *@position of the directory @path, and moves *@position on: 1, or
	 * 0 past the last one. Starts with 0, in the file system's own order.
	 */
	int (*readdir)(void *fs, const char *path, u64 *position, struct vfs_entry *entry);

	/* These three never get "". -EEXIST. */
	int (*mkdir)(void *fs, const char *path);
	/* A file or an empty directory; -ENOTEMPTY. */
	int (*remove)(void *fs, const char *path);
	/*
	 * In one step, so that nobody finds neither or half of it: @to may be
	 * there, as a file for a file, or an empty directory for a directory.
	 * -EISDIR, -ENOTDIR, -ENOTEMPTY if it is otherwise. @to is neither @from
	 * nor below it.
	 */
	int (*rename)(void *fs, const char *from, const char *to);
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
/*
 * The file has @size bytes from now on: what is beyond is given up, what is new reads as
 * zeroes. -EBADF: not opened with VFS_WRITE; -EFBIG.
 */
[[nodiscard]] int vfs_truncate(struct vfs_file *file, u64 size);
/*
 * Room for @len bytes at @offset: writing there does not fail for want of it later. What was
 * there stays, the rest reads as zeroes, and the file grows to the end of it. All, or nothing: -ENOSPC.
 * After another error size and contents are as before, but some of the room may be made already.
 * -EBADF as above; -EINVAL: @len is 0, or the end is beyond 2^64 - 1; -EFBIG.
 */
[[nodiscard]] int vfs_allocate(struct vfs_file *file, u64 offset, u64 len);
/*
 * *@offset moves behind what is a hole there, to the end if nothing else follows, and stays where no
 * hole is. A file system may see fewer holes than there are.
 */
[[nodiscard]] int vfs_data(struct vfs_file *file, u64 *offset);
/*
 * What was written to @file, and its name, are as safe as the file system can make them:
 * on the medium, if it has one. An error: some of it may be lost.
 */
[[nodiscard]] int vfs_sync(struct vfs_file *file);
/*
 * For files opened with VFS_MAP, whose data others move past the file layer. What the file lies on;
 * and the extent that byte @offset lies in, from there on, which is not beyond its end: -EINVAL. -EIO.
 * -EBADF: opened otherwise.
 */
[[nodiscard]] int vfs_medium_get(struct vfs_file *file, struct vfs_medium *out);
[[nodiscard]] int vfs_map(struct vfs_file *file, u64 offset, struct vfs_extent *extent);
/*
 * [offset, offset + len), whole blocks none of which is a hole's, was written: VFS_WRITTEN from now
 * on. -EBADF; -EINVAL; -EROFS, -EIO, -ENOSPC, -ENOMEM: some of them perhaps not.
 */
[[nodiscard]] int vfs_written(struct vfs_file *file, u64 offset, u64 len);
/* The file system that @path, which must be there, is in; -ENOTSUP too where only mount points are. */
[[nodiscard]] int vfs_statfs(const char *path, struct vfs_statfs *out);

/* True if nothing can be made, changed or removed at @path, whatever is there. */
[[nodiscard]] bool vfs_is_read_only(const char *path);

/* Mount @i's path, in the order in which they were mounted; NULL behind the last one. */
const char *vfs_mounted(u32 i);

/* -EEXIST if @path is there, whatever it is. */
[[nodiscard]] int vfs_mkdir(const char *path);
/* Removes a file or an empty directory; -ENOTEMPTY; -EBUSY: mounted here or below. */
[[nodiscard]] int vfs_remove(const char *path);
/*
 * Moves a file or a directory, as vfs_ops.rename says. -EXDEV to another file
 * system; -EBUSY if something is mounted at or below one of both; -EINVAL if
 * @to lies below @from.
 */
[[nodiscard]] int vfs_rename(const char *from, const char *to);

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
