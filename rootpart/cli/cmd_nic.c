/* SPDX-License-Identifier: MIT */
/*
 * nic: the network interfaces. nic test and nic bench are in files of their own.
 */
#include "rootpart/cli/cmd_nic.h"
#include "base/errno.h"
#include "rootpart/cli/commands.h"
#include "rootpart/net/frame_text.h"
#include "x86/atomic.h"

struct nic *cmd_nic_find(struct cli *cli, const char *name)
{
	struct nic *n = nic_find(name);

	if (n == NULL)
		(void)cli_error(cli, -ENODEV, "no NIC \"%.64s\"; see nic list", name);
	return n;
}

void complete_nic(struct completion *c, const char *typed)
{
	for (struct nic *n = nic_next(NULL); n != NULL; n = nic_next(n))
		completion_offer(c, typed, n->name);
}

static const char *state_of(const struct nic *n)
{
	if (load_relaxed(&n->offline))
		return "offline";
	return load_relaxed(&n->link_up) ? "up" : "down";
}

static void list_counters(struct json *j, const struct nic_stats *s)
{
	json_number(j, "sent", s->sent);
	json_number(j, "sent_bytes", s->sent_bytes);
	json_number(j, "send_errors", s->send_errors);
	json_number(j, "received", s->received);
	json_number(j, "received_bytes", s->received_bytes);
	json_number(j, "receive_errors", s->receive_errors);
	json_number(j, "receive_dropped", s->receive_dropped);
	json_number(j, "bounced", load_relaxed(&s->bounced));
	json_number(j, "resets", s->resets);
}

static void list_json(struct json *j, const struct nic *n)
{
	char mac[FRAME_MAC_TEXT];

	json_object(j, NULL);
	json_string(j, "name", n->name);
	json_string(j, "driver", n->driver);
	json_string(j, "mac", frame_mac_text(n->mac, mac));
	json_string(j, "link", state_of(n));
	json_number(j, "mbit", load_relaxed(&n->link_mbit));
	json_number(j, "mtu", load_relaxed(&n->mtu));
	list_counters(j, &n->stats);
	json_close(j);
}

static void list_one(struct cli *cli, const struct nic *n)
{
	const struct nic_stats *s = &n->stats;
	char mac[FRAME_MAC_TEXT];

	cli_printf(cli, "%-6s  %-10s  %s  %-7s  %5u  %4u  %10llu  %10llu  %6llu  %7llu\n", n->name,
		n->driver, frame_mac_text(n->mac, mac), state_of(n), load_relaxed(&n->link_mbit),
		load_relaxed(&n->mtu), (unsigned long long)s->sent, (unsigned long long)s->received,
		(unsigned long long)(s->send_errors + s->receive_errors),
		(unsigned long long)s->receive_dropped);
}

static int list_for_people(struct cli *cli)
{
	cli_printf(cli, "%-6s  %-10s  %-17s  %-7s  %5s  %4s  %10s  %10s  %6s  %7s\n", "name",
		"driver", "mac", "link", "mbit", "mtu", "sent", "received", "errors", "dropped");
	for (const struct nic *n = nic_next(NULL); n != NULL; n = nic_next(n))
		list_one(cli, n);
	return 0;
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
	struct json json;

	if (!args_has(args, "json"))
		return list_for_people(cli);
	json_begin(&json, &cli->out);
	json_array(&json, NULL);
	for (const struct nic *n = nic_next(NULL); n != NULL; n = nic_next(n))
		list_json(&json, n);
	json_close(&json);
	json_end(&json);
	return 0;
}

static const struct cli_option list_options[] = { CLI_OPTION_JSON };

static const struct cli_command command_nic_list = {
	.name = "nic list",
	.usage = "[--json]",
	.help = "list the network interfaces of this machine",
	.more = "dropped: frames that came while nobody took them, or for which there was no\n"
		"buffer. In JSON are further counters; bounced: frames that were copied to be "
		"sent.",
	.options = list_options,
	.option_count = ARRAY_SIZE(list_options),
	.run = run_list,
};

static const struct cli_command *const commands[] = {
	&command_nic_bench,
	&command_nic_list,
	&command_nic_test,
};

const struct cli_command command_nic = {
	.name = "nic",
	.usage = "COMMAND ...",
	.help = "network interfaces; see help nic",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
