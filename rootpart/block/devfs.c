/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing at any byte, by way of a buffer of whole sectors: what a
 * caller has may lie on its stack, which no device reaches.
 */
#include "rootpart/block/devfs.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

#define CHUNK (64 * KIB)

/* An open device. */
struct node {
	struct block_device *device;
	u8 *buf; /* CHUNK */
};

/* A stretch of bytes, and the sectors around it, no more than a buffer. */
struct span {
	u64 sector;
	u64 bytes; /* of whole sectors */
	u64 skip;  /* those in front of what is wanted */
	u64 len;   /* that is wanted */
};

static u64 size_of(const struct block_device *d)
{
	return d->limits.sectors * d->limits.sector_size;
}

static struct span span_at(const struct block_device *d, u64 offset, u64 len)
{
	u32 size = d->limits.sector_size;
	u64 left = offset < size_of(d) ? size_of(d) - offset : 0;
	struct span s = { .sector = offset / size, .skip = offset % size };

	s.len = MIN(MIN(len, left), CHUNK - s.skip);
	s.bytes = ALIGN_UP(s.skip + s.len, size);
	return s;
}

static int devfs_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	const struct block_device *d;

	(void)fs;
	*stat = (struct vfs_stat){ .type = VFS_DIRECTORY };
	if (path[0] == '\0')
		return 0;
	d = block_find(path);
	if (d == NULL)
		return -ENOENT;
	*stat = (struct vfs_stat){ .type = VFS_FILE, .size = size_of(d) };
	return 0;
}

static int hold_for_writing(struct block_device *d)
{
	char other[BLOCK_HOLDER_SIZE];

	if (d->limits.read_only)
		return -EROFS;
	return block_hold(d, "a file that is written", other);
}

static void node_free(struct node *n)
{
	if (n != NULL)
		kfree(n->buf);
	kfree(n);
}

static struct node *node_create(struct block_device *d)
{
	struct node *n = kzalloc(sizeof(*n));

	if (n == NULL)
		return NULL;
	n->device = d;
	n->buf = kmalloc(CHUNK);
	if (n->buf != NULL)
		return n;
	node_free(n);
	return NULL;
}

/* VFS_TRUNCATE has nothing to do. */
static int devfs_open(void *fs, const char *path, struct vfs_file *file)
{
	struct block_device *d = block_find(path);
	int r = 0;

	(void)fs;
	if (d == NULL)
		return -EROFS; /* it would have to be made */
	file->node = node_create(d);
	if (file->node == NULL)
		return -ENOMEM;
	if (file->flags & VFS_WRITE)
		r = hold_for_writing(d);
	if (r != 0)
		node_free(file->node);
	return r;
}

static void devfs_close(struct vfs_file *file)
{
	struct node *n = file->node;

	if (file->flags & VFS_WRITE) {
		if (block_flush(n->device) != 0)
			log_printf("dev: %s: what was written may be lost", n->device->name);
		block_let_go(n->device);
	}
	node_free(n);
}

static s64 devfs_read(struct vfs_file *file, void *buf, size_t len)
{
	struct node *n = file->node;
	struct span s;
	size_t done;

	for (done = 0; done < len; done += s.len) {
		int r;

		s = span_at(n->device, file->offset + done, len - done);
		if (s.len == 0)
			break;
		r = block_read(n->device, s.sector, n->buf, s.bytes);
		if (r != 0)
			return done > 0 ? (s64)done : r;
		memcpy((u8 *)buf + done, n->buf + s.skip, s.len);
	}
	return (s64)done;
}

/* Reads the first and the last sector of what is written, where it fills them in part. */
static int read_edges(const struct node *n, const struct span *s)
{
	u32 size = n->device->limits.sector_size;
	u64 last = s->bytes - size;
	int r = 0;

	if (s->skip > 0)
		r = block_read(n->device, s->sector, n->buf, size);
	if (r != 0 || (s->skip + s->len) % size == 0 || (last == 0 && s->skip > 0))
		return r;
	return block_read(n->device, s->sector + last / size, n->buf + last, size);
}

static int write_span(const struct node *n, const struct span *s, const u8 *from)
{
	int r = read_edges(n, s);

	if (r != 0)
		return r;
	memcpy(n->buf + s->skip, from, s->len);
	return block_write(n->device, s->sector, n->buf, s->bytes, 0);
}

static s64 devfs_write(struct vfs_file *file, const void *buf, size_t len)
{
	struct node *n = file->node;
	struct span s;
	size_t done;

	for (done = 0; done < len; done += s.len) {
		int r = -ENOSPC;

		s = span_at(n->device, file->offset + done, len - done);
		if (s.len > 0)
			r = write_span(n, &s, (const u8 *)buf + done);
		if (r != 0)
			return done > 0 ? (s64)done : r;
	}
	return (s64)done;
}

static int devfs_sync(struct vfs_file *file)
{
	const struct node *n = file->node;

	return file->flags & VFS_WRITE ? block_flush(n->device) : 0;
}

static int devfs_readdir(void *fs, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct block_device *d = block_next(NULL);

	(void)fs;
	(void)path;
	for (u64 i = 0; d != NULL && i < *position; i++)
		d = block_next(d);
	if (d == NULL)
		return 0;
	++*position;
	(void)str_copy(entry->name, d->name, sizeof(entry->name));
	entry->stat = (struct vfs_stat){ .type = VFS_FILE, .size = size_of(d) };
	return 1;
}

const struct vfs_ops devfs_ops = {
	.stat = devfs_stat,
	.open = devfs_open,
	.close = devfs_close,
	.read = devfs_read,
	.write = devfs_write,
	.sync = devfs_sync,
	.readdir = devfs_readdir,
};

void devfs_init(void)
{
	int r = vfs_mount("/dev", &devfs_ops, NULL);

	if (r != 0)
		log_printf("dev: nothing at /dev: %s", errno_text(r));
}
