/* SPDX-License-Identifier: MIT */
/*
 * See reader_tree.h.
 */
#include "tests/unit/reader_tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/errno.h"

#define DEPTH_MAX 12u

static void wrong(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s\n", path, what);
	abort();
}

static void join(char *out, const char *directory, const char *name)
{
	int n = snprintf(
		out, 4 * PATH_MAX, "%s%s%s", directory, directory[0] != '\0' ? "/" : "", name);

	if (n < 0 || n >= (int)(4 * PATH_MAX))
		abort();
}

static void open_file(const struct vfs_ops *ops, void *fs, const char *path, struct vfs_file *file)
{
	*file = (struct vfs_file){ .ops = ops, .fs = fs };
	if (ops->open(fs, path, file) != 0)
		wrong("cannot be opened", path);
}

s64 reader_read(const struct vfs_ops *ops, void *fs, const char *path, void *buf, size_t size)
{
	struct vfs_file file = { .ops = ops, .fs = fs };
	s64 n = ops->open(fs, path, &file);

	if (n != 0)
		return n;
	n = ops->read(&file, buf, size);
	ops->close(&file);
	return n;
}

/* In pieces of odd sizes, so that they end anywhere. */
static void same_file(const struct vfs_ops *ops, void *fs, const char *path, const char *host)
{
	static u8 got[100000], expected[sizeof(got)];
	FILE *f = fopen(host, "rb");
	struct vfs_file file;
	size_t step = 1;

	if (f == NULL)
		wrong("is not on the host", host);
	open_file(ops, fs, path, &file);
	for (;;) {
		size_t n = fread(expected, 1, step, f);
		s64 r = ops->read(&file, got, step);

		if (r != (s64)n)
			wrong("ends elsewhere", path);
		if (memcmp(got, expected, n) != 0)
			wrong("has other bytes", path);
		file.offset += n;
		if (n < step)
			break;
		step = (step * 7 + 3) % sizeof(got) + 1;
	}
	ops->close(&file);
	fclose(f);
}

static void same_entry(const struct vfs_ops *ops, void *fs, const char *path, const char *host,
	const struct vfs_entry *entry)
{
	struct vfs_stat stat;
	struct stat st;

	if (lstat(host, &st) != 0)
		wrong("is not on the host", host);
	if (ops->stat(fs, path, &stat) != 0)
		wrong("is listed, but not found", path);
	if (stat.type != entry->stat.type || stat.size != entry->stat.size ||
		stat.mtime != entry->stat.mtime)
		wrong("differs in listing and stat", path);
	/* Two seconds are what FAT tells apart; not all tools keep those of directories. */
	if (S_ISREG(st.st_mode) && llabs((s64)stat.mtime - (s64)st.st_mtime) > 2)
		wrong("has another time", path);
	if (S_ISLNK(st.st_mode)) {
		struct vfs_file file = { .ops = ops, .fs = fs };

		if (ops->open(fs, path, &file) != -ELOOP)
			wrong("is a symbolic link that opens", path);
		return;
	}
	if ((stat.type == VFS_DIRECTORY) != S_ISDIR(st.st_mode))
		wrong("is of another kind", path);
	if (stat.type == VFS_FILE && stat.size != (u64)st.st_size)
		wrong("has another size", path);
}

static u32 host_entries(const char *host)
{
	DIR *d = opendir(host);
	u32 n = 0;

	if (d == NULL)
		wrong("is no directory", host);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void same(const struct vfs_ops *ops, void *fs, const char *path, const char *host)
{
	char *below = malloc(8 * PATH_MAX), *below_host = below + 4 * PATH_MAX;
	struct vfs_entry entry;
	u64 position = 0;
	u32 count = 0;
	int r;

	while ((r = ops->readdir(fs, path, &position, &entry)) == 1) {
		join(below, path, entry.name);
		join(below_host, host, entry.name);
		same_entry(ops, fs, below, below_host, &entry);
		if (entry.stat.type == VFS_DIRECTORY) {
			same(ops, fs, below, below_host);
		} else {
			struct stat st;

			if (lstat(below_host, &st) == 0 && S_ISREG(st.st_mode))
				same_file(ops, fs, below, below_host);
		}
		count++;
	}
	if (r != 0)
		wrong("cannot be listed", path);
	if (count != host_entries(host))
		wrong("has other entries", path);
	free(below);
}

void reader_same_tree(const struct vfs_ops *ops, void *fs, const char *host)
{
	same(ops, fs, "", host);
}

struct wander {
	const struct vfs_ops *ops;
	void *fs;
	u32 left;
	u32 errors;
};

static void wander_file(struct wander *w, const char *path)
{
	static u8 buf[70000];
	struct vfs_file file = { .ops = w->ops, .fs = w->fs };
	s64 n;

	if (w->ops->open(w->fs, path, &file) != 0) {
		w->errors++;
		return;
	}
	n = w->ops->read(&file, buf, sizeof(buf));
	if (n > (s64)sizeof(buf))
		abort();
	file.offset = 1000000000;
	w->errors += n < 0;
	n = w->ops->read(&file, buf, 1000);
	w->errors += n < 0;
	w->ops->close(&file);
}

static void wander(struct wander *w, const char *path, u32 depth)
{
	char *below = malloc(4 * PATH_MAX);
	struct vfs_entry entry;
	u64 position = 0;
	int r = 0;

	while (w->left > 0 && (r = w->ops->readdir(w->fs, path, &position, &entry)) == 1) {
		struct vfs_stat stat;

		w->left--;
		if (memchr(entry.name, 0, sizeof(entry.name)) == NULL || entry.name[0] == '\0' ||
			strchr(entry.name, '/') != NULL)
			abort();
		join(below, path, entry.name);
		w->errors += w->ops->stat(w->fs, below, &stat) != 0;
		if (entry.stat.type == VFS_FILE)
			wander_file(w, below);
		else if (depth < DEPTH_MAX)
			wander(w, below, depth + 1);
	}
	w->errors += r < 0;
	free(below);
}

u32 reader_wander(const struct vfs_ops *ops, void *fs, u32 entries)
{
	struct wander w = { .ops = ops, .fs = fs, .left = entries };

	wander(&w, "", 0);
	return w.errors;
}
