/* SPDX-License-Identifier: MIT */
/*
 * sha256: what files are compared by.
 */
#include "lib/sha256.h"

#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/progress.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"

#define CHUNK     (256 * KIB)
#define UNTIL_END (~0ull)

/* What is summed of a file. */
struct part {
	u64 offset;
	u64 length; /* UNTIL_END: all from there on */
};

static int add_file(
	struct progress *p, struct vfs_file *file, u64 left, u8 *buf, struct sha256 *sha)
{
	s64 n;

	while ((n = vfs_read(file, buf, (size_t)MIN(left, CHUNK))) > 0) {
		if (cli_interrupted())
			return -EINTR;
		sha256_add(sha, buf, (size_t)n);
		progress_add(p, (u64)n);
		left -= (u64)n;
	}
	return (int)n;
}

/* All of it, or it is no part of the file. */
static bool lies_within(const struct part *part, u64 size)
{
	if (part->offset > size)
		return false;
	return part->length == UNTIL_END || part->length <= size - part->offset;
}

static int sum_open(struct cli *cli, struct vfs_file *file, const struct part *part, u64 size,
	u8 *buf, struct sha256 *sha)
{
	struct progress progress;
	int r;

	sha256_begin(sha);
	progress_begin(&progress, cli, MIN(part->length, size - part->offset));
	file->offset = part->offset;
	r = add_file(&progress, file, part->length, buf, sha);
	progress_end(&progress);
	return r;
}

static int sum(
	struct cli *cli, const char *path, const struct part *part, u8 *buf, struct sha256 *sha)
{
	struct vfs_file file;
	struct vfs_stat stat;
	int r = vfs_stat(path, &stat);

	if (r == 0)
		r = vfs_open(path, VFS_READ, &file);
	if (r != 0)
		return cli_error_errno(cli, r, path);
	if (!lies_within(part, stat.size)) {
		vfs_close(&file);
		return cli_error(cli, -EINVAL, "%.256s: has only %llu bytes", path,
			(unsigned long long)stat.size);
	}
	r = sum_open(cli, &file, part, stat.size, buf, sha);
	vfs_close(&file);
	return r != 0 && r != -EINTR ? cli_error_errno(cli, r, path) : r;
}

static int print_sum(struct cli *cli, const char *path, const struct part *part, u8 *buf)
{
	u8 digest[SHA256_SIZE];
	char text[SHA256_TEXT];
	struct sha256 sha;
	int r = sum(cli, path, part, buf, &sha);

	if (r != 0)
		return r;
	sha256_end(&sha, digest);
	sha256_text(digest, text);
	cli_text(cli, text);
	cli_text(cli, "  ");
	cli_text(cli, path);
	cli_text(cli, "\n");
	return 0;
}

static int run_sha256(struct cli *cli, const struct cli_args *args)
{
	struct part part = { .length = UNTIL_END };
	u8 *buf;
	int r = cli_number(cli, args, "offset", 0, UNTIL_END, &part.offset);

	if (r == 0)
		r = cli_number(cli, args, "length", 0, UNTIL_END, &part.length);
	if (r != 0)
		return r;
	buf = kmalloc(CHUNK);
	if (buf == NULL)
		return cli_error_errno(cli, -ENOMEM, "sha256");
	for (u32 i = 0; i < args->count && r != -EINTR; i++) {
		int one = print_sum(cli, args->words[i], &part, buf);

		r = one != 0 ? one : r;
	}
	kfree(buf);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "offset", .value = "N", .help = "from byte N on; K, M, G or T may follow" },
	{ .name = "length", .value = "N", .help = "of N bytes; to the end without it" },
};

const struct cli_command command_sha256 = {
	.name = "sha256",
	.usage = "[--offset N] [--length N] PATH...",
	.help = "print the SHA-256 of files, or of a part of each",
	.min_words = 1,
	.max_words = CLI_ANY_NUMBER,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_sha256,
	.complete = complete_path,
};
