/* SPDX-License-Identifier: MIT */
/*
 * volume bench: how fast a file system is.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/units.h"
#include "rootpart/cli/volume_bench.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"

#define SIZE_MOST  (1024 * GIB)
#define FILES_MOST 100000u
#define FILES_SOME 1000u

/* One run: what it measures with, and what it found. For the heap. */
struct run {
	struct volume_bench bench;
	bool json;
	const char *test; /* NULL: all */
	bool found[VOLUME_BENCH_TESTS];
	struct volume_bench_row rows[VOLUME_BENCH_TESTS];
};

static u64 per_second(const struct volume_bench_row *row, u64 n)
{
	return n * (NS_PER_S / NS_PER_US) / MAX(row->ns / NS_PER_US, 1ull);
}

/* null where the test has no such thing. */
static void number_or_null(struct json *j, const char *key, bool has, u64 value)
{
	if (has)
		json_number(j, key, value);
	else
		json_string(j, key, NULL);
}

static void row_json(struct json *j, const char *name, const struct volume_bench_row *row)
{
	const struct latency *l = &row->latency;
	bool synced = l->count > 0;

	json_object(j, NULL);
	json_string(j, "test", name);
	json_number(j, "count", row->count);
	json_number(j, "per_second", per_second(row, row->count));
	number_or_null(j, "bytes_per_second", row->bytes > 0, per_second(row, row->bytes));
	number_or_null(j, "latency_ns", synced, latency_mean(l));
	number_or_null(j, "latency_50_ns", synced, latency_percentile(l, 50));
	number_or_null(j, "latency_99_ns", synced, latency_percentile(l, 99));
	number_or_null(j, "latency_max_ns", synced, l->max_ns);
	json_close(j);
}

static void all_json(struct run *run)
{
	struct json j;

	json_begin(&j, &run->bench.cli->out);
	json_array(&j, NULL);
	for (u32 i = 0; i < VOLUME_BENCH_TESTS; i++) {
		if (run->found[i])
			row_json(&j, volume_bench_name(i), &run->rows[i]);
	}
	json_close(&j);
	json_end(&j);
}

static void head_text(struct cli *cli)
{
	cli_printf(cli, "%-9s  %8s  %10s  %12s  %8s  %8s  %8s\n", "test", "count", "per second",
		"rate", "50 % us", "99 % us", "max us");
}

static void row_text(struct cli *cli, const char *name, const struct volume_bench_row *row)
{
	const struct latency *l = &row->latency;
	char rate[UNITS_TEXT];

	cli_printf(cli, "%-9s  %8llu  %10llu", name, (unsigned long long)row->count,
		(unsigned long long)per_second(row, row->count));
	if (row->bytes > 0)
		cli_printf(cli, "  %10s/s", units_bytes(per_second(row, row->bytes), rate));
	if (l->count > 0)
		cli_printf(cli, "  %8llu  %8llu  %8llu",
			(unsigned long long)(latency_percentile(l, 50) / NS_PER_US),
			(unsigned long long)(latency_percentile(l, 99) / NS_PER_US),
			(unsigned long long)(l->max_ns / NS_PER_US));
	cli_text(cli, "\n");
}

static bool is_wanted(const struct run *run, enum volume_bench_test test)
{
	return run->test == NULL || strcmp(run->test, volume_bench_name(test)) == 0;
}

static bool is_needed(const struct run *run, enum volume_bench_test test)
{
	for (u32 i = 0; i < VOLUME_BENCH_TESTS; i++) {
		if (is_wanted(run, i) && volume_bench_needs(i, test))
			return true;
	}
	return false;
}

static int run_test(struct run *run, enum volume_bench_test test)
{
	bool wanted = is_wanted(run, test);
	int r = 0;

	if (wanted || is_needed(run, test))
		r = volume_bench_run(&run->bench, test, &run->rows[test]);
	run->found[test] = wanted && r == 0;
	if (run->found[test] && !run->json)
		row_text(run->bench.cli, volume_bench_name(test), &run->rows[test]);
	return r;
}

static int run_tests(struct run *run, const char *directory)
{
	int r = volume_bench_begin(&run->bench, directory), ended;

	if (r != 0)
		return r;
	if (!run->json)
		head_text(run->bench.cli);
	for (u32 i = 0; r == 0 && i < VOLUME_BENCH_TESTS; i++)
		r = run_test(run, i);
	ended = volume_bench_end(&run->bench);
	r = r != 0 ? r : ended;
	if (r == 0 && run->json)
		all_json(run);
	return r;
}

static int take_test(struct run *run, const char *name)
{
	run->test = name;
	for (u32 i = 0; i < VOLUME_BENCH_TESTS; i++) {
		if (is_wanted(run, i))
			return 0;
	}
	return cli_error(run->bench.cli, -EINVAL,
		"--test: write, read, copy, overwrite, append, create or remove, not \"%.64s\"",
		name);
}

static int take_options(struct run *run, const struct cli_args *args)
{
	struct volume_bench *b = &run->bench;
	int r = take_test(run, args_value(args, "test"));

	b->size = 64 * MIB;
	b->files = FILES_SOME;
	run->json = args_has(args, "json");
	if (r == 0)
		r = cli_number(b->cli, args, "size", VOLUME_BENCH_WRITE, SIZE_MOST, &b->size);
	if (r == 0 && b->size % VOLUME_BENCH_WRITE != 0)
		r = cli_error(b->cli, -EINVAL, "--size: not a multiple of %llu",
			(unsigned long long)VOLUME_BENCH_WRITE);
	if (r == 0)
		r = cli_number(b->cli, args, "files", 1, FILES_MOST, &b->files);
	return r;
}

static int run_bench(struct cli *cli, const struct cli_args *args)
{
	struct run *run = kzalloc(sizeof(*run));
	int r;

	if (run == NULL)
		return cli_error_errno(cli, -ENOMEM, "volume bench");
	run->bench.cli = cli;
	r = take_options(run, args);
	if (r == 0)
		r = run_tests(run, args->words[0]);
	kfree(run);
	return r;
}

static void complete_test(struct completion *c, const char *typed)
{
	for (u32 i = 0; i < VOLUME_BENCH_TESTS; i++)
		completion_offer(c, typed, volume_bench_name(i));
}

static const struct cli_option options[] = {
	{ .name = "test",
		.value = "NAME",
		.help = "one only: write, copy, append, create, ...",
		.complete = complete_test },
	{ .name = "size", .value = "SIZE", .help = "of the file; 64M" },
	{ .name = "files", .value = "N", .help = "that are made, and small writes; 1000" },
	CLI_OPTION_JSON,
};

const struct cli_command command_volume_bench = {
	.name = "volume bench",
	.usage = "DIRECTORY [--test NAME] [--size SIZE] [--files N] [--json]",
	.help = "measure how fast a file system is",
	.more = "write, read, copy: one file, each ends with a sync. overwrite, append: 4 KiB and "
		"a\n"
		"sync, so many times, and how many microseconds 50 and 99 percent of them do not\n"
		"exceed. create, remove: so many empty files, and a sync. All is in a directory\n"
		"of its own, " VOLUME_BENCH_NAME ", which is gone at the end. Ctrl-C ends it.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_bench,
	.complete = complete_path,
};
