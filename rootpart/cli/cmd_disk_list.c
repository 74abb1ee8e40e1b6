/* SPDX-License-Identifier: MIT */
/*
 * disk list: what disks there are, their partitions, and what they have done.
 */
#include "rootpart/cli/cmd_disk.h"
#include "rootpart/cli/units.h"

/* NULL for what the device does not say. */
static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static u64 bytes_of(const struct block_device *d)
{
	return d->limits.sectors * d->limits.sector_size;
}

static const char *state_of(const struct block_device *d)
{
	return (d->parent != NULL ? d->parent : d)->offline ? "offline" : "online";
}

static void counters_json(struct json *j, const struct block_stats *s)
{
	json_object(j, "counters");
	json_number(j, "reads", s->reads);
	json_number(j, "writes", s->writes);
	json_number(j, "flushes", s->flushes);
	json_number(j, "discards", s->discards);
	json_number(j, "read_bytes", s->read_bytes);
	json_number(j, "written_bytes", s->written_bytes);
	json_number(j, "errors", s->errors);
	json_number(j, "pieces", s->pieces);
	json_number(j, "bounced", s->bounced);
	json_number(j, "timeouts", s->timeouts);
	json_number(j, "resets", s->resets);
	json_close(j);
}

static void partition_json(struct json *j, const struct block_device *d)
{
	json_object(j, NULL);
	json_string(j, "name", d->name);
	json_number(j, "first", d->first);
	json_number(j, "size", bytes_of(d));
	json_string(j, "holder", or_null(d->holder));
	json_close(j);
}

/* Returns the next disk. */
static const struct block_device *disk_json(struct json *j, const struct block_device *d)
{
	const struct block_device *p = block_next(d);
	struct block_stats stats;

	block_stats_get(d, &stats);
	json_object(j, NULL);
	json_string(j, "name", d->name);
	json_number(j, "size", bytes_of(d));
	json_number(j, "sector", d->limits.sector_size);
	json_string(j, "state", state_of(d));
	json_string(j, "driver", d->driver);
	json_string(j, "model", or_null(d->model));
	json_string(j, "serial", or_null(d->serial));
	json_bool(j, "read_only", d->limits.read_only);
	json_number(j, "queues", d->queue_count);
	json_number(j, "depth", d->depth);
	json_string(j, "holder", or_null(d->holder));
	json_array(j, "partitions");
	for (; p != NULL && p->parent == d; p = block_next(p))
		partition_json(j, p);
	json_close(j);
	counters_json(j, &stats);
	json_close(j);
	return p;
}

static void row(struct cli *cli, const struct block_device *d)
{
	char size[UNITS_TEXT];
	struct block_stats s;

	if (d->parent != NULL) {
		cli_printf(cli, "%-10s %10s  at sector %llu\n", d->name,
			units_bytes(bytes_of(d), size), (unsigned long long)d->first);
		return;
	}
	block_stats_get(d, &s);
	cli_printf(cli, "%-10s %10s  %6u  %-7s  %-10s %9llu %9llu %7llu  %s  %s\n", d->name,
		units_bytes(bytes_of(d), size), d->limits.sector_size, state_of(d), d->driver,
		(unsigned long long)s.reads, (unsigned long long)s.writes,
		(unsigned long long)s.errors, or_dash(d->model), or_dash(d->serial));
}

static void list_for_people(struct cli *cli)
{
	cli_printf(cli, "%-10s %10s  %6s  %-7s  %-10s %9s %9s %7s  %s\n", "name", "size", "sector",
		"state", "driver", "reads", "writes", "errors", "model  serial");
	for (const struct block_device *d = block_next(NULL); d != NULL; d = block_next(d))
		row(cli, d);
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
	const struct block_device *d = block_next(NULL);
	struct json json;

	if (!args_has(args, "json")) {
		list_for_people(cli);
		return 0;
	}
	json_begin(&json, &cli->out);
	json_array(&json, NULL);
	while (d != NULL)
		d = disk_json(&json, d);
	json_close(&json);
	json_end(&json);
	return 0;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_disk_list = {
	.name = "disk list",
	.usage = "[--json]",
	.help = "list the disks of this machine, and their partitions",
	.more = "reads, writes, errors: requests. In JSON, bounced: pieces of requests that went "
		"by\n"
		"way of the root's own memory; timeouts, resets: when the disk did not answer.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_list,
};
