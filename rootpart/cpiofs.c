/* SPDX-License-Identifier: MIT */
/*
 * The tree is an array of nodes sorted by path, so that a directory's
 * contents stand together. Built at boot, constant afterwards; any task.
 * cpio(5), "New ASCII Format".
 */
#include "rootpart/cpiofs.h"

#include "base/errno.h"
#include "lib/cpio.h"
#include "lib/string.h"
#include "rootpart/heap.h"

#define NODES_FIRST 32u

struct node {
	char *path; /* normal, without a slash in front */
	const u8 *data;
	u64 size;
	bool directory;
};

struct cpiofs {
	struct node *nodes;
	u32 count;
	u32 room;
};

/* Index of the first node that is not before @path. */
static u32 lower_bound(const struct cpiofs *fs, const char *path)
{
	u32 low = 0, high = fs->count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (strcmp(fs->nodes[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node *find(const struct cpiofs *fs, const char *path)
{
	u32 i = lower_bound(fs, path);

	return i < fs->count && strcmp(fs->nodes[i].path, path) == 0 ? &fs->nodes[i] : NULL;
}

static int make_room(struct cpiofs *fs)
{
	u32 room = fs->room ? 2 * fs->room : NODES_FIRST;
	struct node *nodes;

	if (fs->count < fs->room)
		return 0;
	nodes = kmalloc(room * sizeof(*nodes));
	if (nodes == NULL)
		return -ENOMEM;
	if (fs->count > 0)
		memcpy(nodes, fs->nodes, fs->count * sizeof(*nodes));
	kfree(fs->nodes);
	fs->nodes = nodes;
	fs->room = room;
	return 0;
}

static int insert(struct cpiofs *fs, const struct node *new)
{
	u32 at = lower_bound(fs, new->path);
	size_t size = strlen(new->path) + 1;
	char *path;
	int r = make_room(fs);

	if (r != 0)
		return r;
	path = kmalloc(size);
	if (path == NULL)
		return -ENOMEM;
	memcpy(path, new->path, size);
	memmove(&fs->nodes[at + 1], &fs->nodes[at], (fs->count - at) * sizeof(*new));
	fs->nodes[at] = *new;
	fs->nodes[at].path = path;
	fs->count++;
	return 0;
}

static int put(struct cpiofs *fs, const struct node *new)
{
	struct node *old = find(fs, new->path);
	char *path;

	if (old == NULL)
		return insert(fs, new);
	path = old->path;
	*old = *new;
	old->path = path;
	return 0;
}

/* Directories that lead to @path and have no entry of their own. */
static int put_parents(struct cpiofs *fs, char *path)
{
	int r = 0;

	for (char *slash = strchr(path, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (find(fs, path) == NULL)
			r = insert(fs, &(struct node){ .path = path, .directory = true });
		*slash = '/';
	}
	return r;
}

static int put_entry(struct cpiofs *fs, const struct cpio_entry *e, u32 *left_out)
{
	u32 type = e->mode & CPIO_MODE_TYPE;
	char path[PATH_MAX];
	struct node n = { .path = path + 1, .directory = type == CPIO_MODE_DIR };
	int r;

	if (type != CPIO_MODE_DIR && type != CPIO_MODE_FILE) {
		(*left_out)++;
		return 0;
	}
	if (path_normalise(e->name, path) != 0 || path[1] == '\0') {
		*left_out += type == CPIO_MODE_FILE;
		return 0;
	}
	if (!n.directory) {
		n.data = e->data;
		n.size = e->size;
	}
	r = put_parents(fs, path + 1);
	return r != 0 ? r : put(fs, &n);
}

struct cpiofs *cpiofs_create(void)
{
	return kzalloc(sizeof(struct cpiofs));
}

int cpiofs_add(struct cpiofs *fs, const void *archive, size_t len, size_t *offset, u32 *left_out)
{
	struct cpio_entry entry;
	size_t next = 0;
	int r;

	*left_out = 0;
	for (;;) {
		*offset = next;
		r = cpio_next(archive, len, &next, &entry);
		if (r <= 0)
			return r;
		r = put_entry(fs, &entry, left_out);
		if (r != 0)
			return r;
	}
}

/* A file in the way of @path: what lies below it is not there. */
static bool file_in_the_way(const struct cpiofs *fs, const char *path)
{
	char up[PATH_MAX];

	(void)str_copy(up, path, sizeof(up));
	for (char *slash = strchr(up, '/'); slash; slash = strchr(slash + 1, '/')) {
		const struct node *n;

		*slash = '\0';
		n = find(fs, up);
		if (n == NULL || !n->directory)
			return n != NULL;
		*slash = '/';
	}
	return false;
}

static int cpiofs_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	const struct node *n;

	*stat = (struct vfs_stat){ .type = VFS_DIRECTORY };
	if (path[0] == '\0')
		return 0;
	if (file_in_the_way(fs, path))
		return -ENOTDIR;
	n = find(fs, path);
	if (n == NULL)
		return -ENOENT;
	*stat = (struct vfs_stat){ .type = n->directory ? VFS_DIRECTORY : VFS_FILE,
		.size = n->size };
	return 0;
}

static int cpiofs_open(void *fs, const char *path, struct vfs_file *file)
{
	file->node = find(fs, path);
	return file->node != NULL ? 0 : -ENOENT;
}

static s64 cpiofs_read(struct vfs_file *file, void *buf, size_t len)
{
	const struct node *n = file->node;

	if (file->offset >= n->size)
		return 0;
	len = MIN(len, n->size - file->offset);
	memcpy(buf, n->data + file->offset, len);
	return (s64)len;
}

/* *@position is an index, plus one, so that 0 stands for the beginning. */
static int cpiofs_readdir(void *ctx, const char *path, u64 *position, struct vfs_entry *entry)
{
	const struct cpiofs *fs = ctx;
	char prefix[PATH_MAX + 1] = "";
	size_t len = strlen(path);

	if (len > 0) {
		memcpy(prefix, path, len);
		prefix[len++] = '/';
		prefix[len] = '\0';
	}
	if (*position == 0)
		*position = lower_bound(fs, prefix) + 1ull;
	while (*position <= fs->count) {
		const struct node *n = &fs->nodes[*position - 1];

		if (strncmp(n->path, prefix, len) != 0)
			return 0;
		++*position;
		if (strchr(n->path + len, '/') != NULL)
			continue;
		(void)str_copy(entry->name, n->path + len, sizeof(entry->name));
		entry->stat = (struct vfs_stat){ .type = n->directory ? VFS_DIRECTORY : VFS_FILE,
			.size = n->size };
		return 1;
	}
	return 0;
}

const struct vfs_ops cpiofs_ops = {
	.stat = cpiofs_stat,
	.open = cpiofs_open,
	.read = cpiofs_read,
	.readdir = cpiofs_readdir,
};
