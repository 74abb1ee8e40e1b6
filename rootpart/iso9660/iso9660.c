/* SPDX-License-Identifier: MIT */
/*
 * The file layer's functions. Each walks its path from the root directory, so a
 * directory that leads back to itself is as deep as the path, and nothing is kept. One lock
 * per volume, held for a whole operation.
 */
#include "rootpart/iso9660/iso9660.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/iso9660/iso9660_impl.h"

static int find_in(struct iso9660 *fs, const struct iso_extent *dir, const char *name, size_t len,
	struct iso_entry *entry)
{
	u64 offset = 0;
	int r;

	while ((r = iso_entry_next(fs, dir, &offset, entry)) == 1) {
		if (strlen(entry->name) == len && memcmp(entry->name, name, len) == 0)
			return 0;
	}
	return r != 0 ? r : -ENOENT;
}

/* @dir: the directory that has it; the root's own for the root. */
static int locate(
	struct iso9660 *fs, const char *path, struct iso_extent *dir, struct iso_entry *entry)
{
	*dir = fs->root;
	*entry = (struct iso_entry){ .kind = ISO_DIRECTORY, .extent = fs->root };
	while (*path != '\0') {
		const char *slash = strchr(path, '/');
		size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
		int r;

		if (entry->kind != ISO_DIRECTORY)
			return -ENOTDIR;
		*dir = entry->extent;
		r = iso_extent_check(fs, dir);
		if (r == 0)
			r = find_in(fs, dir, path, len, entry);
		if (r != 0)
			return r;
		path += len + (slash != NULL);
	}
	return 0;
}

/* An entry is too big for stacks to have many of them. */
static int locate_new(
	struct iso9660 *fs, const char *path, struct iso_extent *dir, struct iso_entry **out)
{
	int r = -ENOMEM;

	*out = kmalloc(sizeof(**out));
	if (*out != NULL)
		r = locate(fs, path, dir, *out);
	return r;
}

static struct vfs_stat stat_of(const struct iso_entry *e)
{
	return (struct vfs_stat){
		.type = e->kind == ISO_DIRECTORY ? VFS_DIRECTORY : VFS_FILE,
		.size = e->size,
		.mtime = e->mtime,
	};
}

static int iso_stat(void *ctx, const char *path, struct vfs_stat *stat)
{
	struct iso9660 *fs = ctx;
	struct iso_entry *entry;
	struct iso_extent dir;
	int r;

	mutex_lock(&fs->lock);
	r = locate_new(fs, path, &dir, &entry);
	if (r == 0)
		*stat = stat_of(entry);
	mutex_unlock(&fs->lock);
	kfree(entry);
	return r;
}

/* All extents of the file, looked at: those that are read later lie on the medium. */
static int read_extents(struct iso9660 *fs, const struct iso_extent *dir,
	const struct iso_entry *entry, struct iso_file *file)
{
	u64 offset = entry->offset;

	for (u32 i = 0; i < file->count; i++) {
		struct iso_extent *e = &file->extents[i];
		int r = iso_record_next(fs, dir, &offset);

		if (r != 1)
			return r < 0 ? r : -EIO;
		*e = iso_record_extent(fs, fs->record);
		r = iso_extent_check(fs, e);
		if (r != 0)
			return r;
		file->size += e->size;
	}
	return 0;
}

static int open_entry(struct iso9660 *fs, const struct iso_extent *dir,
	const struct iso_entry *entry, struct iso_file **out)
{
	struct iso_file *file;
	int r;

	if (entry->kind == ISO_DIRECTORY)
		return -EISDIR;
	if (entry->kind != ISO_FILE)
		return entry->kind == ISO_SYMLINK ? -ELOOP : -ENOTSUP;
	file = kzalloc(sizeof(*file) + entry->sections * sizeof(file->extents[0]));
	if (file == NULL)
		return -ENOMEM;
	file->count = entry->sections;
	r = read_extents(fs, dir, entry, file);
	if (r != 0)
		kfree(file);
	*out = file;
	return r;
}

static int iso_open(void *ctx, const char *path, struct vfs_file *file)
{
	struct iso9660 *fs = ctx;
	struct iso_file *opened = NULL;
	struct iso_entry *entry;
	struct iso_extent dir;
	int r;

	if (file->flags & VFS_WRITE)
		return -EROFS;
	mutex_lock(&fs->lock);
	r = locate_new(fs, path, &dir, &entry);
	if (r == 0)
		r = open_entry(fs, &dir, entry, &opened);
	mutex_unlock(&fs->lock);
	kfree(entry);
	if (r == 0)
		file->node = opened;
	return r;
}

static void iso_close(struct vfs_file *file)
{
	kfree(file->node);
}

/* The part of @len bytes at @offset that lies in one extent. */
static struct iso_extent span_at(const struct iso_file *file, u64 offset, u64 len)
{
	for (u32 i = 0; i < file->count; i++) {
		const struct iso_extent *e = &file->extents[i];

		if (offset < e->size)
			return (struct iso_extent){ e->at + offset, MIN(len, e->size - offset) };
		offset -= e->size;
	}
	return (struct iso_extent){ 0 };
}

static s64 iso_read(struct vfs_file *vf, void *buf, size_t len)
{
	const struct iso_file *file = vf->node;
	struct iso9660 *fs = vf->fs;
	u64 done = 0;
	int r = 0;

	mutex_lock(&fs->lock);
	while (done < len) {
		struct iso_extent span = span_at(file, vf->offset + done, len - done);

		if (span.size == 0)
			break;
		r = block_bytes_read(fs->bytes, span.at, (u8 *)buf + done, span.size);
		if (r != 0)
			break;
		done += span.size;
	}
	mutex_unlock(&fs->lock);
	return r != 0 && done == 0 ? r : (s64)done;
}

/* *@position is an offset in the directory. */
static int readdir_locked(struct iso9660 *fs, const char *path, u64 *position, struct iso_entry *e,
	struct vfs_entry *entry)
{
	struct iso_extent dir;
	int r = locate(fs, path, &dir, e);

	if (r == 0 && e->kind != ISO_DIRECTORY)
		r = -ENOTDIR;
	if (r != 0)
		return r;
	dir = e->extent;
	r = iso_extent_check(fs, &dir);
	if (r == 0)
		r = iso_entry_next(fs, &dir, position, e);
	if (r == 1) {
		memcpy(entry->name, e->name, sizeof(entry->name));
		entry->stat = stat_of(e);
	}
	return r;
}

static int iso_readdir(void *ctx, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct iso_entry *e = kmalloc(sizeof(*e));
	struct iso9660 *fs = ctx;
	int r;

	if (e == NULL)
		return -ENOMEM;
	mutex_lock(&fs->lock);
	r = readdir_locked(fs, path, position, e, entry);
	mutex_unlock(&fs->lock);
	kfree(e);
	return r;
}

static int iso_statfs(void *ctx, struct vfs_statfs *out)
{
	const struct iso9660 *fs = ctx;

	*out = (struct vfs_statfs){
		.block_size = fs->block_size,
		.blocks = fs->blocks,
		.read_only = true,
	};
	return 0;
}

const struct vfs_ops iso9660_vfs_ops = {
	.stat = iso_stat,
	.open = iso_open,
	.close = iso_close,
	.read = iso_read,
	.readdir = iso_readdir,
	.statfs = iso_statfs,
};
