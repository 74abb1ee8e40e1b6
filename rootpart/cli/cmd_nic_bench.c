/* SPDX-License-Identifier: MIT */
/*
 * nic bench: how many frames a NIC sends, and another one on the same wire receives. As
 * in disk_bench.c, the next frame goes in done() of the one before; all have the same
 * memory.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_nic.h"
#include "rootpart/cli/rows.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/net/test_frame.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

#define SLOTS           128u
#define SIZE_DEFAULT    1514u
#define SECONDS_DEFAULT 3u
#define MAC_SIZE        6u
#define REST_NS         NS_PER_S /* for frames that are on the wire when the sender ends */

/* Of nobody's stack or heap: who wakes may come after who waited has gone. */
static struct wait_queue idle = WAIT_QUEUE_INIT(idle);

struct bench;

struct slot {
	struct nic_frame frame;
	struct bench *bench;
};

struct bench {
	struct cli *cli;
	struct nic *sender;
	struct nic *receiver; /* NULL: nobody */
	struct nic_user sends, receives;
	u8 *data;
	u32 order;
	struct nic_segment segment;
	u64 seconds;
	u64 count;      /* frames */
	u64 begin, end; /* time_ns() */

	bool stop;     /* any VP, atomic */
	u32 under_way; /* the sender's VP, as what follows; atomic */
	int error;     /* the first */
	u64 started;
	u64 sent;
	u64 last;
	u64 received; /* the receiver's, atomic */
	struct slot slots[SLOTS];
};

static bool goes_on(const struct bench *b, u64 now)
{
	return b->error == 0 && b->started < b->count && now < b->end && !load_relaxed(&b->stop);
}

static void slot_done(struct nic_frame *f)
{
	struct bench *b = container_of(f, struct slot, frame)->bench;
	u64 now = time_ns();

	if (f->error == 0) {
		b->sent++;
		b->last = now;
	} else if (b->error == 0) {
		b->error = f->error;
	}
	if (goes_on(b, now)) {
		b->started++;
		nic_send(b->sender, f);
		return;
	}
	/* Pairs with the acquire in is_over(): it may be freed then. */
	if (b->under_way > 1) {
		store_release(&b->under_way, b->under_way - 1);
		return;
	}
	store_release(&b->under_way, 0);
	console_wake();
	wait_wake_all(&idle);
}

/* Only what the sender has sent. */
static void receive(struct nic_user *u, const struct nic_received *f)
{
	struct bench *b = container_of(u, struct bench, receives);

	if (f->bytes != b->segment.len ||
		memcmp(gpa_ptr(f->segments[0].gpa), b->data, NIC_HEADER) != 0)
		return;
	/* Before the look at under_way: who saw the last one sent, and waits, is woken. */
	(void)atomic_fetch_add(&b->received, 1);
	if (load_acquire(&b->under_way) == 0)
		console_wake();
}

static void ignore(struct nic_user *u, const struct nic_received *f)
{
	(void)u;
	(void)f;
}

static bool is_over(void *ctx)
{
	const struct bench *b = ctx;

	return load_acquire(&b->under_way) == 0;
}

static bool all_came(void *ctx)
{
	const struct bench *b = ctx;

	return load_relaxed(&b->received) >= b->sent;
}

static void start_all(struct bench *b)
{
	u32 first = (u32)MIN((u64)SLOTS, b->count);

	b->begin = time_ns();
	b->end = b->begin + b->seconds * NS_PER_S;
	/* All before the first: done() of that may start it anew on another VP. */
	b->started = b->under_way = first;
	for (u32 i = 0; i < first; i++) {
		struct slot *s = &b->slots[i];

		s->bench = b;
		s->frame = (struct nic_frame){ .segments = &b->segment,
			.segment_count = 1,
			.bytes = b->segment.len,
			.done = slot_done };
		nic_send(b->sender, &s->frame);
	}
}

/* Until all have come, or none comes any more. */
static int wait_for_rest(struct bench *b)
{
	u64 before;
	int r;

	do {
		before = load_relaxed(&b->received);
		r = console_wait_for(all_came, b, time_ns() + REST_NS);
	} while (r == -ETIMEDOUT && load_relaxed(&b->received) != before);
	return r == -ETIMEDOUT ? 0 : r;
}

static int measure(struct bench *b)
{
	int r;

	start_all(b);
	r = console_wait_for(is_over, b, TIME_NEVER);
	store_relaxed(&b->stop, true);
	wait_event(&idle, is_over(b));
	if (r == 0)
		r = b->error;
	return r != 0 || b->receiver == NULL ? r : wait_for_rest(b);
}

static u64 per_second(const struct bench *b, u64 n)
{
	u64 us = (b->last - b->begin) / NS_PER_US;

	return n * (NS_PER_S / NS_PER_US) / MAX(us, 1ull);
}

static void report_rows(const struct rows *o, const struct bench *b)
{
	rows_text(o, "nic", b->sender->name);
	rows_count(o, "size", b->segment.len);
	rows_count(o, "sent", b->sent);
	rows_count(o, "frames_per_second", per_second(b, b->sent));
	rows_count(o, "bytes_per_second", per_second(b, b->sent * b->segment.len));
	if (b->receiver == NULL)
		return;
	rows_text(o, "receiver", b->receiver->name);
	rows_count(o, "received", load_relaxed(&b->received));
}

static void report(const struct bench *b, bool json)
{
	struct json j;
	const struct rows o = { b->cli, json ? &j : NULL };

	if (json) {
		json_begin(&j, &b->cli->out);
		json_object(&j, NULL);
	}
	report_rows(&o, b);
	if (json) {
		json_close(&j);
		json_end(&j);
	}
}

static int failed(const struct bench *b, int error, const struct nic *n)
{
	return cli_error_errno(b->cli, error, n->name);
}

static int bench_with_receiver(struct bench *b)
{
	int r = 0;

	if (b->receiver != NULL)
		r = nic_open(b->receiver, &b->receives);
	if (r != 0)
		return failed(b, r, b->receiver);
	r = measure(b);
	if (b->receiver != NULL)
		nic_close(b->receiver);
	return r != 0 && r != -EINTR ? failed(b, r, b->sender) : r;
}

/* The sender is held, so that no other command sends by it meanwhile. */
static int bench_with_nics(struct bench *b)
{
	int r = nic_open(b->sender, &b->sends);

	if (r != 0)
		return failed(b, r, b->sender);
	r = bench_with_receiver(b);
	nic_close(b->sender);
	return r;
}

static int bench_with_memory(struct bench *b)
{
	/* Nobody's, where nobody is named: a switch that does not know it floods. */
	static const u8 nobody[MAC_SIZE] = { 0x02, 0, 0, 0, 0, 0x01 };
	const struct test_frame f = { .bytes = b->segment.len };
	struct nic_offload none = { 0 };
	int r;

	b->order = page_order(b->segment.len);
	b->data = page_alloc(b->order);
	if (b->data == NULL)
		return cli_error_errno(b->cli, -ENOMEM, "nic bench");
	test_frame_make(
		b->data, &f, b->sender->mac, b->receiver ? b->receiver->mac : nobody, &none);
	b->segment.gpa = gpa_of(b->data);
	b->sends.receive = ignore;
	b->receives.receive = receive;
	r = bench_with_nics(b);
	(void)page_free(b->data, b->order);
	return r;
}

static int take_nics(struct bench *b, const struct cli_args *args)
{
	b->sender = cmd_nic_find(b->cli, args->words[0]);
	if (b->sender == NULL)
		return -ENODEV;
	if (args->count == 1)
		return 0;
	b->receiver = cmd_nic_find(b->cli, args->words[1]);
	if (b->receiver == NULL)
		return -ENODEV;
	if (b->receiver == b->sender)
		return cli_error(
			b->cli, -EINVAL, "nic bench: a NIC does not receive what it sends");
	return 0;
}

static int take_options(struct bench *b, const struct cli_args *args)
{
	u64 size, max;
	int r = take_nics(b, args);

	if (r != 0)
		return r;
	max = load_relaxed(&b->sender->mtu) + NIC_HEADER;
	size = MIN(max, SIZE_DEFAULT);
	r = cli_number(b->cli, args, "size", TEST_FRAME_MIN, max, &size);
	b->segment.len = (u32)size;
	b->seconds = SECONDS_DEFAULT;
	b->count = ~0ull;
	if (r == 0)
		r = cli_number(b->cli, args, "seconds", 1, 3600, &b->seconds);
	return r != 0 ? r : cli_number(b->cli, args, "count", 1, ~0ull, &b->count);
}

static int run_bench(struct cli *cli, const struct cli_args *args)
{
	struct bench *b = kzalloc(sizeof(*b));
	int r;

	if (b == NULL)
		return cli_error_errno(cli, -ENOMEM, "nic bench");
	b->cli = cli;
	r = take_options(b, args);
	if (r == 0)
		r = bench_with_memory(b);
	if (r == 0)
		report(b, args_has(args, "json"));
	kfree(b);
	return r;
}

static const struct cli_option options[] = {
	{ .name = "size", .value = "BYTES", .help = "of a frame, without its checksum; 1514" },
	{ .name = "seconds", .value = "N", .help = "how long; 3" },
	{ .name = "count", .value = "N", .help = "at most so many frames" },
	CLI_OPTION_JSON,
};

const struct cli_command command_nic_bench = {
	.name = "nic bench",
	.usage = "[--size BYTES] [--seconds N] [--count N] [--json] NIC [RECEIVER]",
	.help = "measure how many frames a NIC sends",
	.more = "With RECEIVER, a NIC on the same wire, that takes them and counts. Without, they "
		"go to\n"
		"nobody's address, so a switch gives them to everybody. Ctrl-C ends it.",
	.min_words = 1,
	.max_words = 2,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_bench,
	.complete = complete_nic,
};
