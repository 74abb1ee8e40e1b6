/* SPDX-License-Identifier: MIT */
/*
 * vm list and vm show: what VMs there are, and all that is known of one.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_vm.h"
#include "rootpart/cli/rows.h"
#include "rootpart/cli/units.h"
#include "rootpart/heap.h"
#include "rootpart/time.h"
#include "rootpart/vm/vm_keys.h"

/* How vm list shows one. */
struct vm_list {
	struct cli *cli;
	struct json *json; /* NULL: for people */
	int width;         /* of the names */
};

static void list_json(struct json *j, const struct vm_info *info)
{
	json_object(j, NULL);
	json_string(j, "name", info->config.name);
	json_string(j, "state", vm_state_name(info->state));
	json_number(j, "memory", info->config.memory);
	json_number(j, "cpus", info->config.cpus);
	json_decimal(j, "uptime", info->uptime_ns / NS_PER_MS, 3);
	json_decimal(j, "cpu", info->cpu_ns / NS_PER_MS, 3);
	json_close(j);
}

static void list_one(const struct vm_list *l, const struct vm_info *info)
{
	char memory[UNITS_TEXT], uptime[UNITS_TEXT] = "-", cpu[UNITS_TEXT] = "-";

	if (l->json != NULL) {
		list_json(l->json, info);
		return;
	}
	if (vm_is_on(info->state)) {
		(void)units_time(info->uptime_ns / NS_PER_MS, uptime);
		(void)units_time(info->cpu_ns / NS_PER_MS, cpu);
	}
	cli_printf(l->cli, "%-*s  %-8s %10s %5u  %-15s  %s\n", l->width, info->config.name,
		vm_state_name(info->state), units_bytes(info->config.memory, memory),
		info->config.cpus, uptime, cpu);
}

static int widest_name(struct vm_info *info)
{
	size_t width = strlen("name");

	info->config.name[0] = '\0';
	while (vm_next(info->config.name, info) == 0)
		width = MAX(width, strlen(info->config.name));
	return (int)width;
}

static int list_all(const struct vm_list *l, struct vm_info *info)
{
	info->config.name[0] = '\0';
	while (vm_next(info->config.name, info) == 0) {
		if (cli_interrupted())
			return -EINTR;
		list_one(l, info);
	}
	return 0;
}

static int list(struct vm_list *l, struct vm_info *info)
{
	int r;

	l->width = widest_name(info);
	if (l->json == NULL) {
		cli_printf(l->cli, "%-*s  %-8s %10s %5s  %-15s  %s\n", l->width, "name", "state",
			"memory", "cpus", "uptime", "cpu");
		return list_all(l, info);
	}
	json_begin(l->json, &l->cli->out);
	json_array(l->json, NULL);
	r = list_all(l, info);
	json_close(l->json);
	json_end(l->json);
	return r;
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	struct vm_list l = { .cli = cli, .json = args_has(args, "json") ? &json : NULL };
	struct vm_info *info = kmalloc(sizeof(*info));
	int r;

	if (info == NULL)
		return cli_error_errno(cli, -ENOMEM, "vm list");
	r = list(&l, info);
	kfree(info);
	return r;
}

static const char *text_or_none(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* Processors: an array of numbers, or null for all. */
static void affinity_json(struct json *j, u64 affinity)
{
	if (affinity == 0) {
		json_string(j, "affinity", NULL);
		return;
	}
	json_array(j, "affinity");
	for (u32 i = 0; i < 64; i++) {
		if (affinity >> i & 1)
			json_number(j, NULL, i);
	}
	json_close(j);
}

static void row_affinity(const struct rows *r, const struct vm_config *c)
{
	char text[VM_KEY_WORD];

	if (r->json != NULL) {
		affinity_json(r->json, c->affinity);
		return;
	}
	vm_key_get(vm_key_find("affinity"), c, text);
	rows_text(r, "affinity", text);
}

static void row_percent(const struct rows *r, const char *name, u32 percent)
{
	char text[UNITS_TEXT];

	(void)format(text, sizeof(text), "%u %%", percent);
	rows_number(r, name, percent, percent > 0 ? text : "-");
}

/* Of what it has while it is on; zero in JSON while it is off. */
static void row_time_on(const struct rows *r, const char *name, u64 ns, bool on)
{
	if (on || r->json != NULL)
		rows_time(r, name, ns / NS_PER_MS);
	else
		rows_text(r, name, NULL);
}

static void crash_json(struct json *j, const struct vm_crash *c)
{
	if (!c->told) {
		json_string(j, "crash", NULL);
		return;
	}
	json_object(j, "crash");
	json_array(j, "parameters");
	for (u32 i = 0; i < VM_CRASH_PARAMETERS; i++)
		json_number(j, NULL, c->parameter[i]);
	json_close(j);
	json_string(j, "text", text_or_none(c->text));
	json_close(j);
}

/* What the guest told of its crash: its five parameters, and its last lines below. */
static void row_crash(const struct rows *r, const struct vm_crash *c)
{
	char text[UNITS_TEXT * VM_CRASH_PARAMETERS];
	size_t at = 0;

	if (r->json != NULL) {
		crash_json(r->json, c);
		return;
	}
	for (u32 i = 0; i < VM_CRASH_PARAMETERS; i++)
		at += (size_t)format(text + at, sizeof(text) - at, " %#llx",
			(unsigned long long)c->parameter[i]);
	rows_text(r, "crash", c->told ? text + 1 : NULL);
	if (!c->told || c->text[0] == '\0')
		return;
	cli_text(r->cli, c->text);
	cli_text(r->cli, "\n");
}

static void rows_now(const struct rows *r, const struct vm_info *info)
{
	bool on = vm_is_on(info->state);
	char id[UNITS_TEXT];

	rows_text(r, "state", vm_state_name(info->state));
	rows_text(r, "why", text_or_none(info->why));
	(void)format(id, sizeof(id), "%llu", (unsigned long long)info->partition_id);
	rows_number(r, "partition", info->partition_id, info->partition_id != 0 ? id : "-");
	row_time_on(r, "uptime", info->uptime_ns, on);
	row_time_on(r, "cpu", info->cpu_ns, on);
	rows_count(r, "resets", info->resets);
	(void)format(id, sizeof(id), "%#llx", (unsigned long long)info->guest_os_id);
	rows_text(r, "guest_os_id", info->guest_os_id != 0 ? id : NULL);
	row_crash(r, &info->crash);
	rows_bytes(r, "memory_hypervisor", info->hypervisor_memory);
}

static void rows_config(const struct rows *r, const struct vm_config *c)
{
	char reset[VM_KEY_WORD];

	rows_bytes(r, "memory", c->memory);
	rows_count(r, "cpus", c->cpus);
	rows_text(r, "kernel", text_or_none(c->kernel));
	rows_text(r, "initrd", text_or_none(c->initrd));
	rows_text(r, "cmdline", text_or_none(c->cmdline));
	rows_count(r, "weight", c->weight);
	row_percent(r, "cap", c->cap);
	row_percent(r, "reserve", c->reserve);
	row_affinity(r, c);
	rows_bool(r, "autostart", c->autostart);
	vm_key_get(vm_key_find("on-reset"), c, reset);
	rows_text(r, "on_reset", reset);
	rows_count(r, "sector_size", c->sector_size);
}

static void row_tsc(const struct rows *r, u64 hz)
{
	if (hz != 0)
		rows_hz(r, "tsc", hz);
	else
		rows_text(r, "tsc", NULL);
}

static void show(const struct rows *r, const struct vm_info *info)
{
	if (r->json != NULL) {
		json_begin(r->json, &r->cli->out);
		json_object(r->json, NULL);
	}
	rows_text(r, "name", info->config.name);
	rows_now(r, info);
	rows_config(r, &info->config);
	row_tsc(r, info->tsc_hz);
	vm_show_devices(r, info);
	if (r->json != NULL) {
		json_close(r->json);
		json_end(r->json);
	}
}

static int run_show(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	const struct rows rows = { cli, args_has(args, "json") ? &json : NULL };
	struct vm_info *info;
	int r;

	info = vm_look_up(cli, args->words[0], &r);
	if (info == NULL)
		return r;
	show(&rows, info);
	kfree(info);
	return 0;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_vm_list = {
	.name = "vm list",
	.usage = "[--json]",
	.help = "all VMs",
	.more = "uptime is since the last start, cpu the time that its processors were busy.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_list,
};

const struct cli_command command_vm_show = {
	.name = "vm show",
	.usage = "[--json] NAME",
	.help = "all that is known of a VM",
	.more = "memory_hypervisor is what the hypervisor uses for it. Of a channel: sub 0 is\n"
		"a primary, vp the one that is interrupted, from and to the rings from the VM\n"
		"and to it: bytes that are used, and all. in and out are packets, malformed\n"
		"those that made no sense.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_show,
	.complete = complete_vm,
};
