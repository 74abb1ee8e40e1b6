/* SPDX-License-Identifier: MIT */
/*
 * Paths, the mount table, and the cpio file system on whole, odd and damaged
 * archives.
 * sources: rootpart/path.c rootpart/vfs.c rootpart/cpiofs.c lib/cpio.c
 * sources: lib/format.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/cpio.h"
#include "rootpart/cpiofs.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"

/* Allocations that still succeed. */
static u32 allocations = ~0u;

void *kmalloc(size_t size)
{
	return allocations > 0 ? (allocations--, malloc(size)) : NULL;
}

void *kzalloc(size_t size)
{
	return allocations > 0 ? (allocations--, calloc(1, size)) : NULL;
}

void kfree(void *p)
{
	free(p);
}

struct archive {
	char bytes[8192];
	size_t len;
};

static void pad(struct archive *a)
{
	while (a->len % 4 != 0)
		a->bytes[a->len++] = '\0';
}

static void put(struct archive *a, const char *name, unsigned mode, const char *data)
{
	a->len += (size_t)sprintf(a->bytes + a->len,
			  "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 1, mode,
			  0, 0, 1, 0, (unsigned)strlen(data), 0, 0, 0, 0,
			  (unsigned)strlen(name) + 1, 0, name) +
		  1;
	pad(a);
	memcpy(a->bytes + a->len, data, strlen(data));
	a->len += strlen(data);
	pad(a);
}

#define FILE_MODE (CPIO_MODE_FILE | 0644)
#define DIR_MODE  (CPIO_MODE_DIR | 0755)
#define LINK_MODE 0120777u

/* Nothing of a tree is ever given back by itself. */
static void forget(struct cpiofs *fs)
{
	struct {
		struct {
			char *path;
			const u8 *data;
			u64 size;
			bool directory;
		} * nodes;
		u32 count;
		u32 room;
	} *inside = (void *)fs;

	for (u32 i = 0; i < inside->count; i++)
		free(inside->nodes[i].path);
	free(inside->nodes);
	free(fs);
}

static struct archive boot, extra1, extra2;
static struct cpiofs *boot_tree, *extra_tree;

static int mount_all(void **state)
{
	size_t offset;
	u32 left_out;

	(void)state;
	put(&boot, ".", DIR_MODE, "");
	put(&boot, "motd", FILE_MODE, "hello\n");
	put(&boot, "bin", DIR_MODE, "");
	put(&boot, "bin/worker", FILE_MODE, "0123456789");
	put(&boot, "bin-old", FILE_MODE, "");
	put(&boot, "deep/down/here", FILE_MODE, "x");
	put(&boot, "./a//b/", DIR_MODE, "");
	put(&boot, "link", LINK_MODE, "motd");
	put(&boot, "../../up", FILE_MODE, "up");
	boot_tree = cpiofs_create();
	assert_int_equal(cpiofs_add(boot_tree, boot.bytes, boot.len, &offset, &left_out), 0);
	assert_int_equal(left_out, 1);
	put(&extra1, "one", FILE_MODE, "first");
	put(&extra1, "both", FILE_MODE, "first");
	put(&extra2, "two", FILE_MODE, "second");
	put(&extra2, "both", FILE_MODE, "second");
	extra_tree = cpiofs_create();
	assert_int_equal(cpiofs_add(extra_tree, extra1.bytes, extra1.len, &offset, &left_out), 0);
	assert_int_equal(cpiofs_add(extra_tree, extra2.bytes, extra2.len, &offset, &left_out), 0);
	assert_int_equal(vfs_mount("/boot", &cpiofs_ops, boot_tree), 0);
	assert_int_equal(vfs_mount("/boot/extra", &cpiofs_ops, extra_tree), 0);
	assert_int_equal(vfs_mount("/x/y", &cpiofs_ops, extra_tree), 0);
	assert_int_equal(vfs_mount("/boot", &cpiofs_ops, extra_tree), -EBUSY);
	return 0;
}

static int forget_all(void **state)
{
	(void)state;
	forget(boot_tree);
	forget(extra_tree);
	return 0;
}

static void paths_are_normalised(void **state)
{
	static const char *const rows[][2] = {
		{ "/", "/" },
		{ "boot", "/boot" },
		{ "/boot/", "/boot" },
		{ "//boot///x", "/boot/x" },
		{ "/./boot/./x/.", "/boot/x" },
		{ "/boot/x/..", "/boot" },
		{ "/boot/../../..", "/" },
		{ "../x", "/x" },
		{ "/a/b/../../c", "/c" },
		{ "/a/...", "/a/..." },
		{ ".", "/" },
	};
	char out[PATH_MAX], longest[PATH_MAX + 8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(path_normalise(rows[i][0], out), 0);
		assert_string_equal(out, rows[i][1]);
	}
	assert_int_equal(path_normalise("", out), -ENOENT);
	memset(longest, 'n', sizeof(longest));
	longest[NAME_MAX] = '\0';
	assert_int_equal(path_normalise(longest, out), 0);
	longest[NAME_MAX] = 'n';
	longest[NAME_MAX + 1] = '\0';
	assert_int_equal(path_normalise(longest, out), -ENAMETOOLONG);
	memset(longest, '/', sizeof(longest));
	for (size_t i = 1; i < PATH_MAX; i += 2)
		longest[i] = 'n';
	longest[PATH_MAX] = '\0';
	assert_int_equal(path_normalise(longest, out), -ENAMETOOLONG);
	longest[PATH_MAX - 2] = '\0';
	assert_int_equal(path_normalise(longest, out), 0);
	assert_int_equal(path_join("/a", "b", out), 0);
	assert_string_equal(out, "/a/b");
	assert_int_equal(path_join("/", "b", out), 0);
	assert_string_equal(out, "/b");
	assert_null(path_below("/bootx", "/boot"));
	assert_string_equal(path_below("/boot/x", "/boot"), "x");
	assert_string_equal(path_below("/boot", "/"), "boot");
	assert_string_equal(path_below("/", "/"), "");
}

static void files_are_found_or_not(void **state)
{
	static const struct {
		const char *path;
		int stat;
		int open;
		enum vfs_type type;
		u64 size;
	} rows[] = {
		{ "/", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/motd", 0, 0, VFS_FILE, 6 },
		{ "boot/../boot/./motd", 0, 0, VFS_FILE, 6 },
		{ "/boot/bin", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/bin/worker", 0, 0, VFS_FILE, 10 },
		{ "/boot/deep", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/deep/down", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/deep/down/here", 0, 0, VFS_FILE, 1 },
		{ "/boot/a/b", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/up", 0, 0, VFS_FILE, 2 },
		{ "/boot/extra", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/boot/extra/one", 0, 0, VFS_FILE, 5 },
		{ "/boot/extra/both", 0, 0, VFS_FILE, 6 },
		{ "/x", 0, -EISDIR, VFS_DIRECTORY, 0 },
		{ "/x/y/two", 0, 0, VFS_FILE, 6 },
		{ "", -ENOENT, -ENOENT, 0, 0 },
		{ "/nope", -ENOENT, -ENOENT, 0, 0 },
		{ "/boot/nope", -ENOENT, -ENOENT, 0, 0 },
		{ "/boot/link", -ENOENT, -ENOENT, 0, 0 },
		{ "/boot/bi", -ENOENT, -ENOENT, 0, 0 },
		{ "/boot/motd/x", -ENOTDIR, -ENOTDIR, 0, 0 },
		{ "/boot/nope/x", -ENOENT, -ENOENT, 0, 0 },
		{ "/x/z", -ENOENT, -ENOENT, 0, 0 },
	};
	struct vfs_file file;
	struct vfs_stat stat;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(vfs_stat(rows[i].path, &stat), rows[i].stat);
		if (rows[i].stat == 0) {
			assert_int_equal(stat.type, rows[i].type);
			assert_int_equal(stat.size, rows[i].size);
		}
		assert_int_equal(vfs_open(rows[i].path, VFS_READ, &file), rows[i].open);
		if (rows[i].open == 0)
			vfs_close(&file);
	}
	assert_int_equal(vfs_open("/boot/motd", VFS_WRITE, &file), -EROFS);
	assert_int_equal(vfs_open("/boot/new", VFS_WRITE | VFS_CREATE, &file), -EROFS);
	assert_int_equal(vfs_open("/new", VFS_WRITE | VFS_CREATE, &file), -EROFS);
}

static void files_are_read(void **state)
{
	struct vfs_file file;
	char text[8];

	(void)state;
	assert_int_equal(vfs_open("/boot/bin/worker", VFS_READ, &file), 0);
	assert_int_equal(vfs_read(&file, text, 8), 8);
	assert_memory_equal(text, "01234567", 8);
	assert_int_equal(vfs_read(&file, text, 8), 2);
	assert_memory_equal(text, "89", 2);
	assert_int_equal(vfs_read(&file, text, 8), 0);
	file.offset = ~0ull;
	assert_int_equal(vfs_read(&file, text, 8), 0);
	assert_int_equal(vfs_write(&file, text, 1), -EBADF);
	assert_int_equal(vfs_truncate(&file, 0), -EBADF);
	assert_int_equal(vfs_sync(&file), 0);
	vfs_close(&file);
	assert_int_equal(vfs_open("/boot/extra/both", VFS_READ, &file), 0);
	assert_int_equal(vfs_read(&file, text, 8), 6);
	assert_memory_equal(text, "second", 6);
	vfs_close(&file);
}

static const char *listing(const char *path)
{
	static char text[256];
	struct vfs_directory directory;
	struct vfs_entry entry;
	int r;

	text[0] = '\0';
	assert_int_equal(vfs_opendir(path, &directory), 0);
	while ((r = vfs_readdir(&directory, &entry)) == 1) {
		strcat(text, entry.name);
		strcat(text, entry.stat.type == VFS_DIRECTORY ? "/ " : " ");
	}
	assert_int_equal(r, 0);
	assert_int_equal(vfs_readdir(&directory, &entry), 0);
	return text;
}

static void directories_are_listed(void **state)
{
	struct vfs_directory directory;

	(void)state;
	assert_string_equal(listing("/"), "boot/ x/ ");
	assert_string_equal(listing("/boot"), "a/ bin/ bin-old deep/ motd up extra/ ");
	assert_string_equal(listing("/boot/bin"), "worker ");
	assert_string_equal(listing("/boot/deep"), "down/ ");
	assert_string_equal(listing("/boot/a/b"), "");
	assert_string_equal(listing("/boot/extra"), "both one two ");
	assert_string_equal(listing("/x"), "y/ ");
	assert_int_equal(vfs_opendir("/boot/motd", &directory), -ENOTDIR);
	assert_int_equal(vfs_opendir("/nope", &directory), -ENOENT);
}

/* A mount point hides what the file system has there, and shows once. */
static void mount_points_show_once(void **state)
{
	(void)state;
	assert_int_equal(vfs_mount("/boot/deep/down", &cpiofs_ops, extra_tree), 0);
	assert_string_equal(listing("/boot/deep"), "down/ ");
	assert_string_equal(listing("/boot/deep/down"), "both one two ");
}

/* A file where an earlier entry had a directory: what was below is gone. */
static void later_entries_win(void **state)
{
	struct archive a = { .len = 0 };
	struct cpiofs *fs = cpiofs_create();
	struct vfs_stat stat;
	size_t offset;
	u32 left_out;

	(void)state;
	put(&a, "d/f", FILE_MODE, "1");
	put(&a, "d", FILE_MODE, "22");
	put(&a, "d", FILE_MODE, "333");
	assert_int_equal(cpiofs_add(fs, a.bytes, a.len, &offset, &left_out), 0);
	assert_int_equal(cpiofs_ops.stat(fs, "d", &stat), 0);
	assert_int_equal(stat.size, 3);
	assert_int_equal(cpiofs_ops.stat(fs, "d/f", &stat), -ENOTDIR);
	forget(fs);
}

/* Cut anywhere: what is before the damage is there, and its place is told. */
static void damaged_archives(void **state)
{
	struct archive a = { .len = 0 };
	size_t one;

	(void)state;
	put(&a, "one", FILE_MODE, "1");
	one = a.len;
	put(&a, "two", FILE_MODE, "2");
	for (size_t len = 0; len < a.len; len++) {
		char *copy = malloc(len ? len : 1);
		struct cpiofs *fs = cpiofs_create();
		struct vfs_stat stat;
		size_t offset;
		u32 left_out;
		int r;

		memcpy(copy, a.bytes, len);
		r = cpiofs_add(fs, copy, len, &offset, &left_out);
		assert_int_equal(r, len == 0 || len == one ? 0 : -EINVAL);
		assert_int_equal(offset, len < one ? 0 : one);
		r = cpiofs_ops.stat(fs, "one", &stat);
		assert_int_equal(r, len < one ? -ENOENT : 0);
		assert_int_equal(cpiofs_ops.stat(fs, "two", &stat), -ENOENT);
		forget(fs);
		free(copy);
	}
}

static void memory_runs_out(void **state)
{
	int r = -ENOMEM;

	(void)state;
	for (u32 n = 0; r == -ENOMEM; n++) {
		struct cpiofs *fs;
		size_t offset;
		u32 left_out;

		allocations = n;
		fs = cpiofs_create();
		if (fs == NULL)
			continue;
		r = cpiofs_add(fs, boot.bytes, boot.len, &offset, &left_out);
		assert_true(r == 0 || r == -ENOMEM);
		forget(fs);
	}
	allocations = ~0u;
	assert_int_equal(r, 0);
}

/* More nodes than the first array holds, in the worst order. */
static void many_files(void **state)
{
	struct archive *a = calloc(1, sizeof(*a));
	struct cpiofs *fs = cpiofs_create();
	struct vfs_entry entry;
	u64 position = 0;
	size_t offset;
	u32 left_out;
	char name[16];

	(void)state;
	for (int i = 59; i >= 0; i--) {
		sprintf(name, "f%02d", i);
		put(a, name, FILE_MODE, "");
	}
	assert_int_equal(cpiofs_add(fs, a->bytes, a->len, &offset, &left_out), 0);
	for (int i = 0; i < 60; i++) {
		sprintf(name, "f%02d", i);
		assert_int_equal(cpiofs_ops.readdir(fs, "", &position, &entry), 1);
		assert_string_equal(entry.name, name);
	}
	assert_int_equal(cpiofs_ops.readdir(fs, "", &position, &entry), 0);
	forget(fs);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_normalised),
		cmocka_unit_test(files_are_found_or_not),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(directories_are_listed),
		cmocka_unit_test(mount_points_show_once),
		cmocka_unit_test(later_entries_win),
		cmocka_unit_test(damaged_archives),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(many_files),
	};

	return cmocka_run_group_tests(tests, mount_all, forget_all);
}
