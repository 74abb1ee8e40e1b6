/* SPDX-License-Identifier: MIT */
/*
 * vm stats: what the hypervisor counted of a VM's processors since its start.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/cli/top.h"
#include "rootpart/cli/units.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"

struct stats {
	struct cli *cli;
	struct json *json; /* NULL: for people */
	const char *name;
	u32 vp; /* the one in counters */
	u64 counters[HV_VP_COUNTER_MAX];
};

/* Microseconds of a counter of TSC ticks. */
static u64 us_of(u64 ticks)
{
	return time_tsc_to_ns(ticks) / NS_PER_US;
}

static u64 exits_of(const struct stats *s, u32 kind)
{
	return s->counters[HV_VP_COUNTER_EXITS + 2 * kind];
}

static u64 exits_of_all(const struct stats *s)
{
	u64 sum = 0;

	for (u32 i = 0; i < EXIT_KIND_COUNT; i++)
		sum += exits_of(s, i);
	return sum;
}

static u64 hypervisor_us(const struct stats *s, u32 kind)
{
	return us_of(s->counters[HV_VP_COUNTER_EXITS + 2 * kind + 1]);
}

static void json_vp(const struct stats *s)
{
	json_object(s->json, NULL);
	json_number(s->json, "vp", s->vp);
	json_decimal(s->json, "run", us_of(s->counters[HV_VP_COUNTER_TOTAL_RUN_TIME]), 6);
	json_decimal(s->json, "hypervisor", us_of(s->counters[HV_VP_COUNTER_HYPERVISOR_TIME]), 6);
	json_number(s->json, "exits", exits_of_all(s));
	json_array(s->json, "kinds");
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		if (exits_of(s, i) == 0)
			continue;
		json_object(s->json, NULL);
		json_string(s->json, "kind", exit_kind_names[i]);
		json_decimal(s->json, "hypervisor", hypervisor_us(s, i), 6);
		json_number(s->json, "exits", exits_of(s, i));
		json_close(s->json);
	}
	json_close(s->json);
	json_close(s->json);
}

static void print_vp(const struct stats *s)
{
	char run[UNITS_TEXT], hypervisor[UNITS_TEXT];

	cli_printf(s->cli, "%2u  %15s  %15s %12llu  all\n", s->vp,
		units_time(us_of(s->counters[HV_VP_COUNTER_TOTAL_RUN_TIME]) / 1000, run),
		units_time(us_of(s->counters[HV_VP_COUNTER_HYPERVISOR_TIME]) / 1000, hypervisor),
		(unsigned long long)exits_of_all(s));
	for (u32 i = 0; i < EXIT_KIND_COUNT; i++) {
		if (exits_of(s, i) > 0)
			cli_printf(s->cli, "%2s  %15s  %15s %12llu  %s\n", "", "",
				units_time(hypervisor_us(s, i) / 1000, hypervisor),
				(unsigned long long)exits_of(s, i), exit_kind_names[i]);
	}
}

/* Past the last VP: -ERANGE. */
static int show_vps(struct stats *s)
{
	int r = 0;

	for (s->vp = 0; r == 0; s->vp++) {
		if (cli_interrupted())
			return -EINTR;
		r = vm_vp_counters(s->name, s->vp, s->counters);
		if (r != 0)
			break;
		if (s->json != NULL)
			json_vp(s);
		else
			print_vp(s);
	}
	return r;
}

/* The first VP tells whether there is anything to show. */
static int show(struct stats *s)
{
	int r = vm_vp_counters(s->name, 0, s->counters);

	if (r == -EBUSY)
		return cli_error(
			s->cli, r, "%.64s: it is off; counters begin at vm start", s->name);
	if (r != 0)
		return vm_failed(s->cli, r, s->name, "");
	if (s->json != NULL) {
		json_begin(s->json, &s->cli->out);
		json_object(s->json, NULL);
		json_array(s->json, "vps");
	} else {
		cli_printf(s->cli, "%2s  %15s  %15s %12s  %s\n", "vp", "run", "hypervisor", "exits",
			"kind");
	}
	r = show_vps(s);
	if (s->json != NULL) {
		json_close(s->json);
		json_close(s->json);
		json_end(s->json);
	}
	return r == -EINTR ? r : 0;
}

static int run_stats(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	struct stats *s = kmalloc(sizeof(*s));
	int r;

	if (s == NULL)
		return cli_error_errno(cli, -ENOMEM, "vm stats");
	s->cli = cli;
	s->json = args_has(args, "json") ? &json : NULL;
	s->name = args->words[0];
	r = show(s);
	kfree(s);
	return r;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_vm_stats = {
	.name = "vm stats",
	.usage = "[--json] NAME",
	.help = "where the time of a VM's processors went, and its exits by kind",
	.more = "run is time in the guest and for it, hypervisor what of it was for it; both, and\n"
		"exits, since vm start.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_stats,
	.complete = complete_vm,
};
