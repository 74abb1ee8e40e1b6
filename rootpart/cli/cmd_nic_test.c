/* SPDX-License-Identifier: MIT */
/*
 * nic test: exchanges frames with a peer that knows test_frame.h, and looks at every
 * byte. Either it sends, and the peer echoes; or the peer sends, and this echoes. The
 * NIC's VP receives and gives slots back, the CLI's task sends and waits.
 */
#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/cli/cmd_nic.h"
#include "rootpart/cli/rows.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/net/test_frame.h"
#include "rootpart/page_alloc.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define SLOTS        32u
#define SLOT_ORDER   5u /* the largest frame to be cut, in one block */
#define COUNT_MAX    1000000u
#define SILENCE_NS   (10 * NS_PER_S)
#define SIZE_DEFAULT 1514u

/* A frame that is sent, or free. */
struct slot {
	struct nic_frame frame;
	struct nic_segment segments[NIC_SEGMENTS_MAX];
	struct list_node link;
	u8 *data;
	struct test *test;
};

struct test {
	struct nic_user user;
	struct cli *cli;
	struct nic *nic;
	/* Options. */
	u64 count;
	u64 size_min;
	u64 size_max;
	u64 pieces;
	u64 cut;
	bool echo;
	enum test_frame_kind kind;
	u8 peer[6];

	struct spinlock lock; /* the list; interrupts off */
	struct list_node free;
	u32 busy; /* slots; atomic */
	/* The NIC's VP, atomic. */
	u64 good;
	u64 bad;
	u64 errors;  /* frames that could not be sent */
	u64 dropped; /* frames that no slot was left for */
	u64 sent;
	u8 *assembled; /* a frame that came in pieces */
	struct slot slots[SLOTS];
};

/* Outlives the test: who ends the last frame wakes when the test may be gone. */
static struct wait_queue idle = WAIT_QUEUE_INIT(idle);

static struct slot *slot_take(struct test *t)
{
	u64 flags = lock_irq(&t->lock);
	struct list_node *n = list_pop_front(&t->free);

	unlock_irq(&t->lock, flags);
	if (n == NULL)
		return NULL;
	(void)atomic_fetch_add(&t->busy, 1u);
	return list_entry(n, struct slot, link);
}

static void slot_done(struct nic_frame *f)
{
	struct slot *s = container_of(f, struct slot, frame);
	struct test *t = s->test;
	u64 flags;

	if (f->error != 0)
		store_relaxed(&t->errors, t->errors + 1);
	flags = lock_irq(&t->lock);
	list_push_back(&t->free, &s->link);
	unlock_irq(&t->lock, flags);
	console_wake();
	/* Pairs with the acquire in exchange(): the test may be freed then. */
	if (atomic_fetch_add(&t->busy, ~0u) == 1)
		wait_wake_all(&idle);
}

/* Cuts the slot's @bytes into pieces of different odd sizes. */
static u32 cut_up(struct slot *s, u32 bytes, u32 pieces)
{
	u32 n = 0, at = 0;

	while (at < bytes) {
		u32 left = bytes - at;
		u32 len = n + 1 == pieces
				  ? left
				  : MIN(left, (2 * (bytes / pieces) * (n + 1) / pieces) | 1);

		s->segments[n++] = (struct nic_segment){ gpa_of(s->data + at), len };
		at += len;
	}
	return n;
}

static void send(struct slot *s, const struct test_frame *f)
{
	struct test *t = s->test;

	s->frame = (struct nic_frame){ .done = slot_done, .segments = s->segments };
	test_frame_make(s->data, f, t->nic->mac, t->peer, &s->frame.offload);
	s->frame.segment_count = cut_up(s, f->bytes, (u32)t->pieces);
	s->frame.bytes = f->bytes;
	nic_send(t->nic, &s->frame);
}

static u32 size_of(const struct test *t, u32 number)
{
	return (u32)(t->size_min + number % (t->size_max - t->size_min + 1));
}

/* An echo has the size of what was sent, but of what was cut it is short. */
static bool echo_is_good(const struct test *t, const struct test_frame *f)
{
	u32 want = t->kind == TEST_FRAME_TCP ? TEST_FRAME_MIN : size_of(t, f->number);

	return f->bytes == want && f->number < t->count;
}

static void answer(struct test *t, const struct test_frame *f, const u8 *data)
{
	struct slot *s = slot_take(t);
	struct test_frame e = *f;

	if (s == NULL) {
		store_relaxed(&t->dropped, t->dropped + 1);
		return;
	}
	memcpy(t->peer, data + 6, sizeof(t->peer));
	e.echo = true;
	send(s, &e);
}

static const u8 *assemble(struct test *t, const struct nic_received *f)
{
	u32 at = 0;

	if (f->segment_count == 1)
		return gpa_ptr(f->segments[0].gpa);
	for (u32 i = 0; i < f->segment_count; i++) {
		memcpy(t->assembled + at, gpa_ptr(f->segments[i].gpa), f->segments[i].len);
		at += f->segments[i].len;
	}
	return t->assembled;
}

static void receive(struct nic_user *u, const struct nic_received *r)
{
	struct test *t = container_of(u, struct test, user);
	const u8 *data = assemble(t, r);
	struct test_frame f;
	bool good;

	/* Somebody else's frame, or what we have sent and some network gives back. */
	if (!test_frame_read(data, r->bytes, &f, &good) || f.echo == t->echo)
		return;
	good = good && (t->echo || echo_is_good(t, &f));
	if (good && t->echo)
		answer(t, &f, data);
	if (good)
		store_relaxed(&t->good, t->good + 1);
	else
		store_relaxed(&t->bad, t->bad + 1);
	console_wake();
}

static u64 came(const struct test *t)
{
	return load_relaxed(&t->good) + load_relaxed(&t->bad);
}

/* No more are under way than there are slots, so none is lost in a peer's buffers. */
static bool can_send(const struct test *t)
{
	return !t->echo && t->sent < t->count && t->sent - MIN(came(t), t->sent) < SLOTS &&
	       !list_empty(&t->free);
}

struct wait {
	const struct test *test;
	u64 came;
};

static bool something(void *ctx)
{
	const struct wait *w = ctx;

	return came(w->test) != w->came || can_send(w->test);
}

static void send_some(struct test *t)
{
	struct slot *s;

	while (can_send(t) && (s = slot_take(t)) != NULL) {
		const struct test_frame f = {
			.number = (u32)t->sent,
			.bytes = size_of(t, (u32)t->sent),
			.kind = t->kind,
			.segment = (u32)t->cut,
		};

		send(s, &f);
		t->sent++;
	}
}

/* Until all have come, or nothing comes any more. */
static int loop(struct test *t)
{
	u64 silence = t->echo ? TIME_NEVER : SILENCE_NS;

	while (came(t) < t->count) {
		struct wait w = { t, came(t) };
		int r;

		send_some(t);
		r = console_wait_for(
			something, &w, silence == TIME_NEVER ? silence : time_ns() + silence);
		if (r == -ETIMEDOUT)
			return 0;
		if (r != 0)
			return r;
	}
	return 0;
}

static void report(struct test *t, bool json, u64 us)
{
	struct json j;
	const struct rows o = { t->cli, json ? &j : NULL };

	if (json) {
		json_begin(&j, &t->cli->out);
		json_object(&j, NULL);
	}
	rows_count(&o, "sent", t->sent);
	rows_count(&o, "good", t->good);
	rows_count(&o, "bad", t->bad);
	rows_count(&o, "send_errors", t->errors);
	rows_count(&o, "dropped", t->dropped);
	rows_time(&o, "time", us / 1000);
	if (json) {
		json_close(&j);
		json_end(&j);
	}
}

static void slots_free(struct test *t)
{
	for (u32 i = 0; i < SLOTS; i++) {
		if (t->slots[i].data != NULL)
			(void)page_free(t->slots[i].data, SLOT_ORDER);
	}
	if (t->assembled != NULL)
		(void)page_free(t->assembled, SLOT_ORDER);
}

static int slots_make(struct test *t)
{
	list_init(&t->free);
	t->assembled = page_alloc(SLOT_ORDER);
	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &t->slots[i];

		s->test = t;
		s->data = page_alloc(SLOT_ORDER);
		if (s->data == NULL)
			return -ENOMEM;
		list_push_back(&t->free, &s->link);
	}
	return t->assembled != NULL ? 0 : -ENOMEM;
}

static int exchange(struct test *t, bool json)
{
	u64 start = time_ns();
	int r = nic_open(t->nic, &t->user);

	if (r != 0)
		return cli_error_errno(t->cli, r, t->nic->name);
	r = loop(t);
	nic_close(t->nic);
	wait_event(&idle, load_acquire(&t->busy) == 0);
	report(t, json, (time_ns() - start) / NS_PER_US);
	return r;
}

static int parse_size(struct cli *cli, const struct cli_args *args, struct test *t)
{
	u64 max = t->kind == TEST_FRAME_TCP ? NIC_TSO_MAX : NIC_MTU_MAX + NIC_HEADER;
	const char *text = args_value(args, "size");
	const char *to = args_value(args, "to-size");
	int r;

	t->size_min = SIZE_DEFAULT;
	if (text != NULL &&
		(r = cli_number(cli, "size", text, TEST_FRAME_MIN, max, &t->size_min)) != 0)
		return r;
	t->size_max = t->size_min;
	return to != NULL ? cli_number(cli, "to-size", to, t->size_min, max, &t->size_max) : 0;
}

static int parse(struct cli *cli, const struct cli_args *args, struct test *t)
{
	const char *send = args_value(args, "send"), *echo = args_value(args, "echo");
	const char *pieces = args_value(args, "pieces"), *cut = args_value(args, "cut");
	int r;

	if ((send != NULL) == (echo != NULL))
		return cli_error(cli, -EINVAL, "nic test: one of --send and --echo, please");
	t->echo = echo != NULL;
	r = cli_number(
		cli, t->echo ? "echo" : "send", t->echo ? echo : send, 1, COUNT_MAX, &t->count);
	if (r != 0)
		return r;
	t->pieces = 1;
	if (pieces != NULL &&
		(r = cli_number(cli, "pieces", pieces, 1, NIC_SEGMENTS_MAX, &t->pieces)) != 0)
		return r;
	if (cut != NULL && (r = cli_number(cli, "cut", cut, 64, NIC_MTU_MAX - 40, &t->cut)) != 0)
		return r;
	t->kind = cut != NULL                  ? TEST_FRAME_TCP
		  : args_has(args, "checksum") ? TEST_FRAME_UDP
					       : TEST_FRAME_PLAIN;
	return parse_size(cli, args, t);
}

static int parse_and_run(struct test *t, const struct cli_args *args)
{
	const char *mtu = args_value(args, "mtu");
	u64 bytes = 0;
	int r = parse(t->cli, args, t);

	if (r == 0 && mtu != NULL)
		r = cli_number(t->cli, "mtu", mtu, 68, t->nic->max_mtu, &bytes);
	if (r != 0)
		return r;
	if (mtu != NULL)
		r = nic_set_mtu(t->nic, (u32)bytes);
	if (r == 0)
		r = slots_make(t);
	if (r != 0)
		return cli_error_errno(t->cli, r, "nic test");
	return exchange(t, args_has(args, "json"));
}

static int run_test(struct cli *cli, const struct cli_args *args)
{
	struct nic *n = cmd_nic_find(cli, args->words[0]);
	struct test *t;
	int r;

	if (n == NULL)
		return -ENODEV;
	t = kzalloc(sizeof(*t));
	if (t == NULL)
		return cli_error_errno(cli, -ENOMEM, "nic test");
	t->user.receive = receive;
	t->cli = cli;
	t->nic = n;
	memset(t->peer, 0xff, sizeof(t->peer));
	r = parse_and_run(t, args);
	slots_free(t);
	kfree(t);
	return r;
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
	.usage = "[OPTION...] NIC",
	.help = "exchange frames with a test program at the other end",
	.more = "For whoever tests a driver; the peer is tests/e2e/frames.py. Sending ends when "
		"all\n"
		"echoes have come, or none for 10 s. good, bad: frames that came, and were, or "
		"were\n"
		"not, what they should be.",
	.min_words = 1,
	.max_words = 1,
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_test,
	.complete = complete_nic,
};
