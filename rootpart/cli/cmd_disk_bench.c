/* SPDX-License-Identifier: MIT */
/*
 * disk bench: how fast a disk is, in sequence and at random.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_disk.h"
#include "rootpart/cli/disk_bench.h"
#include "rootpart/cli/units.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"

#define SIZE_SEQUENTIAL MIB
#define SIZE_RANDOM     (4 * KIB)

struct settings {
	struct cli *cli;
	struct json *json; /* NULL: for people */
	struct vdisk *disk;
	u64 size; /* 0: what the pattern has */
	u64 depth;
	u64 seconds;
	u64 count; /* requests of each pattern */
	bool write;
	const char *pattern; /* NULL: all */
};

/* In the order in which they are measured. */
static const struct pattern {
	const char *name;
	bool random;
	bool write;
} patterns[] = {
	{ "sequential-read", false, false },
	{ "random-read", true, false },
	{ "sequential-write", false, true },
	{ "random-write", true, true },
};

static u64 per_second(const struct bench *b, u64 n)
{
	u64 us = (b->last - b->begin) / NS_PER_US;

	return n * (NS_PER_S / NS_PER_US) / MAX(us, 1ull);
}

static void row_json(struct json *j, const struct bench *b)
{
	json_object(j, NULL);
	json_string(j, "pattern", b->random ? "random" : "sequential");
	json_string(j, "operation", b->write ? "write" : "read");
	json_number(j, "size", b->size);
	json_number(j, "depth", b->depth);
	json_number(j, "requests", b->latency.count);
	json_number(j, "requests_per_second", per_second(b, b->latency.count));
	json_number(j, "bytes_per_second", per_second(b, b->latency.count * b->size));
	json_number(j, "latency_ns", latency_mean(&b->latency));
	json_number(j, "latency_50_ns", latency_percentile(&b->latency, 50));
	json_number(j, "latency_99_ns", latency_percentile(&b->latency, 99));
	json_number(j, "latency_max_ns", b->latency.max_ns);
	json_close(j);
}

static void row_text(struct cli *cli, const struct bench *b)
{
	char size[UNITS_TEXT], rate[UNITS_TEXT];

	cli_printf(cli, "%-10s %-5s  %8s  %5u  %10llu  %10s/s  %8llu  %8llu  %8llu  %8llu\n",
		b->random ? "random" : "sequential", b->write ? "write" : "read",
		units_bytes(b->size, size), b->depth,
		(unsigned long long)per_second(b, b->latency.count),
		units_bytes(per_second(b, b->latency.count * b->size), rate),
		(unsigned long long)(latency_mean(&b->latency) / NS_PER_US),
		(unsigned long long)(latency_percentile(&b->latency, 50) / NS_PER_US),
		(unsigned long long)(latency_percentile(&b->latency, 99) / NS_PER_US),
		(unsigned long long)(b->latency.max_ns / NS_PER_US));
}

static int bench_with(struct settings *s, struct bench *b)
{
	int r = bench_run(b, s->seconds * NS_PER_S);

	if (r == -EINTR)
		return r;
	if (r == -ENOMEM)
		return cli_error(
			s->cli, r, "out of memory: a smaller --depth or --size needs less");
	if (r != 0)
		return disk_failed(s->cli, vdisk_name(s->disk), r);
	if (s->json != NULL)
		row_json(s->json, b);
	else
		row_text(s->cli, b);
	return 0;
}

static int bench_one(struct settings *s, bool random, bool write)
{
	u64 size = s->size != 0 ? s->size : random ? SIZE_RANDOM : SIZE_SEQUENTIAL;
	struct bench *b;
	int r;

	if (size > s->disk->sectors * s->disk->sector_size)
		return cli_error(s->cli, -EINVAL, "%s: is smaller than one request of %llu bytes",
			vdisk_name(s->disk), (unsigned long long)size);
	b = kzalloc(sizeof(*b));
	if (b == NULL)
		return cli_error_errno(s->cli, -ENOMEM, "disk bench");
	b->disk = s->disk;
	b->random = random;
	b->write = write;
	b->size = (u32)size;
	b->depth = (u32)s->depth;
	b->count = s->count;
	r = bench_with(s, b);
	kfree(b);
	return r;
}

static bool is_wanted(const struct settings *s, const struct pattern *p)
{
	if (p->write && !s->write)
		return false;
	return s->pattern == NULL || strcmp(s->pattern, p->name) == 0;
}

static int bench_patterns(struct settings *s)
{
	int r = 0;

	for (u32 i = 0; r == 0 && i < ARRAY_SIZE(patterns); i++) {
		const struct pattern *p = &patterns[i];

		if (is_wanted(s, p))
			r = bench_one(s, p->random, p->write);
	}
	return r;
}

static int bench_all(struct settings *s)
{
	int r;

	if (s->json == NULL) {
		cli_printf(s->cli, "%-10s %-5s  %8s  %5s  %10s  %12s  %8s  %8s  %8s  %8s\n",
			"pattern", "", "size", "depth", "requests/s", "rate", "us", "50 % us",
			"99 % us", "max us");
		return bench_patterns(s);
	}
	json_begin(s->json, &s->cli->out);
	json_array(s->json, NULL);
	r = bench_patterns(s);
	json_close(s->json);
	json_end(s->json);
	return r;
}

static int take_size(struct settings *s, const struct cli_args *args)
{
	int r = cli_number(s->cli, args, "size", 1, BLOCK_REQUEST_MAX, &s->size);

	if (r == 0 && s->size % s->disk->sector_size != 0)
		r = cli_error(s->cli, -EINVAL, "--size: not a multiple of the sector size, %u",
			s->disk->sector_size);
	return r;
}

static int take_pattern(struct settings *s, const char *text)
{
	s->pattern = text;
	for (u32 i = 0; i < ARRAY_SIZE(patterns); i++) {
		if (text == NULL || is_wanted(s, &patterns[i]))
			return 0;
	}
	return cli_error(s->cli, -EINVAL, "--pattern: %s, not \"%.64s\"",
		s->write ? "sequential-read, random-read, sequential-write or random-write"
			 : "sequential-read or random-read; others need --write",
		text);
}

static int take_options(struct settings *s, const struct cli_args *args)
{
	int r = take_pattern(s, args_value(args, "pattern"));

	if (r == 0)
		r = take_size(s, args);
	if (r == 0)
		r = cli_number(s->cli, args, "depth", 1, BENCH_DEPTH_MAX, &s->depth);
	if (r == 0)
		r = cli_number(s->cli, args, "seconds", 1, 3600, &s->seconds);
	if (r == 0)
		r = cli_number(s->cli, args, "count", 1, ~0ull, &s->count);
	return r;
}

static int run_bench(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	struct settings s = { .cli = cli,
		.json = args_has(args, "json") ? &json : NULL,
		.depth = 8,
		.seconds = 3,
		.count = ~0ull,
		.write = args_has(args, "write") };
	int r = disk_open(cli, args, &s.disk);

	if (r != 0)
		return r;
	r = take_options(&s, args);
	if (r == 0)
		r = bench_all(&s);
	vdisk_close(s.disk);
	return r;
}

static void complete_pattern(struct completion *c, const char *typed)
{
	for (u32 i = 0; i < ARRAY_SIZE(patterns); i++)
		completion_offer(c, typed, patterns[i].name);
}

static const struct cli_option options[] = {
	{ .name = "write", .help = "write, too: WHAT IS THERE IS LOST" },
	{ .name = "pattern",
		.value = "NAME",
		.help = "one only: random-read, sequential-write, ...",
		.complete = complete_pattern },
	{ .name = "size", .value = "SIZE", .help = "of a request; 1M in sequence, 4K at random" },
	{ .name = "depth", .value = "N", .help = "requests under way; 8" },
	{ .name = "seconds", .value = "N", .help = "for each pattern; 3" },
	{ .name = "count", .value = "N", .help = "at most so many requests of each pattern" },
	{ .name = "force", .help = "also if there are partitions" },
	CLI_OPTION_JSON,
};

const struct cli_command command_disk_bench = {
	.name = "disk bench",
	.usage = "PATH [--write] [--pattern NAME] [--size SIZE] [--depth N] [--seconds N] "
		 "[--count N] [--force] [--json]",
	.help = "measure how fast a disk, or an image file, is",
	.more = "us: microseconds that a request takes, on average, and that 50 and 99 percent of\n"
		"them do not exceed. Ctrl-C ends it.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_bench,
	.complete = complete_disk,
};
