/* SPDX-License-Identifier: MIT */
/*
 * See volume_bench.h. tests/linux/files.c does the same under Linux.
 */
#include "rootpart/cli/volume_bench.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/copy.h"
#include "rootpart/cli/units.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"

#define PIECE     (256 * KIB) /* cp's */
#define SLACK     MIB         /* for what the file system itself takes */
#define NAME_TEXT 16u

/* Where a test works; all are in the directory. */
#define FILE_NAME    "file"
#define COPY_NAME    "copy"
#define LOG_NAME     "log"
#define MARKER_NAME  "marker" /* what is synced for the names' sake */

#define NAMES_LETTER 'n' /* and a number, of each of many */

static int in_directory(struct volume_bench *b, const char *name)
{
	return path_join(b->directory, name, b->path);
}

static int open_in(struct volume_bench *b, const char *name, u32 flags, struct vfs_file *file)
{
	int r = in_directory(b, name);

	return r != 0 ? r : vfs_open(b->path, flags, file);
}

static int write_all(struct vfs_file *file, const u8 *from, u64 len)
{
	while (len > 0) {
		s64 n = vfs_write(file, from, len);

		if (n <= 0)
			return n < 0 ? (int)n : -ENOSPC;
		from += n;
		len -= (u64)n;
	}
	return 0;
}

static int write_pieces(struct volume_bench *b, struct vfs_file *file)
{
	int r = 0;

	for (u64 left = b->size; r == 0 && left > 0;) {
		u64 n = MIN(left, PIECE);

		r = cli_interrupted() ? -EINTR : write_all(file, b->buf, n);
		left -= n;
	}
	return r != 0 ? r : vfs_sync(file);
}

static int file_write(struct volume_bench *b, struct volume_bench_row *row)
{
	struct vfs_file file;
	int r = open_in(b, FILE_NAME, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file);

	row->bytes = b->size;
	if (r != 0)
		return r;
	r = write_pieces(b, &file);
	vfs_close(&file);
	return r;
}

static int file_read(struct volume_bench *b, struct volume_bench_row *row)
{
	struct vfs_file file;
	s64 n = open_in(b, FILE_NAME, VFS_READ, &file);

	if (n != 0)
		return (int)n;
	do {
		n = cli_interrupted() ? -EINTR : vfs_read(&file, b->buf, PIECE);
		row->bytes += n > 0 ? (u64)n : 0;
	} while (n > 0);
	vfs_close(&file);
	return n == 0 && row->bytes != b->size ? -EIO : (int)n;
}

/* Its error is printed. */
static int file_copy(struct volume_bench *b, struct volume_bench_row *row)
{
	struct copy copy;
	int r = in_directory(b, FILE_NAME);

	row->bytes = b->size;
	if (r == 0)
		r = path_join(b->directory, COPY_NAME, b->copy);
	if (r == 0 && !copy_begin(&copy, b->cli))
		r = -ENOMEM;
	if (r != 0)
		return cli_error_errno(b->cli, r, b->directory);
	r = copy_file(&copy, b->path, b->copy);
	copy_end(&copy);
	return r;
}

/* Small writes one behind the other, from the beginning again at @end; each is synced. */
static int write_small(
	struct volume_bench *b, struct vfs_file *file, u64 end, struct volume_bench_row *row)
{
	int r = 0;

	for (u64 i = 0; r == 0 && i < b->files; i++) {
		u64 begin = time_ns();

		file->offset = i * VOLUME_BENCH_WRITE % end;
		r = cli_interrupted() ? -EINTR : write_all(file, b->buf, VOLUME_BENCH_WRITE);
		if (r == 0)
			r = vfs_sync(file);
		latency_add(&row->latency, time_ns() - begin);
	}
	row->count = b->files;
	row->bytes = b->files * VOLUME_BENCH_WRITE;
	return r;
}

static int overwrite(struct volume_bench *b, struct volume_bench_row *row)
{
	struct vfs_file file;
	int r = open_in(b, FILE_NAME, VFS_WRITE, &file);

	if (r != 0)
		return r;
	r = write_small(b, &file, b->size, row);
	vfs_close(&file);
	return r;
}

static int append(struct volume_bench *b, struct volume_bench_row *row)
{
	struct vfs_file file;
	int r = open_in(b, LOG_NAME, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file);

	if (r != 0)
		return r;
	r = write_small(b, &file, ~0ull, row);
	vfs_close(&file);
	return r;
}

static int create_one(struct volume_bench *b, const char *name)
{
	struct vfs_file file;
	int r = open_in(b, name, VFS_WRITE | VFS_CREATE, &file);

	if (r == 0)
		vfs_close(&file);
	return r;
}

static int remove_one(struct volume_bench *b, const char *name)
{
	int r = in_directory(b, name);

	return r != 0 ? r : vfs_remove(b->path);
}

/* @change for each name, and then a sync of them all, by way of a file beside them. */
static int names(struct volume_bench *b, struct volume_bench_row *row,
	int (*change)(struct volume_bench *b, const char *name))
{
	struct vfs_file marker;
	int r = open_in(b, MARKER_NAME, VFS_WRITE | VFS_CREATE, &marker);

	if (r != 0)
		return r;
	for (u64 i = 0; r == 0 && i < b->files; i++) {
		char name[NAME_TEXT];

		(void)format(name, sizeof(name), "%c%06llu", NAMES_LETTER, (unsigned long long)i);
		r = cli_interrupted() ? -EINTR : change(b, name);
	}
	if (r == 0)
		r = vfs_sync(&marker);
	vfs_close(&marker);
	row->count = b->files;
	return r;
}

static int names_create(struct volume_bench *b, struct volume_bench_row *row)
{
	return names(b, row, create_one);
}

static int names_remove(struct volume_bench *b, struct volume_bench_row *row)
{
	return names(b, row, remove_one);
}

static const struct {
	const char *name;
	int (*run)(struct volume_bench *b, struct volume_bench_row *row);
	enum volume_bench_test needs; /* itself: nothing */
} tests[] = {
	[VOLUME_BENCH_FILE_WRITE] = { "write", file_write, VOLUME_BENCH_FILE_WRITE },
	[VOLUME_BENCH_FILE_READ] = { "read", file_read, VOLUME_BENCH_FILE_WRITE },
	[VOLUME_BENCH_FILE_COPY] = { "copy", file_copy, VOLUME_BENCH_FILE_WRITE },
	[VOLUME_BENCH_OVERWRITE] = { "overwrite", overwrite, VOLUME_BENCH_FILE_WRITE },
	[VOLUME_BENCH_APPEND] = { "append", append, VOLUME_BENCH_APPEND },
	[VOLUME_BENCH_CREATE] = { "create", names_create, VOLUME_BENCH_CREATE },
	[VOLUME_BENCH_REMOVE] = { "remove", names_remove, VOLUME_BENCH_CREATE },
};

static_assert(ARRAY_SIZE(tests) == VOLUME_BENCH_TESTS);

const char *volume_bench_name(enum volume_bench_test test)
{
	return tests[test].name;
}

bool volume_bench_needs(enum volume_bench_test wanted, enum volume_bench_test test)
{
	return test == tests[wanted].needs && test != wanted;
}

/* The file twice, what is appended, and some. */
static int check_room(const struct volume_bench *b, const char *directory)
{
	u64 need = 2 * b->size + b->files * VOLUME_BENCH_WRITE + SLACK, free;
	char need_text[UNITS_TEXT], free_text[UNITS_TEXT];
	struct vfs_statfs stat;
	int r = vfs_statfs(directory, &stat);

	if (r == -ENOTSUP)
		return 0; /* then only trying tells */
	if (r == 0 && stat.read_only)
		r = -EROFS;
	if (r != 0)
		return cli_error_errno(b->cli, r, directory);
	free = stat.free_blocks * stat.block_size;
	if (free >= need)
		return 0;
	return cli_error(b->cli, -ENOSPC,
		"%.256s: needs %s, and %s is free: a smaller --size or --files takes less",
		directory, units_bytes(need, need_text), units_bytes(free, free_text));
}

/* Nothing else is removed, whoever made it. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { FILE_NAME, COPY_NAME, COPY_PART_NAME, LOG_NAME,
		MARKER_NAME };

	for (u32 i = 0; i < ARRAY_SIZE(ours); i++) {
		if (strcmp(name, ours[i]) == 0)
			return true;
	}
	if (*name++ != NAMES_LETTER)
		return false;
	while (*name >= '0' && *name <= '9')
		name++;
	return *name == '\0';
}

/* Empties the directory. */
static int clear(struct volume_bench *b)
{
	int r = vfs_opendir(b->directory, &b->listing);

	if (r != 0)
		return r;
	while ((r = vfs_readdir(&b->listing, &b->entry)) == 1) {
		if (!is_ours(b->entry.name))
			continue;
		r = remove_one(b, b->entry.name);
		if (r != 0)
			return r;
	}
	return r;
}

static int make_directory(struct volume_bench *b, const char *directory)
{
	struct vfs_stat stat;
	int r = vfs_stat(directory, &stat);

	if (r == 0 && stat.type != VFS_DIRECTORY)
		r = -ENOTDIR;
	if (r == 0)
		r = path_normalise(directory, b->path);
	if (r == 0)
		r = path_join(b->path, VOLUME_BENCH_NAME, b->directory);
	if (r == 0)
		r = vfs_mkdir(b->directory);
	/* Of one that was cut off. */
	if (r == -EEXIST)
		r = clear(b);
	return r != 0 ? cli_error_errno(b->cli, r, directory) : 0;
}

int volume_bench_begin(struct volume_bench *b, const char *directory)
{
	int r = check_room(b, directory);

	if (r != 0)
		return r;
	b->buf = kmalloc(PIECE);
	if (b->buf == NULL)
		return cli_error_errno(b->cli, -ENOMEM, "volume bench");
	/* Not zeroes: those cp leaves out. */
	for (u32 i = 0; i < PIECE; i++)
		b->buf[i] = (u8)(i * 7 + i / PAGE_SIZE + 1);
	r = make_directory(b, directory);
	if (r != 0)
		kfree(b->buf);
	return r;
}

int volume_bench_run(
	struct volume_bench *b, enum volume_bench_test test, struct volume_bench_row *row)
{
	u64 begin = time_ns();
	int r;

	*row = (struct volume_bench_row){ .count = 1 };
	r = tests[test].run(b, row);
	row->ns = time_ns() - begin;
	if (r == 0 || r == -EINTR || test == VOLUME_BENCH_FILE_COPY)
		return r;
	return cli_error_errno(b->cli, r, b->path);
}

int volume_bench_end(struct volume_bench *b)
{
	int r = clear(b);

	if (r == 0)
		r = vfs_remove(b->directory);
	kfree(b->buf);
	return r != 0 ? cli_error_errno(b->cli, r, b->directory) : 0;
}
