/* SPDX-License-Identifier: MIT */
/*
 * A measurement of a file system: one file as a whole, small writes that are each synced,
 * and many names. It works in a directory of its own within the one it is told, which is
 * gone at the end. CLI's task.
 */
#pragma once

#include "lib/latency.h"
#include "rootpart/cli/command.h"
#include "rootpart/path.h"
#include "rootpart/vfs.h"

#define VOLUME_BENCH_NAME  ".volume-bench"
#define VOLUME_BENCH_WRITE (4 * KIB) /* what is synced each time */

enum volume_bench_test {
	VOLUME_BENCH_FILE_WRITE, /* the file, and a sync */
	VOLUME_BENCH_FILE_READ,
	VOLUME_BENCH_FILE_COPY, /* as cp does it: with a sync */
	VOLUME_BENCH_OVERWRITE, /* in the file, each synced */
	VOLUME_BENCH_APPEND,    /* to another one, each synced */
	VOLUME_BENCH_CREATE,    /* empty files, and a sync */
	VOLUME_BENCH_REMOVE,    /* them, and a sync */
	VOLUME_BENCH_TESTS,
};

/* What one test found. */
struct volume_bench_row {
	u64 count; /* files, or writes */
	u64 bytes; /* of data; 0: it has none */
	u64 ns;    /* all of it */
	/* Of each write with its sync; none of other tests. */
	struct latency latency;
};

/* For the heap: stacks are small. */
struct volume_bench {
	struct cli *cli;
	u64 size;  /* of the file: a multiple of VOLUME_BENCH_WRITE, not 0 */
	u64 files; /* and small writes */

	u8 *buf;
	char directory[PATH_MAX]; /* of its own */
	char path[PATH_MAX];      /* what is worked on */
	char copy[PATH_MAX];
	struct vfs_directory listing;
	struct vfs_entry entry;
};

const char *volume_bench_name(enum volume_bench_test test);
/* True if @wanted works on what @test leaves. */
bool volume_bench_needs(enum volume_bench_test wanted, enum volume_bench_test test);

/*
 * Looks whether there is room in @directory, and makes the directory. cli, size and files are
 * set. It and volume_bench_run() print the error, but for -EINTR at Ctrl-C.
 */
[[nodiscard]] int volume_bench_begin(struct volume_bench *b, const char *directory);
/* Tests run in their order; those that one needs, before it. */
[[nodiscard]] int volume_bench_run(
	struct volume_bench *b, enum volume_bench_test test, struct volume_bench_row *row);
/* Takes all away that volume_bench_begin(), which went well, and the tests left. Prints the error. */
[[nodiscard]] int volume_bench_end(struct volume_bench *b);
