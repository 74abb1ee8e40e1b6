/* SPDX-License-Identifier: MIT */
/*
 * The mount table and what follows from it. The table only grows; its count
 * is stored last, so readers need no lock. Mounting is for one task at a
 * time: it happens at boot, and from the CLI.
 */
#include "rootpart/vfs.h"

#include "base/errno.h"
#include "lib/string.h"
#include "x86/atomic.h"

#define MOUNTS_MAX 32u

struct mount {
	char path[PATH_MAX];
	const struct vfs_ops *ops;
	void *fs;
};

static struct mount mounts[MOUNTS_MAX];
static u32 mount_count;

static u32 count_now(void)
{
	/* Pairs with the release in vfs_mount(). */
	return load_acquire(&mount_count);
}

int vfs_mount(const char *path, const struct vfs_ops *ops, void *fs)
{
	u32 count = count_now();
	struct mount *m = &mounts[count];

	for (u32 i = 0; i < count; i++) {
		if (strcmp(mounts[i].path, path) == 0)
			return -EBUSY;
	}
	if (count == MOUNTS_MAX)
		return -ENOSPC;
	if (str_copy(m->path, path, sizeof(m->path)) != 0)
		return -ENAMETOOLONG;
	m->ops = ops;
	m->fs = fs;
	store_release(&mount_count, count + 1);
	return 0;
}

/* The deepest mount that @path lies in; *@below is the rest of @path. */
static const struct mount *mount_of(const char *path, const char **below)
{
	const struct mount *best = NULL;

	for (u32 i = 0; i < count_now(); i++) {
		const char *rest = path_below(path, mounts[i].path);

		if (rest != NULL && (best == NULL || strlen(mounts[i].path) > strlen(best->path))) {
			best = &mounts[i];
			*below = rest;
		}
	}
	return best;
}

/* True if something is mounted somewhere below @path. */
static bool leads_to_mount(const char *path)
{
	for (u32 i = 0; i < count_now(); i++) {
		if (path_below(mounts[i].path, path) != NULL)
			return true;
	}
	return false;
}

/* Looks @path, which is normal, up. *@mount is NULL where only mounts are. */
static int look_up(
	const char *path, const struct mount **mount, const char **below, struct vfs_stat *stat)
{
	int r = -ENOENT;

	*mount = mount_of(path, below);
	if (*mount != NULL)
		r = (*mount)->ops->stat((*mount)->fs, *below, stat);
	if (r == 0 && (stat->type == VFS_DIRECTORY || !leads_to_mount(path)))
		return 0;
	if (r != 0 && r != -ENOENT)
		return r;
	if (strcmp(path, "/") != 0 && !leads_to_mount(path))
		return r;
	/* A directory because of what is mounted in it. */
	*mount = NULL;
	*stat = (struct vfs_stat){ .type = VFS_DIRECTORY };
	return 0;
}

int vfs_stat(const char *path, struct vfs_stat *stat)
{
	char normal[PATH_MAX];
	const struct mount *mount;
	const char *below;
	int r = path_normalise(path, normal);

	return r != 0 ? r : look_up(normal, &mount, &below, stat);
}

/*
 * Why nothing can be made at @path, which is normal and in no file system:
 * its parent holds only mount points, or is not there.
 */
static int homeless(const char *path)
{
	const struct mount *mount;
	struct vfs_stat stat;
	const char *below;
	char up[PATH_MAX];
	int r;

	(void)str_copy(up, path, sizeof(up));
	*MAX(strrchr(up, '/'), up + 1) = '\0';
	r = look_up(up, &mount, &below, &stat);
	return r != 0 ? r : -EROFS;
}

int vfs_open(const char *path, u32 flags, struct vfs_file *file)
{
	char normal[PATH_MAX];
	const char *below;
	const struct mount *mount;
	struct vfs_stat stat;
	int r = path_normalise(path, normal);

	if (r != 0)
		return r;
	r = look_up(normal, &mount, &below, &stat);
	if (r == 0 && stat.type == VFS_DIRECTORY)
		return -EISDIR;
	if (r != 0 && !(r == -ENOENT && (flags & VFS_CREATE)))
		return r;
	if (mount == NULL)
		return homeless(normal);
	if ((flags & VFS_WRITE) && mount->ops->write == NULL)
		return -EROFS;
	if ((flags & VFS_MAP) && mount->ops->map == NULL)
		return -ENOTSUP;
	*file = (struct vfs_file){ .ops = mount->ops, .fs = mount->fs, .flags = flags };
	return mount->ops->open(mount->fs, below, file);
}

void vfs_close(struct vfs_file *file)
{
	if (file->ops->close != NULL)
		file->ops->close(file);
	file->ops = NULL;
}

s64 vfs_read(struct vfs_file *file, void *buf, size_t len)
{
	s64 done = file->ops->read(file, buf, MIN(len, 1 * GIB));

	if (done > 0)
		file->offset += (u64)done;
	return done;
}

s64 vfs_write(struct vfs_file *file, const void *buf, size_t len)
{
	s64 done;

	if (!(file->flags & VFS_WRITE))
		return -EBADF;
	done = file->ops->write(file, buf, MIN(len, 1 * GIB));
	if (done > 0)
		file->offset += (u64)done;
	return done;
}

int vfs_truncate(struct vfs_file *file, u64 size)
{
	if (!(file->flags & VFS_WRITE))
		return -EBADF;
	return file->ops->truncate != NULL ? file->ops->truncate(file, size) : -ENOTSUP;
}

int vfs_allocate(struct vfs_file *file, u64 offset, u64 len)
{
	if (!(file->flags & VFS_WRITE))
		return -EBADF;
	if (len == 0 || offset + len < offset)
		return -EINVAL;
	return file->ops->allocate != NULL ? file->ops->allocate(file, offset, len) : -ENOTSUP;
}

int vfs_data(struct vfs_file *file, u64 *offset)
{
	return file->ops->data != NULL ? file->ops->data(file, offset) : 0;
}

int vfs_sync(struct vfs_file *file)
{
	return file->ops->sync != NULL ? file->ops->sync(file) : 0;
}

int vfs_medium_get(struct vfs_file *file, struct vfs_medium *out)
{
	if (!(file->flags & VFS_MAP))
		return -EBADF;
	file->ops->medium(file->fs, out);
	return 0;
}

int vfs_map(struct vfs_file *file, u64 offset, struct vfs_extent *extent)
{
	return file->flags & VFS_MAP ? file->ops->map(file, offset, extent) : -EBADF;
}

int vfs_written(struct vfs_file *file, u64 offset, u64 len)
{
	if (!(file->flags & VFS_MAP) || !(file->flags & VFS_WRITE))
		return -EBADF;
	return file->ops->written(file, offset, len);
}

int vfs_statfs(const char *path, struct vfs_statfs *out)
{
	char normal[PATH_MAX];
	const struct mount *mount;
	struct vfs_stat stat;
	const char *below;
	int r = path_normalise(path, normal);

	if (r == 0)
		r = look_up(normal, &mount, &below, &stat);
	if (r != 0)
		return r;
	if (mount == NULL || mount->ops->statfs == NULL)
		return -ENOTSUP;
	return mount->ops->statfs(mount->fs, out);
}

bool vfs_is_read_only(const char *path)
{
	char normal[PATH_MAX];
	const struct mount *mount;
	struct vfs_statfs s;
	const char *below;

	if (path_normalise(path, normal) != 0)
		return true;
	mount = mount_of(normal, &below);
	if (mount == NULL || mount->ops->remove == NULL)
		return true;
	return mount->ops->statfs != NULL && mount->ops->statfs(mount->fs, &s) == 0 && s.read_only;
}

const char *vfs_mounted(u32 i)
{
	return i < count_now() ? mounts[i].path : NULL;
}

int vfs_mkdir(const char *path)
{
	char normal[PATH_MAX];
	const struct mount *mount;
	struct vfs_stat stat;
	const char *below;
	int r = path_normalise(path, normal);

	if (r != 0)
		return r;
	r = look_up(normal, &mount, &below, &stat);
	if (r != -ENOENT)
		return r != 0 ? r : -EEXIST;
	if (mount == NULL)
		return homeless(normal);
	return mount->ops->mkdir != NULL ? mount->ops->mkdir(mount->fs, below) : -EROFS;
}

int vfs_remove(const char *path)
{
	char normal[PATH_MAX];
	const struct mount *mount;
	struct vfs_stat stat;
	const char *below;
	int r = path_normalise(path, normal);

	if (r == 0)
		r = look_up(normal, &mount, &below, &stat);
	if (r != 0)
		return r;
	if (leads_to_mount(normal))
		return -EBUSY;
	return mount->ops->remove != NULL ? mount->ops->remove(mount->fs, below) : -EROFS;
}

/* Both are normal, and @from is there. */
static int rename_normal(const char *from, const char *to)
{
	const char *below_from, *below_to;
	const struct mount *mount = mount_of(from, &below_from);
	const struct mount *other = mount_of(to, &below_to);

	if (leads_to_mount(from) || leads_to_mount(to))
		return -EBUSY;
	if (other == NULL)
		return homeless(to);
	if (other != mount)
		return -EXDEV;
	if (mount->ops->rename == NULL)
		return -EROFS;
	if (strcmp(from, to) == 0)
		return 0;
	if (path_below(to, from) != NULL)
		return -EINVAL;
	return mount->ops->rename(mount->fs, below_from, below_to);
}

int vfs_rename(const char *from, const char *to)
{
	char normal_from[PATH_MAX], normal_to[PATH_MAX];
	const struct mount *mount;
	struct vfs_stat stat;
	const char *below;
	int r = path_normalise(from, normal_from);

	if (r == 0)
		r = path_normalise(to, normal_to);
	if (r == 0)
		r = look_up(normal_from, &mount, &below, &stat);
	return r != 0 ? r : rename_normal(normal_from, normal_to);
}

int vfs_opendir(const char *path, struct vfs_directory *d)
{
	const struct mount *mount;
	struct vfs_stat stat;
	int r = path_normalise(path, d->path);

	if (r != 0)
		return r;
	r = look_up(d->path, &mount, &d->below, &stat);
	if (r != 0)
		return r;
	if (stat.type != VFS_DIRECTORY)
		return -ENOTDIR;
	d->ops = mount != NULL ? mount->ops : NULL;
	d->fs = mount != NULL ? mount->fs : NULL;
	d->position = 0;
	d->mount = 0;
	return 0;
}

/* The part of mount @m's path that stands in @d, copied to @name. */
static bool mount_name(const struct vfs_directory *d, const struct mount *m, char *name)
{
	const char *rest = path_below(m->path, d->path);
	size_t n = 0;

	if (rest == NULL || rest[0] == '\0')
		return false;
	while (rest[n] != '\0' && rest[n] != '/')
		n++;
	memcpy(name, rest, n);
	name[n] = '\0';
	return true;
}

/* True if the file system, or an earlier mount, shows @name already. */
static bool shown_before(const struct vfs_directory *d, u32 before, const char *name)
{
	char path[PATH_MAX], other[NAME_MAX + 1];
	const char *below;
	struct vfs_stat stat;

	for (u32 i = 0; i < before; i++) {
		if (mount_name(d, &mounts[i], other) && strcmp(other, name) == 0)
			return true;
	}
	if (d->ops == NULL || path_join(d->path, name, path) != 0)
		return false;
	below = path + (d->below - d->path);
	return d->ops->stat(d->fs, *below == '/' ? below + 1 : below, &stat) == 0;
}

static int next_mount(struct vfs_directory *d, struct vfs_entry *entry)
{
	while (d->mount < count_now()) {
		u32 i = d->mount++;

		if (!mount_name(d, &mounts[i], entry->name) || shown_before(d, i, entry->name))
			continue;
		entry->stat = (struct vfs_stat){ .type = VFS_DIRECTORY };
		return 1;
	}
	return 0;
}

int vfs_readdir(struct vfs_directory *d, struct vfs_entry *entry)
{
	int r = 0;

	if (d->ops != NULL)
		r = d->ops->readdir(d->fs, d->below, &d->position, entry);
	return r != 0 ? r : next_mount(d, entry);
}
