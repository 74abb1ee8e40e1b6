/* SPDX-License-Identifier: MIT */
/*
 * The file layer's functions. Each walks its path from the root directory, so a
 * directory that leads back to itself is as deep as the path. One lock per volume, held for a
 * whole operation.
 */
#include "rootpart/fat/fat.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/fat/fat_impl.h"
#include "rootpart/heap.h"

/* FSInfo, a sector of FAT32. */
#define INFO_SIZE      512u
#define INFO_SIGNATURE 484u
#define INFO_FREE      488u

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_name(const char *name, const char *other, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '\0' || small(name[i]) != small(other[i]))
			return false;
	}
	return name[len] == '\0';
}

/* The next entry that the file layer sees. */
static int next_seen(struct fat *fs, u32 directory, u64 *offset)
{
	int r;

	do
		r = fat_entry_next(fs, directory, offset);
	while (r == 1 && fs->found.kind == FAT_VOLUME_LABEL);
	return r;
}

static int find_in(struct fat *fs, u32 directory, const char *name, size_t len)
{
	u64 offset = 0;
	int r;

	while ((r = next_seen(fs, directory, &offset)) == 1) {
		if (same_name(fs->found.name, name, len))
			return 0;
	}
	return r != 0 ? r : -ENOENT;
}

/* fs->found is what @path names; its first cluster, if it is a directory, is one. */
static int locate(struct fat *fs, const char *path)
{
	fs->found = (struct fat_entry){ .kind = FAT_DIRECTORY, .first = fs->g.root_cluster };
	while (*path != '\0') {
		const char *slash = strchr(path, '/');
		size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
		int r;

		if (fs->found.kind != FAT_DIRECTORY)
			return -ENOTDIR;
		r = find_in(fs, fs->found.first, path, len);
		if (r != 0)
			return r;
		if (fs->found.kind == FAT_DIRECTORY && fs->found.first < FAT_FIRST)
			return fat_damaged(fs, "a directory begins at no cluster");
		path += len + (slash != NULL);
	}
	return 0;
}

static struct vfs_stat stat_found(const struct fat *fs)
{
	return (struct vfs_stat){
		.type = fs->found.kind == FAT_DIRECTORY ? VFS_DIRECTORY : VFS_FILE,
		.size = fs->found.size,
		.mtime = fs->found.mtime,
	};
}

static int fat_stat(void *ctx, const char *path, struct vfs_stat *stat)
{
	struct fat *fs = ctx;
	int r;

	mutex_lock(&fs->lock);
	r = locate(fs, path);
	if (r == 0)
		*stat = stat_found(fs);
	mutex_unlock(&fs->lock);
	return r;
}

static int fat_open(void *ctx, const char *path, struct vfs_file *file)
{
	struct fat_file *opened;
	struct fat *fs = ctx;
	int r;

	if (file->flags & VFS_WRITE)
		return -EROFS;
	opened = kzalloc(sizeof(*opened));
	if (opened == NULL)
		return -ENOMEM;
	mutex_lock(&fs->lock);
	r = locate(fs, path);
	if (r == 0 && fs->found.kind == FAT_DIRECTORY)
		r = -EISDIR;
	if (r == 0 && fs->found.size > 0 && fs->found.first < FAT_FIRST)
		r = fat_damaged(fs, "a file begins at no cluster");
	opened->chain.first = fs->found.first;
	opened->size = fs->found.size;
	mutex_unlock(&fs->lock);
	if (r == 0)
		file->node = opened;
	else
		kfree(opened);
	return r;
}

static void fat_close(struct vfs_file *file)
{
	kfree(file->node);
}

static s64 fat_read(struct vfs_file *vf, void *buf, size_t len)
{
	struct fat_file *file = vf->node;
	u64 left = vf->offset < file->size ? file->size - vf->offset : 0;
	struct fat *fs = vf->fs;
	u64 done = 0;
	s64 n = 1;

	mutex_lock(&fs->lock);
	while (n > 0 && done < MIN(len, left)) {
		n = fat_chain_read(fs, &file->chain, vf->offset + done, (u8 *)buf + done,
			MIN(len, left) - done);
		if (n == 0)
			n = fat_damaged(fs, "a file is longer than its clusters");
		done += n > 0 ? (u64)n : 0;
	}
	mutex_unlock(&fs->lock);
	return n < 0 && done == 0 ? n : (s64)done;
}

/* *@position is an offset in the directory. */
static int fat_readdir(void *ctx, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct fat *fs = ctx;
	int r;

	mutex_lock(&fs->lock);
	r = locate(fs, path);
	if (r == 0 && fs->found.kind != FAT_DIRECTORY)
		r = -ENOTDIR;
	if (r == 0)
		r = next_seen(fs, fs->found.first, position);
	if (r == 1) {
		memcpy(entry->name, fs->found.name, sizeof(entry->name));
		entry->stat = stat_found(fs);
	}
	mutex_unlock(&fs->lock);
	return r;
}

/* FAT32's sector for it: a hint, but counting a large table takes too long. */
static u64 free_by_info(struct fat *fs)
{
	u8 info[INFO_SIZE];
	u32 free;

	if (fs->g.info == 0 || block_bytes_read(fs->bytes, fs->g.info, info, sizeof(info)) != 0 ||
		memcmp(info + INFO_SIGNATURE, "rrAa", 4) != 0)
		return 0;
	free = fat_le32(info + INFO_FREE);
	return free <= fs->g.clusters ? free : 0;
}

static u64 free_by_table(struct fat *fs)
{
	u64 free = 0;

	for (u32 i = 0; i < fs->g.clusters; i++) {
		u32 value = 0;

		if (fat_table_read(fs, FAT_FIRST + i, &value) != 0)
			break;
		free += value == 0;
	}
	return free;
}

static int fat_statfs(void *ctx, struct vfs_statfs *out)
{
	struct fat *fs = ctx;

	mutex_lock(&fs->lock);
	if (!fs->free_known)
		fs->free = fs->g.bits == 32 ? free_by_info(fs) : free_by_table(fs);
	fs->free_known = true;
	*out = (struct vfs_statfs){
		.block_size = fs->g.cluster_size,
		.blocks = fs->g.clusters,
		.free_blocks = fs->free,
		.read_only = true,
	};
	mutex_unlock(&fs->lock);
	return 0;
}

const struct vfs_ops fat_vfs_ops = {
	.stat = fat_stat,
	.open = fat_open,
	.close = fat_close,
	.read = fat_read,
	.readdir = fat_readdir,
	.statfs = fat_statfs,
};
