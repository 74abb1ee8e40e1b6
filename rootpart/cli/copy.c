/* SPDX-License-Identifier: MIT */
/*
 * See copy.h. Zeros are left out where the target's file system has sparse files.
 */
#include "rootpart/cli/copy.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"

#define CHUNK     (256 * KIB)
#define DEPTH_MAX 64u

bool copy_begin(struct copy *c, struct cli *cli)
{
	*c = (struct copy){ .cli = cli, .buf = kmalloc(CHUNK) };
	return c->buf != NULL;
}

void copy_end(struct copy *c)
{
	kfree(c->buf);
}

static int write_all(struct vfs_file *to, const u8 *from, u64 len)
{
	while (len > 0) {
		s64 n = vfs_write(to, from, len);

		if (n <= 0)
			return n < 0 ? (int)n : -ENOSPC;
		from += n;
		len -= (u64)n;
	}
	return 0;
}

/* Past a hole of the source. */
static int skip_hole(struct copy *c, struct vfs_file *from, struct vfs_file *to)
{
	u64 at = from->offset;
	int r = vfs_data(from, &at);

	if (r == 0 && at > from->offset) {
		progress_add(&c->progress, at - from->offset);
		to->offset += at - from->offset;
		from->offset = at;
	}
	return r;
}

/* *@reading: it was the source that failed. */
static int copy_bytes(
	struct copy *c, struct vfs_file *from, struct vfs_file *to, bool sparse, bool *reading)
{
	s64 n;

	for (;;) {
		int r = 0;

		if (cli_interrupted())
			return -EINTR;
		n = sparse ? skip_hole(c, from, to) : 0;
		if (n == 0)
			n = vfs_read(from, c->buf, CHUNK);
		*reading = n < 0;
		if (n <= 0)
			break;
		if (sparse && mem_is_zero(c->buf, (size_t)n))
			to->offset += (u64)n;
		else
			r = write_all(to, c->buf, (u64)n);
		if (r != 0)
			return r;
		progress_add(&c->progress, (u64)n);
	}
	if (n < 0)
		return (int)n;
	/* Zeros at its end were not written. */
	return sparse ? vfs_truncate(to, to->offset) : 0;
}

/* Where a copy is written: @path, which is @target itself if @in_place. */
struct place {
	char path[PATH_MAX];
	bool in_place;
	struct vfs_file file;
};

static int part_path(const char *target, char *out)
{
	char directory[PATH_MAX];

	if (str_copy(directory, target, sizeof(directory)) != 0)
		return -ENAMETOOLONG;
	*MAX(strrchr(directory, '/'), directory + 1) = '\0';
	return path_join(directory, COPY_PART_NAME, out);
}

/* One that has a size of its own: nothing is written to it that does not fit. */
static int open_in_place(u64 size, const char *target, struct place *p)
{
	struct vfs_stat stat;
	int r = vfs_stat(target, &stat);

	if (r == 0)
		r = vfs_open(target, VFS_WRITE, &p->file);
	if (r == 0 && size > stat.size) {
		vfs_close(&p->file);
		r = -ENOSPC;
	}
	return r;
}

/* For @size bytes of @source; *@reading: it is that one's fault. */
static int open_place(
	const char *source, u64 size, const char *target, struct place *p, bool *reading)
{
	struct vfs_stat stat;
	int r = part_path(target, p->path);

	p->in_place = false;
	/* What a power cut has left of an earlier copy is not to be emptied while it is read. */
	*reading = r == 0 && strcmp(p->path, source) == 0;
	if (*reading)
		return -EBUSY;
	if (r == 0)
		r = vfs_open(p->path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &p->file);
	if (r != -EROFS || vfs_stat(target, &stat) != 0)
		return r;
	p->in_place = true;
	(void)str_copy(p->path, target, sizeof(p->path));
	return open_in_place(size, target, p);
}

/* Makes what was written the target, or, after an error, takes it away. */
static int close_place(struct place *p, const char *target, int r)
{
	if (r == 0)
		r = vfs_sync(&p->file);
	vfs_close(&p->file);
	if (p->in_place)
		return r;
	if (r == 0)
		r = vfs_rename(p->path, target);
	if (r != 0)
		(void)vfs_remove(p->path);
	return r;
}

/* On a place from the heap: stacks are small. */
static int copy_opened(
	struct copy *c, struct vfs_file *from, const char *target, struct place *p, bool *reading)
{
	bool sparse = !p->in_place && vfs_truncate(&p->file, 0) == 0;

	return close_place(p, target, copy_bytes(c, from, &p->file, sparse, reading));
}

int copy_file(struct copy *c, const char *source, const char *target)
{
	struct place *p = kmalloc(sizeof(*p));
	struct vfs_stat stat;
	struct vfs_file from;
	bool reading = true;
	int r = p != NULL ? vfs_stat(source, &stat) : -ENOMEM;

	if (r == 0)
		r = vfs_open(source, VFS_READ, &from);
	if (r == 0) {
		r = open_place(source, stat.size, target, p, &reading);
		if (r == 0) {
			progress_begin(&c->progress, c->cli, stat.size);
			r = copy_opened(c, &from, target, p, &reading);
			progress_end(&c->progress);
		}
		vfs_close(&from);
	}
	kfree(p);
	if (r != 0 && r != -EINTR)
		return cli_error_errno(c->cli, r, reading ? source : target);
	return r;
}

/* A directory that is copied, within the one that @up is. */
struct level {
	struct level *up;
	u32 depth;
	struct vfs_directory directory;
	struct vfs_entry entry;
	/* Of the entry. */
	char source[PATH_MAX];
	char target[PATH_MAX];
	/* Its own. */
	char to[PATH_MAX];
};

static int make_directory(const char *path)
{
	struct vfs_stat stat;

	if (vfs_stat(path, &stat) == 0)
		return stat.type == VFS_DIRECTORY ? 0 : -ENOTDIR;
	return vfs_mkdir(path);
}

static void leave(struct level **top)
{
	struct level *l = *top;

	*top = l->up;
	kfree(l);
}

/* Puts a level for @source on top, and makes @target. */
static int enter(struct copy *c, struct level **top, const char *source, const char *target)
{
	u32 depth = *top != NULL ? (*top)->depth + 1 : 0;
	struct level *l = depth < DEPTH_MAX ? kmalloc(sizeof(*l)) : NULL;
	int r;

	if (l == NULL)
		return cli_error_errno(c->cli, depth < DEPTH_MAX ? -ENOMEM : -E2BIG, source);
	l->depth = depth;
	(void)str_copy(l->to, target, sizeof(l->to));
	r = vfs_opendir(source, &l->directory);
	if (r != 0) {
		kfree(l);
		return cli_error_errno(c->cli, r, source);
	}
	r = make_directory(target);
	if (r != 0) {
		kfree(l);
		return cli_error_errno(c->cli, r, target);
	}
	l->up = *top;
	*top = l;
	return 0;
}

/* Copies the next entry of the level on top, or enters it, or leaves the level. */
static int step(struct copy *c, struct level **top)
{
	struct level *l = *top;
	int r = vfs_readdir(&l->directory, &l->entry);

	if (r != 1) {
		if (r != 0)
			(void)cli_error_errno(c->cli, r, l->directory.path);
		leave(top);
		return r;
	}
	r = path_join(l->directory.path, l->entry.name, l->source);
	if (r == 0)
		r = path_join(l->to, l->entry.name, l->target);
	if (r != 0)
		return cli_error_errno(c->cli, r, l->entry.name);
	if (l->entry.stat.type == VFS_DIRECTORY)
		return enter(c, top, l->source, l->target);
	return copy_file(c, l->source, l->target);
}

/* What concerns one file does not end the whole. */
static bool goes_on(int error)
{
	return error != -EINTR && error != -ENOSPC && error != -ENOMEM && error != -EROFS;
}

static int copy_directory(struct copy *c, const char *source, const char *target)
{
	struct level *top = NULL;
	int error = enter(c, &top, source, target);

	while (top != NULL) {
		int r = cli_interrupted() ? -EINTR : step(c, &top);

		error = r != 0 ? r : error;
		while (!goes_on(r) && top != NULL)
			leave(&top);
	}
	return error;
}

int copy_tree(struct copy *c, const char *source, const char *target)
{
	struct vfs_stat stat;
	int r = vfs_stat(source, &stat);

	if (r != 0)
		return cli_error_errno(c->cli, r, source);
	if (stat.type == VFS_FILE)
		return copy_file(c, source, target);
	return copy_directory(c, source, target);
}
