/* SPDX-License-Identifier: MIT */
/*
 * nic test: exchanges frames with peers that know test_frame.h, on several NICs at once.
 * Either it sends, and the peers echo; or the peers send, and this echoes.
 */
#include "base/errno.h"
#include "rootpart/cli/cmd_nic.h"
#include "rootpart/cli/nic_exchange.h"
#include "rootpart/cli/rows.h"
#include "rootpart/console_input.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define COUNT_MAX    1000000u
#define SILENCE_NS   (10 * NS_PER_S)
#define SIZE_DEFAULT 1514u
#define NICS_MAX     4u

struct session {
	struct cli *cli;
	struct exchange_options options;
	u32 count;
	struct exchange *tests[NICS_MAX];
	u64 came; /* frames, when it was last looked */
};

static u64 all_came(const struct session *s)
{
	u64 sum = 0;

	for (u32 i = 0; i < s->count; i++)
		sum += exchange_came(s->tests[i]);
	return sum;
}

static bool all_done(const struct session *s)
{
	for (u32 i = 0; i < s->count; i++) {
		if (!exchange_is_done(s->tests[i]))
			return false;
	}
	return true;
}

static bool something(void *ctx)
{
	const struct session *s = ctx;

	for (u32 i = 0; i < s->count; i++) {
		if (exchange_can_send(s->tests[i]))
			return true;
	}
	return all_came(s) != s->came;
}

/* Until all have come, or nothing comes any more. */
static int loop(struct session *s)
{
	while (!all_done(s)) {
		u64 limit = s->options.echo ? TIME_NEVER : time_ns() + SILENCE_NS;
		int r;

		s->came = all_came(s);
		for (u32 i = 0; i < s->count; i++)
			exchange_send_some(s->tests[i]);
		r = console_wait_for(something, s, limit);
		if (r == -ETIMEDOUT)
			return 0;
		if (r != 0)
			return r;
	}
	return 0;
}

static void report(const struct rows *o, const struct exchange *t, u64 ms)
{
	if (o->json != NULL)
		json_object(o->json, NULL);
	rows_text(o, "nic", t->nic->name);
	rows_count(o, "sent", t->sent);
	rows_count(o, "good", t->good);
	rows_count(o, "bad", t->bad);
	rows_count(o, "send_errors", t->errors);
	rows_count(o, "dropped", t->dropped);
	rows_time(o, "time", ms);
	if (o->json != NULL)
		json_close(o->json);
}

static void report_all(const struct session *s, u64 ms)
{
	struct json j;
	const struct rows o = { s->cli, s->options.json ? &j : NULL };

	if (o.json != NULL) {
		json_begin(&j, &s->cli->out);
		json_array(&j, NULL);
	}
	for (u32 i = 0; i < s->count; i++)
		report(&o, s->tests[i], ms);
	if (o.json != NULL) {
		json_close(&j);
		json_end(&j);
	}
}

static int add_nic(struct session *s, const char *name)
{
	struct nic *n = cmd_nic_find(s->cli, name);
	int r;

	if (n == NULL)
		return -ENODEV;
	r = exchange_open(n, &s->options, &s->tests[s->count]);
	if (r != 0)
		return cli_error_errno(s->cli, r, name);
	s->count++;
	return 0;
}

static int run_session(struct session *s, const struct cli_args *args)
{
	u64 start = time_ns();
	int r = 0;

	for (u32 i = 0; i < args->count && r == 0; i++)
		r = add_nic(s, args->words[i]);
	if (r == 0) {
		r = loop(s);
		report_all(s, (time_ns() - start) / NS_PER_MS);
	}
	for (u32 i = 0; i < s->count; i++)
		exchange_close(s->tests[i]);
	return r;
}

static int parse_size(struct cli *cli, const struct cli_args *args, struct exchange_options *o)
{
	u64 max = o->kind == TEST_FRAME_TCP ? NIC_TSO_MAX : NIC_MTU_MAX + NIC_HEADER;
	int r;

	o->size_min = SIZE_DEFAULT;
	r = cli_number(cli, args, "size", TEST_FRAME_MIN, max, &o->size_min);
	if (r != 0)
		return r;
	o->size_max = o->size_min;
	return cli_number(cli, args, "to-size", o->size_min, max, &o->size_max);
}

static int parse(struct cli *cli, const struct cli_args *args, struct exchange_options *o)
{
	int r;

	o->echo = args_has(args, "echo");
	o->json = args_has(args, "json");
	o->pieces = 1;
	if (o->echo == args_has(args, "send"))
		return cli_error(cli, -EINVAL, "nic test: one of --send and --echo is needed");
	r = cli_number(cli, args, o->echo ? "echo" : "send", 1, COUNT_MAX, &o->count);
	if (r == 0)
		r = cli_number(cli, args, "pieces", 1, NIC_SEGMENTS_MAX, &o->pieces);
	if (r == 0)
		r = cli_number(cli, args, "cut", 64, NIC_MTU_MAX - 40, &o->cut);
	if (r == 0)
		r = cli_number(cli, args, "mtu", 68, NIC_MTU_MAX, &o->mtu);
	if (r != 0)
		return r;
	if (o->cut != 0)
		o->kind = TEST_FRAME_TCP;
	else if (args_has(args, "checksum"))
		o->kind = TEST_FRAME_UDP;
	return parse_size(cli, args, o);
}

static int run_test(struct cli *cli, const struct cli_args *args)
{
	struct session s = { .cli = cli };
	int r = parse(cli, args, &s.options);

	return r != 0 ? r : run_session(&s, args);
}

static const struct cli_option options[] = {
	{ .name = "send", .value = "N", .help = "send N frames, which the peer echoes" },
	{ .name = "echo", .value = "N", .help = "echo N frames of the peer" },
	{ .name = "size", .value = "BYTES", .help = "of each frame, 1514 if it is left out" },
	{ .name = "to-size",
		.value = "BYTES",
		.help = "sizes go from --size to this, again and again" },
	{ .name = "pieces", .value = "N", .help = "each lies in up to N pieces of memory" },
	{ .name = "checksum", .help = "UDP, whose checksum the NIC computes" },
	{ .name = "cut", .value = "BYTES", .help = "TCP, which the NIC cuts into segments" },
	{ .name = "mtu", .value = "BYTES", .help = "change the NIC's MTU first" },
	CLI_OPTION_JSON,
};

const struct cli_command command_nic_test = {
	.name = "nic test",
	.usage = "[OPTION...] NIC...",
	.help = "exchange frames with test programs at the other ends",
	.more = "For whoever tests a driver; the peer is tests/e2e/frames.py. Sending ends when "
		"all\n"
		"echoes have come, or none for 10 s. good, bad: frames that came, and were, or "
		"were\n"
		"not, what they should be.",
	.min_words = 1,
	.max_words = NICS_MAX,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_test,
	.complete = complete_nic,
};
