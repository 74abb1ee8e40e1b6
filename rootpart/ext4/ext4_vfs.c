/* SPDX-License-Identifier: MIT */
/*
 * The file layer's calls: each holds the volume's lock for all of its time. An
 * open file is a node, one per inode, so that whoever removes its last name knows.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_impl.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

struct ext4_node *ext4_node_find(struct ext4 *fs, u32 ino)
{
	list_for_each(l, &fs->nodes)
	{
		struct ext4_node *n = list_entry(l, struct ext4_node, link);

		if (n->ino == ino)
			return n;
	}
	return NULL;
}

/* Signed seconds, and two bits of later ones where there is room for them. */
static u64 mtime_of(const struct ext4 *fs, const struct ext4_inode *i)
{
	s64 seconds = (s32)i->mtime;

	if (fs->inode_size > EXT4_INODE_SIZE_OLD &&
		i->extra_isize >=
			offsetof(struct ext4_inode, mtime_extra) + 4 - EXT4_INODE_SIZE_OLD)
		seconds += (s64)(i->mtime_extra & 3) << 32;
	return seconds > 0 ? (u64)seconds : 0;
}

/* What is neither shows as a file, which cannot be opened. */
static void fill_stat(const struct ext4 *fs, const struct ext4_inode *i, struct vfs_stat *stat)
{
	bool directory = ext4_is_dir(i);

	*stat = (struct vfs_stat){
		.type = directory ? VFS_DIRECTORY : VFS_FILE,
		.size = directory ? 0 : ext4_inode_size(i),
		.mtime = mtime_of(fs, i),
	};
}

static int stat_inode(struct ext4 *fs, u32 ino, struct vfs_stat *stat)
{
	struct ext4_iref ref;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	fill_stat(fs, ref.i, stat);
	ext4_inode_put(fs, &ref);
	return 0;
}

static int ext4_stat(void *ctx, const char *path, struct vfs_stat *stat)
{
	struct ext4 *fs = ctx;
	u32 ino;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_look_up(fs, path, &ino);
	if (r == 0)
		r = stat_inode(fs, ino, stat);
	mutex_unlock(&fs->lock);
	return r;
}

/* Whether the inode may be opened with @flags; *@size. */
static int check_inode(struct ext4 *fs, u32 ino, u32 flags, u64 *size)
{
	struct ext4_iref ref;
	int r = ext4_inode_get(fs, ino, &ref);

	if (r != 0)
		return r;
	*size = ext4_inode_size(ref.i);
	if (ref.i->links_count == 0)
		r = ext4_damaged(fs, "name of a removed inode", ino);
	else if (ext4_is_dir(ref.i))
		r = -EISDIR;
	else if ((ref.i->mode & EXT4_S_IFMT) == EXT4_S_IFLNK)
		r = -ELOOP;
	else if (!ext4_is_file(ref.i))
		r = -ENOTSUP;
	else if ((flags & VFS_WRITE) && (ref.i->flags & (EXT4_FL_IMMUTABLE | EXT4_FL_APPEND)))
		r = -EPERM;
	ext4_inode_put(fs, &ref);
	return r;
}

/* -EBUSY if somebody has it open who does not go with @flags. */
static int check_others(struct ext4 *fs, u32 ino, u32 flags)
{
	const struct ext4_node *n = ext4_node_find(fs, ino);

	if (n == NULL)
		return 0;
	if ((flags & VFS_MAP) && n->writers > 0)
		return -EBUSY;
	return (flags & VFS_WRITE) && n->maps > 0 ? -EBUSY : 0;
}

/* The inode to be opened: found, emptied or made as @flags say. */
static int prepare(struct ext4 *fs, const char *path, u32 flags, u32 *ino)
{
	u64 size = 0;
	int r = ext4_look_up(fs, path, ino);

	if ((flags & VFS_WRITE) && fs->read_only)
		return -EROFS;
	if (r == -ENOENT && (flags & VFS_CREATE) && (flags & VFS_WRITE))
		return ext4_create(fs, path, false, ino);
	if (r == 0)
		r = check_inode(fs, *ino, flags, &size);
	if (r == 0)
		r = check_others(fs, *ino, flags);
	if (r == 0 && (flags & VFS_TRUNCATE) && (flags & VFS_WRITE) && size > 0)
		r = ext4_file_truncate(fs, *ino, 0);
	return r;
}

static int open_locked(struct ext4 *fs, const char *path, u32 flags, struct ext4_node **node)
{
	/* First, so that what fails changes nothing. */
	struct ext4_node *fresh = kzalloc(sizeof(*fresh));
	u32 ino;
	int r = fresh != NULL ? prepare(fs, path, flags, &ino) : -ENOMEM;

	*node = r == 0 ? ext4_node_find(fs, ino) : NULL;
	if (r != 0 || *node != NULL) {
		kfree(fresh);
	} else {
		fresh->fs = fs;
		fresh->ino = ino;
		list_push_back(&fs->nodes, &fresh->link);
		*node = fresh;
	}
	if (r == 0) {
		(*node)->opens++;
		(*node)->writers += (flags & VFS_WRITE) != 0;
		(*node)->maps += (flags & VFS_MAP) != 0;
	}
	return r;
}

static int ext4_open(void *ctx, const char *path, struct vfs_file *file)
{
	struct ext4 *fs = ctx;
	struct ext4_node *node;
	int r;

	mutex_lock(&fs->lock);
	r = open_locked(fs, path, file->flags, &node);
	file->node = node;
	mutex_unlock(&fs->lock);
	return r;
}

/* When others wrote past us is not known: it was last changed now. */
static void close_map(struct ext4_node *n, u32 flags)
{
	n->maps--;
	if ((flags & VFS_WRITE) && !n->removed && !n->fs->read_only)
		(void)ext4_file_touch(n->fs, n->ino);
}

static void ext4_close(struct vfs_file *file)
{
	struct ext4 *fs = file->fs;
	struct ext4_node *n = file->node;
	int r = 0;

	mutex_lock(&fs->lock);
	if (file->flags & VFS_MAP)
		close_map(n, file->flags);
	n->writers -= (file->flags & VFS_WRITE) != 0;
	if (--n->opens == 0) {
		list_remove(&n->link);
		if (n->removed)
			r = ext4_file_free(fs, n->ino);
		if (r != 0)
			log_printf("ext4: inode %u is removed, and not free yet: error %d", n->ino,
				-r);
		kfree(n);
	}
	mutex_unlock(&fs->lock);
}

static s64 ext4_read(struct vfs_file *file, void *buf, size_t len)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	s64 done;

	mutex_lock(&fs->lock);
	done = ext4_file_read(fs, n->ino, file->offset, buf, len);
	mutex_unlock(&fs->lock);
	return done;
}

static s64 ext4_write(struct vfs_file *file, const void *buf, size_t len)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	s64 done;

	mutex_lock(&fs->lock);
	done = fs->read_only ? -EROFS : ext4_file_write(fs, n->ino, file->offset, buf, len);
	mutex_unlock(&fs->lock);
	return done;
}

static int ext4_truncate(struct vfs_file *file, u64 size)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	int r;

	mutex_lock(&fs->lock);
	r = fs->read_only ? -EROFS : ext4_file_truncate(fs, n->ino, size);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_allocate(struct vfs_file *file, u64 offset, u64 len)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	int r;

	mutex_lock(&fs->lock);
	r = fs->read_only ? -EROFS : ext4_file_allocate(fs, n->ino, offset, len);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_data(struct vfs_file *file, u64 *offset)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_file_data(fs, n->ino, offset);
	mutex_unlock(&fs->lock);
	return r;
}

/* Takes the lock itself. */
static int ext4_fsync(struct vfs_file *file)
{
	return ext4_sync(file->fs);
}

static int ext4_statfs(void *ctx, struct vfs_statfs *out)
{
	struct ext4_info info;

	ext4_info_get(ctx, &info);
	*out = (struct vfs_statfs){
		.block_size = info.block_size,
		.blocks = info.blocks,
		.free_blocks = info.free_blocks,
		.read_only = info.read_only,
	};
	(void)str_copy(out->label, info.label, sizeof(out->label));
	return 0;
}

static void ext4_medium(void *ctx, struct vfs_medium *out)
{
	const struct ext4 *fs = ctx;

	*out = (struct vfs_medium){ .device = fs->device, .block_size = fs->block_size };
}

static int ext4_map(struct vfs_file *file, u64 offset, struct vfs_extent *extent)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_file_map(fs, n->ino, offset, extent);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_written(struct vfs_file *file, u64 offset, u64 len)
{
	const struct ext4_node *n = file->node;
	struct ext4 *fs = file->fs;
	int r;

	mutex_lock(&fs->lock);
	r = fs->read_only ? -EROFS : ext4_file_written(fs, n->ino, offset, len);
	mutex_unlock(&fs->lock);
	return r;
}

/* One whose inode is damaged shows by its name. */
static void fill_entry(struct ext4 *fs, const struct ext4_found *found, struct vfs_entry *entry)
{
	if (stat_inode(fs, found->ino, &entry->stat) != 0)
		entry->stat = (struct vfs_stat){
			.type = found->type == EXT4_TYPE_DIR ? VFS_DIRECTORY : VFS_FILE,
		};
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int readdir_locked(struct ext4 *fs, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct ext4_found found;
	struct ext4_iref dir;
	u32 ino;
	int r = ext4_look_up(fs, path, &ino);

	if (r == 0)
		r = ext4_inode_get(fs, ino, &dir);
	if (r != 0)
		return r;
	r = -ENOTDIR;
	if (ext4_is_dir(dir.i)) {
		do
			r = ext4_dir_next(fs, &dir, position, entry->name, &found);
		while (r == 1 && is_dots(entry->name));
	}
	if (r == 1)
		fill_entry(fs, &found, entry);
	ext4_inode_put(fs, &dir);
	return r;
}

static int ext4_readdir(void *ctx, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct ext4 *fs = ctx;
	int r;

	static_assert(sizeof(entry->name) > EXT4_NAME_MAX);
	mutex_lock(&fs->lock);
	r = readdir_locked(fs, path, position, entry);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_mkdir(void *ctx, const char *path)
{
	struct ext4 *fs = ctx;
	u32 ino;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_create(fs, path, true, &ino);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_unlink(void *ctx, const char *path)
{
	struct ext4 *fs = ctx;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_remove(fs, path);
	mutex_unlock(&fs->lock);
	return r;
}

static int ext4_move(void *ctx, const char *from, const char *to)
{
	struct ext4 *fs = ctx;
	int r;

	mutex_lock(&fs->lock);
	r = ext4_rename(fs, from, to);
	mutex_unlock(&fs->lock);
	return r;
}

const struct vfs_ops ext4_vfs_ops = {
	.stat = ext4_stat,
	.open = ext4_open,
	.close = ext4_close,
	.read = ext4_read,
	.write = ext4_write,
	.truncate = ext4_truncate,
	.allocate = ext4_allocate,
	.sync = ext4_fsync,
	.data = ext4_data,
	.statfs = ext4_statfs,
	.medium = ext4_medium,
	.map = ext4_map,
	.written = ext4_written,
	.readdir = ext4_readdir,
	.mkdir = ext4_mkdir,
	.remove = ext4_unlink,
	.rename = ext4_move,
};
