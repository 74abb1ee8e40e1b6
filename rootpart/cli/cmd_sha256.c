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

#define CHUNK (256 * KIB)

static int add_file(struct progress *p, struct vfs_file *file, u8 *buf, struct sha256 *sha)
{
	s64 n;

	while ((n = vfs_read(file, buf, CHUNK)) > 0) {
		if (cli_interrupted())
			return -EINTR;
		sha256_add(sha, buf, (size_t)n);
		progress_add(p, (u64)n);
	}
	return (int)n;
}

static int sum(struct cli *cli, const char *path, u8 *buf, struct sha256 *sha)
{
	struct progress progress;
	struct vfs_file file;
	struct vfs_stat stat;
	int r = vfs_stat(path, &stat);

	if (r == 0)
		r = vfs_open(path, VFS_READ, &file);
	if (r != 0)
		return r;
	sha256_begin(sha);
	progress_begin(&progress, cli, stat.size);
	r = add_file(&progress, &file, buf, sha);
	progress_end(&progress);
	vfs_close(&file);
	return r;
}

static int print_sum(struct cli *cli, const char *path, u8 *buf)
{
	u8 digest[SHA256_SIZE];
	char text[SHA256_TEXT];
	struct sha256 sha;
	int r = sum(cli, path, buf, &sha);

	if (r == -EINTR)
		return r;
	if (r != 0)
		return cli_error_errno(cli, r, path);
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
	u8 *buf = kmalloc(CHUNK);
	int r = 0;

	if (buf == NULL)
		return cli_error_errno(cli, -ENOMEM, "sha256");
	for (u32 i = 0; i < args->count && r != -EINTR; i++) {
		int one = print_sum(cli, args->words[i], buf);

		r = one != 0 ? one : r;
	}
	kfree(buf);
	return r;
}

const struct cli_command command_sha256 = {
	.name = "sha256",
	.usage = "PATH...",
	.help = "print the SHA-256 of files",
	.min_words = 1,
	.max_words = CLI_ANY_NUMBER,
	.run = run_sha256,
	.complete = complete_path,
};
