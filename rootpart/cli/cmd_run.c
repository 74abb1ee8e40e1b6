/* SPDX-License-Identifier: MIT */
/*
 * run: commands from a file. A command that fails does not end the file, as
 * it would not at the prompt; its error line names file and line.
 */
#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/lineedit.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/vfs.h"

#define DEPTH_MAX 4u
#define CHUNK     256u

/* A file read line by line; from the heap. */
struct script {
	struct vfs_file file;
	char chunk[CHUNK];
	s64 have; /* bytes in chunk, or an error */
	s64 at;
	char line[LINE_MAX + 1];
};

/* The next byte of the file, -1 at its end or after an error. */
static int next_byte(struct script *s)
{
	if (s->at == s->have) {
		s->at = 0;
		s->have = vfs_read(&s->file, s->chunk, sizeof(s->chunk));
	}
	return s->have > 0 ? (u8)s->chunk[s->at++] : -1;
}

/* 1 with s->line filled, 0 at the end, -E2BIG for a line that was passed over. */
static int next_line(struct script *s)
{
	size_t len = 0;
	int c = next_byte(s);

	if (c < 0)
		return 0;
	for (; c >= 0 && c != '\n'; c = next_byte(s)) {
		if (len < LINE_MAX && c != '\r' && c != '\0')
			s->line[len] = (char)c;
		len += c != '\r' && c != '\0';
	}
	s->line[MIN(len, LINE_MAX)] = '\0';
	return len > LINE_MAX ? -E2BIG : 1;
}

static int run_lines(struct cli *cli, struct script *s)
{
	int r;

	while ((r = next_line(s)) != 0) {
		cli->line++;
		if (cli_interrupted())
			return -EINTR;
		if (r < 0)
			(void)cli_error(cli, r, "more than %u characters", LINE_MAX);
		else
			(void)cli_run_line(cli, s->line);
		if (console_interrupted())
			return -EINTR;
	}
	return s->have < 0 ? cli_error_errno(cli, (int)s->have, cli->source) : 0;
}

static int run_script(struct cli *cli, const char *path, struct script *s)
{
	const char *source = cli->source;
	u32 line = cli->line;
	int r = vfs_open(path, VFS_READ, &s->file);

	if (r != 0)
		return cli_error_errno(cli, r, path);
	s->have = 0;
	s->at = 0;
	cli->source = path;
	cli->line = 0;
	cli->depth++;
	r = run_lines(cli, s);
	cli->depth--;
	cli->source = source;
	cli->line = line;
	vfs_close(&s->file);
	return r;
}

static int run_run(struct cli *cli, const struct cli_args *args)
{
	struct script *s;
	int r;

	if (cli->depth == DEPTH_MAX)
		return cli_error(cli, -E2BIG, "run: files run files more than %u deep", DEPTH_MAX);
	s = kmalloc(sizeof(*s));
	if (s == NULL)
		return cli_error_errno(cli, -ENOMEM, "run");
	r = run_script(cli, args->words[0], s);
	kfree(s);
	return r;
}

const struct cli_command command_run = {
	.name = "run",
	.usage = "FILE",
	.help = "run the commands in a file",
	.more = "One command per line, # begins a comment. After an error it goes on.",
	.min_words = 1,
	.max_words = 1,
	.run = run_run,
	.complete = complete_path,
};
