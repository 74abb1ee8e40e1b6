/* SPDX-License-Identifier: MIT */
/*
 * The memory file system behind the file layer: a table of what is refused,
 * open files, listings, the limit.
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: lib/format.c lib/string.c tests/unit/fake_files.c tests/unit/host_assert.c
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
#include "rootpart/memfs.h"

#define LIMIT (24 * PAGE_SIZE)

/* Nothing changes there: no function that writes. */
static int other_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	(void)fs;
	*stat = (struct vfs_stat){ .type = path[0] == '\0' ? VFS_DIRECTORY : VFS_FILE };
	return path[0] == '\0' || strcmp(path, "file") == 0 ? 0 : -ENOENT;
}

static int other_open(void *fs, const char *path, struct vfs_file *file)
{
	(void)fs;
	(void)path;
	(void)file;
	return 0;
}

static const struct vfs_ops other_ops = { .stat = other_stat, .open = other_open };

/* One that can do all, and tells what it was asked. */
static char asked[64];

static s64 able_write(struct vfs_file *file, const void *buf, size_t len)
{
	(void)file;
	(void)buf;
	return (s64)len;
}

static int able_truncate(struct vfs_file *file, u64 size)
{
	(void)file;
	snprintf(asked, sizeof(asked), "truncate %llu", (unsigned long long)size);
	return 0;
}

static int able_allocate(struct vfs_file *file, u64 offset, u64 len)
{
	(void)file;
	snprintf(asked, sizeof(asked), "allocate %llu %llu", (unsigned long long)offset,
		(unsigned long long)len);
	return -ENOSPC;
}

static int able_sync(struct vfs_file *file)
{
	(void)file;
	snprintf(asked, sizeof(asked), "sync");
	return -EIO;
}

static int able_statfs(void *ctx, struct vfs_statfs *out)
{
	(void)ctx;
	*out = (struct vfs_statfs){ .block_size = 1024, .blocks = 7, .label = "able" };
	return 0;
}

static const struct vfs_ops able_ops = {
	.stat = other_stat,
	.open = other_open,
	.write = able_write,
	.truncate = able_truncate,
	.allocate = able_allocate,
	.sync = able_sync,
	.statfs = able_statfs,
};

static struct memfs *fs, *inner;

static int mount_all(void **state)
{
	(void)state;
	fs = memfs_create(LIMIT);
	inner = memfs_create(LIMIT);
	assert_int_equal(vfs_mount("/m", &memfs_ops, fs), 0);
	assert_int_equal(vfs_mount("/m/dir/inner", &memfs_ops, inner), 0);
	assert_int_equal(vfs_mount("/ro", &other_ops, NULL), 0);
	assert_int_equal(vfs_mount("/able", &able_ops, NULL), 0);
	return 0;
}

static int forget_all(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	assert_int_equal(memfs_used(inner), 0);
	free(fs);
	free(inner);
	return 0;
}

static int put_file(const char *path, const char *text)
{
	struct vfs_file file;
	int r = vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file);
	s64 done;

	if (r != 0)
		return r;
	done = vfs_write(&file, text, strlen(text));
	vfs_close(&file);
	return done < 0 ? (int)done : 0;
}

static const char *get_file(const char *path)
{
	static char text[64];
	struct vfs_file file;
	s64 n;

	assert_int_equal(vfs_open(path, VFS_READ, &file), 0);
	n = vfs_read(&file, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	vfs_close(&file);
	return text;
}

static const char *listing(const char *path)
{
	static char text[256];
	struct vfs_directory directory;
	struct vfs_entry entry;

	text[0] = '\0';
	assert_int_equal(vfs_opendir(path, &directory), 0);
	while (vfs_readdir(&directory, &entry) == 1) {
		strcat(text, entry.name);
		strcat(text, entry.stat.type == VFS_DIRECTORY ? "/ " : " ");
	}
	return text;
}

/* 'm' mkdir, 'r' remove, 'f' make a file, 'c' open to create it, 'o' open for
 * reading, 'n' rename. */
static int change(char what, const char *path, const char *to)
{
	struct vfs_file file;
	int r;

	if (what == 'm')
		return vfs_mkdir(path);
	if (what == 'r')
		return vfs_remove(path);
	if (what == 'n')
		return vfs_rename(path, to);
	if (what == 'f')
		return put_file(path, "text");
	r = vfs_open(path, what == 'c' ? VFS_WRITE | VFS_CREATE : VFS_READ, &file);
	if (r == 0)
		vfs_close(&file);
	return r;
}

static const struct {
	char what;
	const char *path, *to;
	int result;
} changes[] = {
	{ 'm', "/m", 0, -EEXIST },
	{ 'm', "/", 0, -EEXIST },
	{ 'm', "/m/dir", 0, -EEXIST }, /* because of what is mounted in it */
	{ 'm', "/m/d", 0, 0 },
	{ 'm', "/m/d/", 0, -EEXIST },
	{ 'm', "/m/x/y", 0, -ENOENT },
	{ 'm', "", 0, -ENOENT },
	{ 'm', "/new", 0, -EROFS },
	{ 'm', "/new/er", 0, -ENOENT },
	{ 'm', "/ro/d", 0, -EROFS },
	{ 'f', "/m/d/f", 0, 0 },
	{ 'm', "/m/d/f", 0, -EEXIST },
	{ 'm', "/m/d/f/g", 0, -ENOTDIR },
	{ 'f', "/m/d/f/g", 0, -ENOTDIR },
	{ 'f', "/m/d", 0, -EISDIR },
	{ 'f', "/m/x/f", 0, -ENOENT },
	{ 'f', "/ro/f", 0, -EROFS },
	{ 'f', "/f", 0, -EROFS },
	{ 'c', "/m/d/f", 0, 0 },
	{ 'o', "/m/d/g", 0, -ENOENT },
	{ 'o', "/m/d", 0, -EISDIR },
	{ 'r', "/m/d", 0, -ENOTEMPTY },
	{ 'r', "/m/d/g", 0, -ENOENT },
	{ 'r', "/m/d/f/g", 0, -ENOTDIR },
	{ 'r', "/", 0, -EBUSY },
	{ 'r', "/m", 0, -EBUSY },
	{ 'r', "/m/dir", 0, -EBUSY },
	{ 'r', "/m/dir/inner", 0, -EBUSY },
	{ 'r', "/ro/file", 0, -EROFS },
	{ 'r', "/ro/nope", 0, -ENOENT },
	{ 'm', "/m/e", 0, 0 },
	{ 'f', "/m/f", 0, 0 },
	{ 'n', "/m/nope", "/m/g", -ENOENT },
	{ 'n', "/m/f", "/m/x/g", -ENOENT },
	{ 'n', "/m/f", "/m/d/f/g", -ENOTDIR },
	{ 'n', "/m/f", "/m/d", -EISDIR },
	{ 'n', "/m/e", "/m/f", -ENOTDIR },
	{ 'n', "/m/e", "/m/d", -ENOTEMPTY },
	{ 'n', "/m/d", "/m/d/f", -EINVAL },
	{ 'n', "/m/d", "/m/d/x", -EINVAL },
	{ 'n', "/m/d", "/m/d", 0 },
	{ 'n', "/m/f", "/m/./f", 0 },
	{ 'n', "/m/f", "/m/dir/inner/f", -EXDEV },
	{ 'n', "/ro/file", "/m/g", -EXDEV },
	{ 'n', "/ro/file", "/ro/g", -EROFS },
	{ 'n', "/m/f", "/g", -EROFS },
	{ 'n', "/m/dir/inner", "/m/g", -EBUSY },
	{ 'n', "/m/dir", "/m/g", -EBUSY },
	{ 'n', "/m/f", "/m/dir", -EBUSY },
	{ 'n', "/m/f", "", -ENOENT },
	{ 'n', "/m/d", "/m/e", 0 }, /* an empty directory gives way */
	{ 'n', "/m/f", "/m/e/f", 0 },
	{ 'r', "/m/e/f", 0, 0 },
	{ 'r', "/m/e", 0, 0 },
};

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		int r = change(changes[i].what, changes[i].path, changes[i].to);

		if (r != changes[i].result)
			fail_msg("row %zu: %d instead of %d", i, r, changes[i].result);
	}
	assert_int_equal(memfs_used(fs), 0);
}

/* Whoever has a file open keeps it as it is. */
static void open_files_outlive_their_names(void **state)
{
	struct vfs_file file;
	char text[8] = "";

	(void)state;
	assert_int_equal(put_file("/m/a", "old"), 0);
	assert_int_equal(put_file("/m/b", "newer"), 0);
	assert_int_equal(vfs_open("/m/a", VFS_READ, &file), 0);
	assert_int_equal(vfs_rename("/m/b", "/m/a"), 0);
	assert_string_equal(get_file("/m/a"), "newer");
	assert_string_equal(listing("/m"), "a dir/ ");
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 3);
	assert_string_equal(text, "old");
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/a", VFS_WRITE, &file), 0);
	assert_int_equal(vfs_remove("/m/a"), 0);
	assert_int_equal(vfs_write(&file, "x", 1), 1);
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 5);
	assert_memory_equal(text, "xewer", 5);
	assert_true(memfs_used(fs) > 0);
	vfs_close(&file);
	assert_int_equal(memfs_used(fs), 0);
}

/* One that goes on while entries come and go shows the others once. */
static void listings_go_on(void **state)
{
	struct vfs_directory directory;
	struct vfs_entry entry;
	char seen[64] = "";

	(void)state;
	for (const char *name = "abcdef"; *name != '\0'; name++) {
		char path[8] = { '/', 'm', '/', *name };

		assert_int_equal(vfs_mkdir(path), 0);
	}
	assert_int_equal(vfs_opendir("/m", &directory), 0);
	for (u32 i = 0; vfs_readdir(&directory, &entry) == 1; i++) {
		strcat(seen, entry.name);
		if (i == 1) {
			assert_int_equal(vfs_remove("/m/a"), 0);
			assert_int_equal(vfs_remove("/m/d"), 0);
			assert_int_equal(vfs_mkdir("/m/g"), 0);
		}
	}
	assert_string_equal(seen, "abcefgdir");
	for (const char *name = "bcefg"; *name != '\0'; name++) {
		char path[8] = { '/', 'm', '/', *name };

		assert_int_equal(vfs_remove(path), 0);
	}
}

static void what_is_beyond_the_limit(void **state)
{
	static char text[LIMIT];
	struct vfs_file file;
	u64 used;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_CREATE, &file), 0);
	used = memfs_used(fs);
	assert_int_equal(vfs_write(&file, text, LIMIT), -ENOSPC);
	assert_int_equal(memfs_used(fs), used);
	file.offset = LIMIT;
	assert_int_equal(vfs_write(&file, text, 1), -ENOSPC);
	file.offset = ~0ull;
	assert_int_equal(vfs_write(&file, text, 1), -ENOSPC);
	assert_int_equal(vfs_write(&file, text, 0), 0);
	assert_int_equal(memfs_used(fs), used);
	/* A hole costs nothing, and reads as zeros. */
	file.offset = LIMIT - 1;
	assert_int_equal(vfs_write(&file, text, 1), 1);
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), LIMIT);
	assert_int_equal(text[0] | text[LIMIT - 2], 0);
	assert_int_equal(text[LIMIT - 1], 'x');
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_TRUNCATE, &file), 0);
	assert_int_equal(memfs_used(fs), MEMFS_ENTRY_SIZE);
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 0);
	vfs_close(&file);
	assert_int_equal(vfs_remove("/m/f"), 0);
}

/* What a store needs besides: asked of who can, refused by who cannot. */
static void what_not_all_can_do(void **state)
{
	struct vfs_statfs about;
	struct vfs_stat stat;
	struct vfs_file file;

	(void)state;
	assert_int_equal(vfs_open("/able/file", VFS_WRITE, &file), 0);
	assert_int_equal(vfs_truncate(&file, 123), 0);
	assert_string_equal(asked, "truncate 123");
	assert_int_equal(vfs_allocate(&file, 5, 6), -ENOSPC);
	assert_string_equal(asked, "allocate 5 6");
	assert_int_equal(vfs_sync(&file), -EIO);
	assert_string_equal(asked, "sync");
	assert_int_equal(vfs_allocate(&file, 5, 0), -EINVAL);
	assert_int_equal(vfs_allocate(&file, ~0ull, 1), -EINVAL);
	assert_int_equal(vfs_open("/able/file", VFS_READ, &file), 0);
	assert_int_equal(vfs_truncate(&file, 0), -EBADF);
	assert_int_equal(vfs_allocate(&file, 0, 1), -EBADF);
	assert_string_equal(asked, "sync");
	assert_int_equal(vfs_open("/ro/file", VFS_READ, &file), 0);
	assert_int_equal(vfs_sync(&file), 0);
	assert_int_equal(vfs_statfs("/ro/file", &about), -ENOTSUP);
	assert_int_equal(vfs_statfs("/", &about), -ENOTSUP);
	assert_int_equal(vfs_statfs("/able/nope", &about), -ENOENT);
	assert_int_equal(vfs_statfs("/able/file", &about), 0);
	assert_int_equal(about.blocks, 7);
	assert_string_equal(about.label, "able");
	/* A memory file system has nothing to do, or cannot. */
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_CREATE, &file), 0);
	assert_int_equal(vfs_sync(&file), 0);
	assert_int_equal(vfs_allocate(&file, 0, 1), -ENOTSUP);
	vfs_close(&file);
	assert_int_equal(vfs_stat("/m/f", &stat), 0);
	assert_int_equal(stat.mtime, 0);
	assert_int_equal(vfs_statfs("/m/f", &about), 0);
	assert_int_equal(about.block_size, PAGE_SIZE);
	assert_int_equal(about.blocks, LIMIT / PAGE_SIZE);
	assert_int_equal(about.free_blocks, LIMIT / PAGE_SIZE - 1);
	assert_string_equal(about.label, "");
	assert_false(about.read_only);
	assert_int_equal(vfs_remove("/m/f"), 0);
}

/* What is cut off is gone, and its pages are given back; what comes in its place is zeros. */
static void files_are_cut_and_grow(void **state)
{
	static char text[2 * PAGE_SIZE];
	struct vfs_statfs all;
	struct vfs_file file;
	struct vfs_stat stat;
	u64 used;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_CREATE, &file), 0);
	assert_int_equal(vfs_write(&file, text, sizeof(text)), sizeof(text));
	used = memfs_used(fs);
	assert_int_equal(vfs_truncate(&file, 10), 0);
	assert_int_equal(memfs_used(fs), used - PAGE_SIZE);
	assert_int_equal(vfs_truncate(&file, sizeof(text)), 0);
	assert_int_equal(vfs_stat("/m/f", &stat), 0);
	assert_int_equal(stat.size, sizeof(text));
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), sizeof(text));
	assert_int_equal(text[9], 'x');
	for (size_t i = 10; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
	assert_int_equal(vfs_truncate(&file, LIMIT + 1), -ENOSPC);
	assert_int_equal(vfs_truncate(&file, 0), 0);
	assert_int_equal(vfs_sync(&file), 0);
	assert_int_equal(vfs_allocate(&file, 0, 1), -ENOTSUP);
	assert_int_equal(vfs_statfs("/m/f", &all), 0);
	assert_int_equal(all.blocks * all.block_size, LIMIT);
	assert_int_equal(all.free_blocks, (LIMIT - memfs_used(fs)) / all.block_size);
	assert_false(all.read_only);
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/f", VFS_READ, &file), 0);
	assert_int_equal(vfs_truncate(&file, 0), -EBADF);
	assert_int_equal(vfs_allocate(&file, 0, 1), -EBADF);
	vfs_close(&file);
	assert_int_equal(vfs_statfs("/ro", &all), -ENOTSUP);
	assert_int_equal(vfs_statfs("/m/none", &all), -ENOENT);
	assert_int_equal(vfs_statfs("/", &all), -ENOTSUP);
	assert_string_equal(vfs_mounted(2), "/ro");
	assert_null(vfs_mounted(4));
	assert_int_equal(vfs_remove("/m/f"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(open_files_outlive_their_names),
		cmocka_unit_test(listings_go_on),
		cmocka_unit_test(what_is_beyond_the_limit),
		cmocka_unit_test(what_not_all_can_do),
		cmocka_unit_test(files_are_cut_and_grow),
	};

	return cmocka_run_group_tests(tests, mount_all, forget_all);
}
