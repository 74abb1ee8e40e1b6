/* SPDX-License-Identifier: MIT */
/*
 * trace: the newest records of the processors' trace rings, in the order of
 * time. Rings are copied first, then merged.
 */
#include "base/errno.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/trace_text.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"

#define COUNT_DEFAULT 32u
#define COUNT_MAX     1024u
#define CPUS_MAX      64u

/* The copies, each oldest first. */
struct collection {
	u32 cpu_count;
	u32 max; /* records of each */
	u32 have[CPUS_MAX];
	u32 at[CPUS_MAX];
	struct trace_record *records; /* max of each CPU */
};

static const struct trace_record *next_of(const struct collection *c, u32 cpu)
{
	return c->at[cpu] < c->have[cpu] ? &c->records[(u64)cpu * c->max + c->at[cpu]] : NULL;
}

/* Takes the oldest record that is left; NULL if none is. */
static const struct trace_record *take_oldest(struct collection *c, u32 *cpu)
{
	const struct trace_record *oldest = NULL;

	for (u32 i = 0; i < c->cpu_count; i++) {
		const struct trace_record *r = next_of(c, i);

		if (r != NULL && (oldest == NULL || r->tsc < oldest->tsc)) {
			oldest = r;
			*cpu = i;
		}
	}
	if (oldest != NULL)
		c->at[*cpu]++;
	return oldest;
}

/* @only: that CPU's alone; CPUS_MAX: all. Returns how many there are. */
static u32 collect(struct collection *c, u32 only)
{
	u32 total = 0;

	for (u32 i = 0; i < c->cpu_count; i++) {
		const struct trace_ring *ring = boot_trace_ring(i);

		if (ring == NULL || (only != CPUS_MAX && only != i))
			continue;
		c->have[i] = trace_copy(ring, &c->records[(u64)i * c->max], c->max);
		total += c->have[i];
	}
	return total;
}

static void print_record(struct cli *cli, u32 cpu, u64 us, const struct trace_record *r)
{
	char detail[128];

	trace_detail(r, detail, sizeof(detail));
	cli_printf(cli, "%12llu.%06llu %3u %9u %3u %-9s %s\n", (unsigned long long)(us / 1000000),
		(unsigned long long)(us % 1000000), cpu, r->partition, r->vp,
		trace_event_name(r->event), detail);
}

static void json_record(struct json *j, u32 cpu, u64 us, const struct trace_record *r)
{
	char detail[128];

	trace_detail(r, detail, sizeof(detail));
	json_object(j, NULL);
	json_decimal(j, "time", us, 6);
	json_number(j, "cpu", cpu);
	json_number(j, "partition", r->partition);
	json_number(j, "vp", r->vp);
	json_string(j, "event", trace_event_name(r->event));
	json_string(j, "detail", detail);
	json_close(j);
}

/* The newest @count; those before them are passed over. */
static int show(struct cli *cli, struct collection *c, u32 total, u32 count, struct json *j)
{
	u64 boot_tsc = boot_info()->boot_tsc;
	const struct trace_record *r;
	u32 skip = total - MIN(total, count), cpu;

	while ((r = take_oldest(c, &cpu)) != NULL) {
		u64 us = time_tsc_to_ns(r->tsc - boot_tsc) / NS_PER_US;

		if (skip > 0) {
			skip--;
			continue;
		}
		if (cli_interrupted())
			return -EINTR;
		if (j != NULL)
			json_record(j, cpu, us, r);
		else
			print_record(cli, cpu, us, r);
	}
	return 0;
}

static int show_trace(struct cli *cli, struct collection *c, u32 only, u32 count, bool as_json)
{
	u32 total = collect(c, only);
	struct json j;
	int r;

	if (!as_json) {
		cli_text(cli, "               time cpu partition  vp event     detail\n");
		return show(cli, c, total, count, NULL);
	}
	json_begin(&j, &cli->out);
	json_array(&j, NULL);
	r = show(cli, c, total, count, &j);
	json_close(&j);
	json_end(&j);
	return r;
}

static int options_of(struct cli *cli, const struct cli_args *args, u64 *cpu, u64 *count)
{
	int r = cli_number(cli, args, "cpu", 0, boot_info()->processors - 1, cpu);

	return r != 0 ? r : cli_number(cli, args, "count", 1, COUNT_MAX, count);
}

static int run_trace(struct cli *cli, const struct cli_args *args)
{
	struct collection c = { .cpu_count = MIN(boot_info()->processors, CPUS_MAX) };
	u64 cpu = CPUS_MAX, count = COUNT_DEFAULT;
	int r = options_of(cli, args, &cpu, &count);

	if (r != 0)
		return r;
	c.max = (u32)count;
	c.records = kmalloc((size_t)c.cpu_count * c.max * sizeof(*c.records));
	if (c.records == NULL)
		return cli_error_errno(cli, -ENOMEM, "trace");
	r = show_trace(cli, &c, (u32)cpu, (u32)count, args_has(args, "json"));
	kfree(c.records);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "cpu", .value = "N", .help = "of this processor only" },
	{ .name = "count", .value = "N", .help = "so many records, 32 if not told" },
	CLI_OPTION_JSON,
};

const struct cli_command command_trace = {
	.name = "trace",
	.usage = "[--cpu N] [--count N] [--json]",
	.help = "the hypervisor's newest events, newest last",
	.more = "time is in seconds since the hypervisor's first instruction.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_trace,
};
