/* SPDX-License-Identifier: MIT */
/*
 * net dump: the frames that a NIC receives, a line for each. The NIC's work copies
 * the beginning of each frame into a ring, this task prints them; what does not fit is
 * counted. What comes from outside reaches the console as text of frame_text.c only.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_nic.h"
#include "rootpart/cli/commands.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/net/frame_text.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define RING      256u
#define COPY      128u /* bytes of a frame */
#define MAC_SIZE  6u
#define COUNT_MAX 1000000u
#define US_PER_S  1000000u

struct record {
	u64 ns;
	u32 bytes;
	u32 have;
	u8 data[COPY];
};

struct dump {
	struct nic_user user;
	struct cli *cli;
	bool json;
	u64 start;
	u32 tail;   /* the work's, release; runs freely */
	u32 head;   /* the task's, release */
	u64 missed; /* the work's */
	struct record ring[RING];
};

static void copy(struct record *r, const struct nic_received *f)
{
	r->have = 0;
	for (u32 i = 0; i < f->segment_count && r->have < COPY; i++) {
		u32 len = MIN(f->segments[i].len, COPY - r->have);

		memcpy(r->data + r->have, gpa_ptr(f->segments[i].gpa), len);
		r->have += len;
	}
}

static void receive(struct nic_user *u, const struct nic_received *f)
{
	struct dump *d = container_of(u, struct dump, user);
	struct record *r = &d->ring[d->tail % RING];

	/* Pairs with the release in print_all(). */
	if (d->tail - load_acquire(&d->head) == RING) {
		d->missed++;
		return;
	}
	r->ns = time_ns();
	r->bytes = f->bytes;
	copy(r, f);
	/* Pairs with the acquires in ready() and print_all(). */
	store_release(&d->tail, d->tail + 1);
	console_wake();
}

static bool ready(void *ctx)
{
	struct dump *d = ctx;

	return load_acquire(&d->tail) != d->head;
}

static void print(const struct dump *d, const struct record *r)
{
	u64 us = (r->ns - d->start) / NS_PER_US;
	char source[FRAME_MAC_TEXT], target[FRAME_MAC_TEXT], text[FRAME_TEXT];

	cli_printf(d->cli, "%llu.%06llu %s > %s %u: %s\n", (unsigned long long)(us / US_PER_S),
		(unsigned long long)(us % US_PER_S), frame_mac_text(r->data + MAC_SIZE, source),
		frame_mac_text(r->data, target), r->bytes, frame_text(r->data, r->have, text));
}

static void print_json(const struct dump *d, const struct record *r)
{
	char mac[FRAME_MAC_TEXT], text[FRAME_TEXT];
	struct json j;

	json_begin(&j, &d->cli->out);
	json_object(&j, NULL);
	json_decimal(&j, "time", (r->ns - d->start) / NS_PER_US, 6);
	json_string(&j, "source", frame_mac_text(r->data + MAC_SIZE, mac));
	json_string(&j, "target", frame_mac_text(r->data, mac));
	json_number(&j, "length", r->bytes);
	json_string(&j, "text", frame_text(r->data, r->have, text));
	json_close(&j);
	json_end(&j);
}

/* At most @left of them; how many there were. */
static u64 print_all(struct dump *d, u64 left)
{
	u64 printed = 0;

	/* Pairs with the release in receive(). */
	while (printed < left && load_acquire(&d->tail) != d->head && !cli_interrupted()) {
		const struct record *r = &d->ring[d->head % RING];

		if (d->json)
			print_json(d, r);
		else
			print(d, r);
		/* Pairs with the acquire in receive(). */
		store_release(&d->head, d->head + 1);
		printed++;
	}
	return printed;
}

static int loop(struct dump *d, u64 left)
{
	while (left > 0) {
		if (console_wait_for(ready, d, TIME_NEVER) != 0)
			return -EINTR;
		left -= print_all(d, left);
	}
	return 0;
}

static int dump(struct dump *d, struct nic *n, u64 count)
{
	int r = nic_open(n, &d->user);

	if (r != 0)
		return cli_error_errno(d->cli, r, n->name);
	r = nic_filter(n, true, true);
	if (r == 0)
		r = loop(d, count);
	nic_close(n);
	if (d->missed > 0 && !d->json)
		cli_printf(d->cli, "(%llu more came too fast)\n", (unsigned long long)d->missed);
	return r;
}

static int run_dump(struct cli *cli, const struct cli_args *args)
{
	struct nic *n = cmd_nic_find(cli, args->words[0]);
	u64 count = ~0ull;
	struct dump *d;
	int r;

	if (n == NULL)
		return -ENODEV;
	r = cli_number(cli, args, "count", 1, COUNT_MAX, &count);
	if (r != 0)
		return r;
	d = kzalloc(sizeof(*d));
	if (d == NULL)
		return cli_error_errno(cli, -ENOMEM, "net dump");
	d->user.receive = receive;
	d->cli = cli;
	d->json = args_has(args, "json");
	d->start = time_ns();
	r = dump(d, n, count);
	kfree(d);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "count", .value = "N", .help = "end after N frames" },
	CLI_OPTION_JSON,
};

static const struct cli_command command_net_dump = {
	.name = "net dump",
	.usage = "[--count N] [--json] NIC",
	.help = "show the frames that a NIC receives",
	.more = "A line for each: seconds, who sends it to whom, bytes, and what it is. Ctrl-C "
		"ends\n"
		"it. In JSON, each is a document on its own line. Only for a NIC that nobody uses.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_dump,
	.complete = complete_nic,
};

static const struct cli_command *const commands[] = {
	&command_net_dump,
};

const struct cli_command command_net = {
	.name = "net",
	.usage = "COMMAND ...",
	.help = "networks; see help net",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
