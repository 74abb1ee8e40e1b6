/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: which kind of disk a path names.
 */
#include "rootpart/vdisk/vdisk.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/heap.h"
#include "rootpart/vdisk/vdisk_impl.h"
#include "x86/atomic.h"

#define DEV "/dev/"

static struct block_device *device_at(const char *path)
{
	return strncmp(path, DEV, strlen(DEV)) == 0 ? block_find(path + strlen(DEV)) : NULL;
}

/* The file, opened; *@mapped: it has extents that are told. */
static int file_open(struct vfs_file *file, const struct vdisk_how *how, bool *mapped)
{
	u32 flags = how->write ? VFS_WRITE : VFS_READ;
	int r = vfs_open(how->path, flags | VFS_MAP, file);

	*mapped = r == 0;
	return r == -ENOTSUP ? vfs_open(how->path, flags, file) : r;
}

/* v->file, open; how large it is. */
static int describe_file(struct vdisk *v, const struct vdisk_how *how)
{
	struct vfs_stat stat;
	int r = vfs_stat(how->path, &stat);

	if (r != 0)
		return r;
	v->file->size = stat.size;
	v->sector_size = how->sector_size != 0 ? how->sector_size : SECTOR_512;
	v->sectors = stat.size / v->sector_size;
	v->write_cache = true;
	return stat.size > 0 && stat.size % v->sector_size == 0 ? 0 : -EINVAL;
}

static int open_file(struct vdisk *v, const struct vdisk_how *how)
{
	bool mapped;
	int r;

	v->file = kzalloc(sizeof(*v->file));
	if (v->file == NULL)
		return -ENOMEM;
	r = file_open(&v->file->file, how, &mapped);
	if (r == 0) {
		r = describe_file(v, how);
		if (r == 0)
			r = mapped ? vdisk_file_open(v) : vdisk_copy_open(v);
		if (r != 0)
			vfs_close(&v->file->file);
	}
	if (r != 0)
		kfree(v->file);
	return r;
}

static int open_device(struct vdisk *v, const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE])
{
	int r = sector_init(&v->medium, v->device);

	if (r != 0)
		return r;
	r = vdisk_device_open(v, how, other);
	if (r == 0 && v->sectors == 0) {
		v->ops->close(v);
		r = -EINVAL;
	}
	if (r != 0)
		sector_free(&v->medium);
	return r;
}

static int open_any(struct vdisk *v, const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE])
{
	if (how->sector_size != 0 && how->sector_size != 512 && how->sector_size != 4096)
		return -EINVAL;
	if (str_copy(v->path, how->path, sizeof(v->path)) != 0)
		return -ENAMETOOLONG;
	v->read_only = !how->write;
	v->device = device_at(how->path);
	return v->device != NULL ? open_device(v, how, other) : open_file(v, how);
}

int vdisk_open(const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE], struct vdisk **out)
{
	struct vdisk *v = kzalloc(sizeof(*v));
	int r;

	other[0] = '\0';
	if (v == NULL)
		return -ENOMEM;
	r = open_any(v, how, other);
	if (r != 0)
		kfree(v);
	*out = r == 0 ? v : NULL;
	return r;
}

void vdisk_close(struct vdisk *v)
{
	v->ops->close(v);
	if (v->device != NULL)
		sector_free(&v->medium);
	if (v->file != NULL)
		vfs_close(&v->file->file);
	kfree(v->file);
	kfree(v);
}

int vdisk_check(const struct vdisk *v, const struct vdisk_request *q)
{
	if (q->r.op == BLOCK_FLUSH)
		return 0;
	if (q->r.op != BLOCK_READ && v->read_only)
		return -EROFS;
	if (q->r.op == BLOCK_DISCARD && v->max_discard == 0)
		return -ENOTSUP;
	return block_request_check(&q->r, v->sector_size, v->sectors);
}

void vdisk_submit(struct vdisk *v, struct vdisk_request *q)
{
	q->disk = v;
	v->ops->submit(v, q);
}

void vdisk_plug(struct vdisk *v)
{
	if (v->device != NULL)
		block_plug(v->device);
}

void vdisk_unplug(struct vdisk *v)
{
	if (v->device != NULL)
		block_unplug(v->device);
}

const char *vdisk_name(const struct vdisk *v)
{
	return v->file == NULL ? v->device->name : v->path;
}

/* A flush that a task waits for. */
struct flush {
	struct vdisk_request q;
	bool done;
};

/* Of nobody's stack: who wakes may come after who waited has gone. */
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters);

static void flush_done(struct block_request *r)
{
	struct flush *f = container_of(r, struct flush, q.r);

	/* Pairs with the acquire in vdisk_flush(). */
	store_release(&f->done, true);
	wait_wake_all(&waiters);
}

int vdisk_flush(struct vdisk *v)
{
	struct flush f = { .q.r = { .op = BLOCK_FLUSH, .done = flush_done } };

	vdisk_submit(v, &f.q);
	wait_event(&waiters, load_acquire(&f.done));
	return f.q.r.error;
}
