/* SPDX-License-Identifier: MIT */
/*
 * host: what the machine is, and who runs on it.
 */
#include "base/version.h"
#include "lib/format.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cli.h"
#include "rootpart/cli/commands.h"
#include "rootpart/cli/rows.h"
#include "rootpart/cli/units.h"
#include "rootpart/cpu.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/cpu.h"

static void row_processors(const struct rows *o, const struct bootinfo *info)
{
	u32 count = MIN(info->processors, ARRAY_SIZE(info->apic_ids));

	rows_count(o, "processors", info->processors);
	if (o->json != NULL)
		json_array(o->json, "apic_ids");
	else
		cli_printf(o->cli, "%-18s", "apic_ids");
	for (u32 i = 0; i < count; i++) {
		if (o->json != NULL)
			json_number(o->json, NULL, info->apic_ids[i]);
		else
			cli_printf(o->cli, " %u", info->apic_ids[i]);
	}
	if (o->json != NULL)
		json_close(o->json);
	else
		cli_text(o->cli, "\n");
}

/* From the hypervisor's first instruction to the first prompt: seconds in JSON. */
static void row_boot(const struct rows *o, const struct bootinfo *info)
{
	u64 us = time_tsc_to_ns(cli_prompt_tsc() - info->boot_tsc) / NS_PER_US;
	char text[UNITS_TEXT];

	if (o->json != NULL) {
		json_decimal(o->json, "boot", us, 6);
		return;
	}
	(void)format(text, sizeof(text), "%u.%03u ms", (u32)(us / 1000), (u32)(us % 1000));
	rows_text(o, "boot", text);
}

static void all_rows(const struct rows *o, const struct bootinfo *info)
{
	struct page_stats pages = page_stats_get();
	u64 up_ms = time_tsc_to_ns(rdtsc() - info->boot_tsc) / NS_PER_MS;

	rows_text(o, "hypervisor", info->hypervisor_version);
	rows_text(o, "root", VERDIGRIS_VERSION);
	rows_text(o, "vendor", info->vendor);
	rows_text(o, "model", cpu_features()->brand);
	row_processors(o, info);
	rows_hz(o, "tsc", info->tsc_hz);
	rows_bytes(o, "memory", info->memory_total);
	rows_bytes(o, "memory_hypervisor", info->memory_hypervisor);
	rows_bytes(o, "memory_root", pages.total * PAGE_SIZE);
	rows_bytes(o, "memory_free", pages.free * PAGE_SIZE);
	row_boot(o, info);
	rows_time(o, "uptime", up_ms);
	rows_text(o, "options", boot_cmdline());
}

static int run_host(struct cli *cli, const struct cli_args *args)
{
	struct json json;
	const struct rows o = { cli, args_has(args, "json") ? &json : NULL };

	if (o.json != NULL) {
		json_begin(&json, &cli->out);
		json_object(&json, NULL);
	}
	all_rows(&o, boot_info());
	if (o.json != NULL) {
		json_close(&json);
		json_end(&json);
	}
	return 0;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

const struct cli_command command_host = {
	.name = "host",
	.usage = "[--json]",
	.help = "processors, memory and versions of this machine",
	.more = "memory_root is what the root's page allocator has; boot is the time "
		"from the\nhypervisor's first instruction to the first prompt; options are the "
		"root's boot options.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_host,
};
