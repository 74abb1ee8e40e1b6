/* SPDX-License-Identifier: MIT */
/*
 * top: where the time of VPs and tasks goes, second by second or less often. Each look is
 * compared with the one before, or the only one with nothing; all of it is in one block of the heap.
 */
#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/top.h"
#include "rootpart/cli/units.h"
#include "rootpart/console_input.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/stats.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/cpu.h"

#define TASKS_MAX    64u
#define KINDS_MAX    4u
#define INTERVAL_MAX (7 * 24 * 3600u)

struct look {
	u64 tsc;
	struct top_sample vps[HV_MAX_PROCESSORS];
	u32 task_count;
	struct task_info tasks[TASKS_MAX];
};

struct top {
	struct cli *cli;
	struct json *json; /* NULL: for people */
	u64 interval;      /* seconds */
	u64 count;
	struct look looks[2];
};

static void take_look(struct look *l)
{
	l->tsc = rdtsc();
	for (u32 vp = 0; vp < cpu_count; vp++) {
		if (stats_vp(vp) != NULL)
			top_take(&l->vps[vp], stats_vp(vp), rdtsc());
	}
	l->task_count = MIN(task_snapshot(l->tasks, TASKS_MAX), TASKS_MAX);
}

/* Ticks that the task had run at the look before; 0 if it is new. */
static u64 run_before(const struct look *old, const struct task_info *t)
{
	for (u32 i = 0; i < old->task_count; i++) {
		const struct task_info *o = &old->tasks[i];

		if (o->id == t->id)
			return MIN(o->run_tsc, t->run_tsc);
	}
	return 0;
}

static void vp_row(const struct top *t, u32 vp, const struct top_row *row)
{
	char kinds[160];

	top_kinds(row, KINDS_MAX, kinds, sizeof(kinds));
	cli_printf(t->cli, "%2u %4u.%u %9u.%u %4u.%u %7llu  %s\n", vp, row->guest / 10,
		row->guest % 10, row->hypervisor / 10, row->hypervisor % 10, row->idle / 10,
		row->idle % 10, (unsigned long long)row->exits, kinds);
}

static void vp_json(const struct top *t, u32 vp, const struct top_row *row)
{
	json_object(t->json, NULL);
	json_number(t->json, "vp", vp);
	json_decimal(t->json, "guest", row->guest, 1);
	json_decimal(t->json, "hypervisor", row->hypervisor, 1);
	json_decimal(t->json, "idle", row->idle, 1);
	json_number(t->json, "busy", row->busy);
	json_number(t->json, "exits", row->exits);
	json_object(t->json, "kinds");
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		if (row->kinds[i] > 0)
			json_number(t->json, exit_kind_names[i], row->kinds[i]);
	}
	json_close(t->json);
	json_close(t->json);
}

static void show_vps(const struct top *t, const struct look *old, const struct look *new)
{
	struct top_row row;

	if (t->json != NULL)
		json_array(t->json, "vps");
	else
		cli_text(t->cli, "vp  guest  hypervisor   idle   exits  kinds\n");
	for (u32 vp = 0; vp < cpu_count; vp++) {
		if (stats_vp(vp) == NULL)
			continue;
		top_compare(&row, &old->vps[vp], &new->vps[vp], time_tsc_hz());
		if (t->json != NULL)
			vp_json(t, vp, &row);
		else
			vp_row(t, vp, &row);
	}
	if (t->json != NULL)
		json_close(t->json);
}

static void show_task(const struct top *t, const struct task_info *task, u32 share)
{
	if (t->json == NULL) {
		cli_printf(
			t->cli, "%-24s %2u %4u.%u\n", task->name, task->vp, share / 10, share % 10);
		return;
	}
	json_object(t->json, NULL);
	json_string(t->json, "task", task->name);
	json_number(t->json, "vp", task->vp);
	json_decimal(t->json, "time", share, 1);
	json_close(t->json);
}

static void show_tasks(const struct top *t, const struct look *old, const struct look *new)
{
	if (t->json != NULL)
		json_array(t->json, "tasks");
	else
		cli_text(t->cli, "task                     vp   time\n");
	for (u32 i = 0; i < new->task_count; i++) {
		const struct task_info *task = &new->tasks[i];
		u64 run = task->run_tsc - run_before(old, task);

		show_task(t, task, top_share(run, new->tsc - old->tsc));
	}
	if (t->json != NULL)
		json_close(t->json);
}

static void show(const struct top *t, const struct look *old, const struct look *new)
{
	if (t->json != NULL) {
		json_begin(t->json, &t->cli->out);
		json_object(t->json, NULL);
	}
	show_vps(t, old, new);
	show_tasks(t, old, new);
	if (t->json != NULL) {
		json_close(t->json);
		json_end(t->json);
	}
}

static int loop(struct top *t)
{
	u64 next = time_ns();

	take_look(&t->looks[0]);
	for (u64 i = 0; i < t->count; i++) {
		next += t->interval * NS_PER_S;
		if (console_wait(next) != 0)
			return -EINTR;
		if (i > 0 && t->json == NULL)
			cli_text(t->cli, "\n");
		take_look(&t->looks[(i + 1) % 2]);
		show(t, &t->looks[i % 2], &t->looks[(i + 1) % 2]);
	}
	return 0;
}

static void total_json(struct json *j, u32 vp, const struct top_sample *s, u64 exits)
{
	json_object(j, NULL);
	json_number(j, "vp", vp);
	json_decimal(j, "run", time_tsc_to_ns(s->run) / NS_PER_US, 6);
	json_decimal(j, "hypervisor", time_tsc_to_ns(s->hypervisor) / NS_PER_US, 6);
	json_number(j, "exits", exits);
	json_object(j, "kinds");
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		if (s->exits[i] > 0)
			json_number(j, exit_kind_names[i], s->exits[i]);
	}
	json_close(j);
	json_close(j);
}

static void total_row(struct cli *cli, u32 vp, const struct top_sample *s, u64 exits)
{
	char run[UNITS_TEXT], hypervisor[UNITS_TEXT];

	cli_printf(cli, "%2u  %15s  %15s %12llu  all\n", vp,
		units_time(time_tsc_to_ns(s->run) / NS_PER_MS, run),
		units_time(time_tsc_to_ns(s->hypervisor) / NS_PER_MS, hypervisor),
		(unsigned long long)exits);
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		if (s->exits[i] > 0)
			cli_printf(cli, "%2s  %15s  %15s %12llu  %s\n", "", "", "",
				(unsigned long long)s->exits[i], exit_kind_names[i]);
	}
}

static void show_total(const struct top *t, const struct look *l)
{
	if (t->json != NULL) {
		json_begin(t->json, &t->cli->out);
		json_object(t->json, NULL);
		json_array(t->json, "vps");
	} else {
		cli_printf(t->cli, "%2s  %15s  %15s %12s  %s\n", "vp", "run", "hypervisor", "exits",
			"kind");
	}
	for (u32 vp = 0; vp < cpu_count; vp++) {
		const struct top_sample *s = &l->vps[vp];
		u64 exits = 0;

		if (stats_vp(vp) == NULL)
			continue;
		for (u32 i = 0; i < EXIT_KIND_COUNT; i++)
			exits += s->exits[i];
		if (t->json != NULL)
			total_json(t->json, vp, s, exits);
		else
			total_row(t->cli, vp, s, exits);
	}
	if (t->json != NULL) {
		json_close(t->json);
		json_close(t->json);
		json_end(t->json);
	}
}

/* How many times: once for programs, for ever for people. */
static int take_options(struct top *t, const struct cli_args *args)
{
	int r;

	t->count = args_has(args, "once") || args_has(args, "json") ? 1 : ~0ull;
	t->interval = 1;
	r = cli_number(t->cli, args, "count", 1, 1000000, &t->count);
	return r != 0 ? r : cli_number(t->cli, args, "interval", 1, INTERVAL_MAX, &t->interval);
}

static int run_top(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	struct top *t = kzalloc(sizeof(*t));
	int r;

	if (t == NULL)
		return cli_error_errno(cli, -ENOMEM, "top");
	t->cli = cli;
	t->json = args_has(args, "json") ? &json : NULL;
	r = take_options(t, args);
	if (r == 0 && args_has(args, "total")) {
		take_look(&t->looks[0]);
		show_total(t, &t->looks[0]);
	} else if (r == 0) {
		r = loop(t);
	}
	kfree(t);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "count", .value = "N", .help = "look N times" },
	{ .name = "once", .help = "the same as --count 1" },
	{ .name = "interval", .value = "SECONDS", .help = "between two looks; 1" },
	{ .name = "total", .help = "what VPs did since the machine's start, at once" },
	CLI_OPTION_JSON,
};

const struct cli_command command_top = {
	.name = "top",
	.usage = "[--once | --count N | --total] [--interval SECONDS] [--json]",
	.help = "show again and again where the processors' time goes",
	.more = "guest, hypervisor, idle: percent of a VP's time; exits, kinds: per second;\n"
		"time: percent of its VP's time that a task of the root ran. Ctrl-C ends it.\n"
		"In JSON, busy: TSC ticks per second in the guest and for it.\n"
		"With --total: time and exits of each VP since the start, as of a VM in vm stats.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_top,
};
