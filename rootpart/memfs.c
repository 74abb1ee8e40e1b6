/* SPDX-License-Identifier: MIT */
/*
 * The tree: a directory is a list of nodes. Every operation first gets all the
 * memory that it needs, then changes the tree. Any task; one lock per file
 * system, held for a whole operation.
 */
#include "rootpart/memfs.h"

#include "base/errno.h"
#include "lib/list.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/memfs_data.h"
#include "rootpart/mutex.h"

struct node {
	struct list_node link; /* in its directory, by order */
	u64 order;             /* counts up with each that is put somewhere */
	char *name;
	enum vfs_type type;
	u32 users;                 /* its directory, and open files */
	struct list_node children; /* of a directory */
	struct memfs_data data;    /* of a file */
};

struct memfs {
	struct mutex lock; /* protects all below */
	struct memfs_budget budget;
	u64 order; /* the last that was given */
	struct node root;
};

/* Where a path leads: @node is NULL if only its last part is missing. */
struct place {
	struct node *directory; /* NULL: the node is the root */
	const char *name;       /* the last part of the path */
	struct node *node;
};

struct memfs *memfs_create(u64 limit)
{
	struct memfs *fs = kzalloc(sizeof(*fs));

	if (fs == NULL)
		return NULL;
	mutex_init(&fs->lock);
	fs->budget.limit = limit;
	fs->root.type = VFS_DIRECTORY;
	list_init(&fs->root.children);
	return fs;
}

u64 memfs_used(struct memfs *fs)
{
	u64 used;

	mutex_lock(&fs->lock);
	used = fs->budget.used;
	mutex_unlock(&fs->lock);
	return used;
}

static struct node *child(const struct node *directory, const char *name, size_t len)
{
	list_for_each(l, &directory->children)
	{
		struct node *n = list_entry(l, struct node, link);

		if (strlen(n->name) == len && strncmp(n->name, name, len) == 0)
			return n;
	}
	return NULL;
}

static int locate(struct memfs *fs, const char *path, struct place *p)
{
	*p = (struct place){ .name = path, .node = &fs->root };
	while (*path != '\0') {
		const char *slash = strchr(path, '/');
		size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);

		if (p->node == NULL)
			return -ENOENT;
		if (p->node->type != VFS_DIRECTORY)
			return -ENOTDIR;
		p->directory = p->node;
		p->name = path;
		p->node = child(p->directory, path, len);
		path += len + (slash != NULL);
	}
	return 0;
}

/* The same for what must be there. */
static int find(struct memfs *fs, const char *path, struct node **node)
{
	struct place p;
	int r = locate(fs, path, &p);

	*node = p.node;
	return r == 0 && p.node == NULL ? -ENOENT : r;
}

static char *copy_name(const char *name)
{
	size_t size = strlen(name) + 1;
	char *copy = kmalloc(size);

	if (copy != NULL)
		memcpy(copy, name, size);
	return copy;
}

/* A node that is nowhere yet, and has no name. */
static struct node *new_node(struct memfs *fs, enum vfs_type type)
{
	struct node *n;

	if (!memfs_charge(&fs->budget, MEMFS_ENTRY_SIZE))
		return NULL;
	n = kzalloc(sizeof(*n));
	if (n == NULL) {
		fs->budget.used -= MEMFS_ENTRY_SIZE;
		return NULL;
	}
	n->type = type;
	list_init(&n->link);
	list_init(&n->children);
	return n;
}

/* One user less; the last one takes it along. */
static void drop(struct memfs *fs, struct node *n)
{
	if (--n->users > 0)
		return;
	memfs_data_free(&n->data, &fs->budget);
	kfree(n->name);
	kfree(n);
	fs->budget.used -= MEMFS_ENTRY_SIZE;
}

/* At the end, so that a listing that goes on sees each entry once. */
static void put(struct memfs *fs, struct node *directory, struct node *n)
{
	n->order = ++fs->order;
	list_push_back(&directory->children, &n->link);
}

static void unlink(struct memfs *fs, struct node *n)
{
	list_remove(&n->link);
	drop(fs, n);
}

static int make(struct memfs *fs, const struct place *p, enum vfs_type type, struct node **node)
{
	struct node *n = new_node(fs, type);

	if (n == NULL)
		return -ENOSPC;
	n->users = 1;
	n->name = copy_name(p->name);
	if (n->name == NULL) {
		drop(fs, n);
		return -ENOSPC;
	}
	put(fs, p->directory, n);
	*node = n;
	return 0;
}

static int memfs_stat(void *ctx, const char *path, struct vfs_stat *stat)
{
	struct memfs *fs = ctx;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = find(fs, path, &n);
	if (r == 0)
		*stat = (struct vfs_stat){ .type = n->type, .size = n->data.size };
	mutex_unlock(&fs->lock);
	return r;
}

static int open_locked(struct memfs *fs, const char *path, u32 flags, struct node **node)
{
	struct place p;
	int r = locate(fs, path, &p);

	*node = p.node;
	if (r != 0)
		return r;
	if (p.node == NULL)
		return flags & VFS_CREATE ? make(fs, &p, VFS_FILE, node) : -ENOENT;
	if (p.node->type == VFS_DIRECTORY)
		return -EISDIR;
	if (flags & VFS_TRUNCATE)
		memfs_data_free(&p.node->data, &fs->budget);
	return 0;
}

static int memfs_open(void *ctx, const char *path, struct vfs_file *file)
{
	struct memfs *fs = ctx;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = open_locked(fs, path, file->flags, &n);
	if (r == 0) {
		n->users++;
		file->node = n;
	}
	mutex_unlock(&fs->lock);
	return r;
}

static void memfs_close(struct vfs_file *file)
{
	struct memfs *fs = file->fs;

	mutex_lock(&fs->lock);
	drop(fs, file->node);
	mutex_unlock(&fs->lock);
}

static s64 memfs_read(struct vfs_file *file, void *buf, size_t len)
{
	const struct node *n = file->node;
	struct memfs *fs = file->fs;
	size_t done;

	mutex_lock(&fs->lock);
	done = memfs_data_read(&n->data, file->offset, buf, len);
	mutex_unlock(&fs->lock);
	return (s64)done;
}

static s64 memfs_write(struct vfs_file *file, const void *buf, size_t len)
{
	struct memfs *fs = file->fs;
	struct node *n = file->node;
	int r;

	mutex_lock(&fs->lock);
	r = memfs_data_write(&n->data, &fs->budget, file->offset, buf, len);
	mutex_unlock(&fs->lock);
	return r != 0 ? r : (s64)len;
}

/* There is no place that is safer. */
static int memfs_sync(struct vfs_file *file)
{
	(void)file;
	return 0;
}

static int memfs_statfs(void *ctx, struct vfs_statfs *out)
{
	struct memfs *fs = ctx;

	mutex_lock(&fs->lock);
	*out = (struct vfs_statfs){
		.block_size = PAGE_SIZE,
		.blocks = fs->budget.limit / PAGE_SIZE,
		.free_blocks = (fs->budget.limit - fs->budget.used) / PAGE_SIZE,
	};
	mutex_unlock(&fs->lock);
	return 0;
}

/* *@position is the order of the entry before. */
static int readdir_locked(const struct node *n, u64 *position, struct vfs_entry *entry)
{
	if (n->type != VFS_DIRECTORY)
		return -ENOTDIR;
	list_for_each(l, &n->children)
	{
		const struct node *c = list_entry(l, struct node, link);

		if (c->order <= *position)
			continue;
		*position = c->order;
		(void)str_copy(entry->name, c->name, sizeof(entry->name));
		entry->stat = (struct vfs_stat){ .type = c->type, .size = c->data.size };
		return 1;
	}
	return 0;
}

static int memfs_readdir(void *ctx, const char *path, u64 *position, struct vfs_entry *entry)
{
	struct memfs *fs = ctx;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = find(fs, path, &n);
	if (r == 0)
		r = readdir_locked(n, position, entry);
	mutex_unlock(&fs->lock);
	return r;
}

static int memfs_mkdir(void *ctx, const char *path)
{
	struct memfs *fs = ctx;
	struct place p;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = locate(fs, path, &p);
	if (r == 0)
		r = p.node == NULL ? make(fs, &p, VFS_DIRECTORY, &n) : -EEXIST;
	mutex_unlock(&fs->lock);
	return r;
}

static int memfs_remove(void *ctx, const char *path)
{
	struct memfs *fs = ctx;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = find(fs, path, &n);
	if (r == 0 && !list_empty(&n->children))
		r = -ENOTEMPTY;
	if (r == 0)
		unlink(fs, n);
	mutex_unlock(&fs->lock);
	return r;
}

/* Whether @from may take the place of @to. */
static int may_replace(const struct node *from, const struct node *to)
{
	if (from->type != to->type)
		return to->type == VFS_DIRECTORY ? -EISDIR : -ENOTDIR;
	return list_empty(&to->children) ? 0 : -ENOTEMPTY;
}

static int rename_locked(struct memfs *fs, struct node *from, const struct place *to)
{
	struct node *old = to->node;
	char *name = from->name;
	int r = old != NULL ? may_replace(from, old) : 0;

	if (r != 0)
		return r;
	/* Replacing needs no memory: names change places. */
	from->name = old != NULL ? old->name : copy_name(to->name);
	if (from->name == NULL) {
		from->name = name;
		return -ENOSPC;
	}
	list_remove(&from->link);
	put(fs, to->directory, from);
	if (old == NULL) {
		kfree(name);
		return 0;
	}
	old->name = name;
	unlink(fs, old);
	return 0;
}

static int memfs_rename(void *ctx, const char *from, const char *to)
{
	struct memfs *fs = ctx;
	struct place p;
	struct node *n;
	int r;

	mutex_lock(&fs->lock);
	r = find(fs, from, &n);
	if (r == 0)
		r = locate(fs, to, &p);
	if (r == 0)
		r = rename_locked(fs, n, &p);
	mutex_unlock(&fs->lock);
	return r;
}

static int memfs_truncate(struct vfs_file *file, u64 size)
{
	struct memfs *fs = file->fs;
	struct node *n = file->node;
	int r;

	mutex_lock(&fs->lock);
	r = memfs_data_resize(&n->data, &fs->budget, size);
	mutex_unlock(&fs->lock);
	return r;
}

const struct vfs_ops memfs_ops = {
	.stat = memfs_stat,
	.open = memfs_open,
	.close = memfs_close,
	.read = memfs_read,
	.write = memfs_write,
	.sync = memfs_sync,
	.statfs = memfs_statfs,
	.readdir = memfs_readdir,
	.mkdir = memfs_mkdir,
	.remove = memfs_remove,
	.rename = memfs_rename,
	.truncate = memfs_truncate,
};
