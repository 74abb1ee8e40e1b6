/* SPDX-License-Identifier: MIT */
/*
 * Slots, which are frames of ours, go from the list of free ones through the NIC and
 * back. See nic_exchange.h.
 */
#include "rootpart/cli/nic_exchange.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/console_input.h"
#include "rootpart/heap.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

/* Outlives the exchange: who ends the last frame wakes when that may be gone. */
static struct wait_queue idle = WAIT_QUEUE_INIT(idle);

static struct exchange_slot *slot_take(struct exchange *t)
{
	u64 flags = lock_irq(&t->lock);
	struct list_node *n = list_pop_front(&t->free);

	unlock_irq(&t->lock, flags);
	if (n == NULL)
		return NULL;
	(void)atomic_fetch_add(&t->busy, 1u);
	return list_entry(n, struct exchange_slot, link);
}

static void slot_done(struct nic_frame *f)
{
	struct exchange_slot *s = container_of(f, struct exchange_slot, frame);
	struct exchange *t = s->exchange;
	u64 flags;

	if (f->error != 0)
		store_relaxed(&t->errors, t->errors + 1);
	flags = lock_irq(&t->lock);
	list_push_back(&t->free, &s->link);
	unlock_irq(&t->lock, flags);
	if (!t->options->echo)
		console_wake();
	/* Pairs with the acquire in exchange_close(): it may be freed then. */
	if (atomic_fetch_add(&t->busy, ~0u) == 1)
		wait_wake_all(&idle);
}

/* Cuts the slot's @bytes into pieces of different odd sizes. */
static u32 cut_up(struct exchange_slot *s, u32 bytes, u32 pieces)
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

static void send(struct exchange_slot *s, const struct test_frame *f)
{
	struct exchange *t = s->exchange;

	s->frame = (struct nic_frame){ .done = slot_done, .segments = s->segments };
	test_frame_make(s->data, f, t->nic->mac, t->peer, &s->frame.offload);
	s->frame.segment_count = cut_up(s, f->bytes, (u32)t->options->pieces);
	s->frame.bytes = f->bytes;
	nic_send(t->nic, &s->frame);
}

static u32 size_of(const struct exchange *t, u32 number)
{
	const struct exchange_options *o = t->options;

	return (u32)(o->size_min + number % (o->size_max - o->size_min + 1));
}

/* An echo has the size of what was sent, but of what was cut it is short. */
static bool echo_is_good(const struct exchange *t, const struct test_frame *f)
{
	bool cut = t->options->kind == TEST_FRAME_TCP;

	return f->bytes == (cut ? TEST_FRAME_MIN : size_of(t, f->number)) &&
	       f->number < t->options->count;
}

static void answer(struct exchange *t, const struct test_frame *f, const u8 *data)
{
	struct exchange_slot *s = slot_take(t);
	struct test_frame e = *f;

	if (s == NULL) {
		store_relaxed(&t->dropped, t->dropped + 1);
		return;
	}
	memcpy(t->peer, data + 6, sizeof(t->peer));
	e.echo = true;
	send(s, &e);
}

static const u8 *assemble(struct exchange *t, const struct nic_received *f)
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

u64 exchange_came(const struct exchange *t)
{
	u64 unsent = t->options->echo ? 0 : load_relaxed(&t->errors);

	return load_relaxed(&t->good) + load_relaxed(&t->bad) + unsent;
}

bool exchange_is_done(const struct exchange *t)
{
	return exchange_came(t) >= t->options->count;
}

static void receive(struct nic_user *u, const struct nic_received *r)
{
	struct exchange *t = container_of(u, struct exchange, user);
	bool echo = t->options->echo, good;
	const u8 *data = assemble(t, r);
	struct test_frame f;

	/* Somebody else's frame, or what we have sent and some network gives back. */
	if (!test_frame_read(data, r->bytes, &f, &good) || f.echo == echo)
		return;
	good = good && (echo || echo_is_good(t, &f));
	if (good && echo)
		answer(t, &f, data);
	if (good)
		store_relaxed(&t->good, t->good + 1);
	else
		store_relaxed(&t->bad, t->bad + 1);
	if (!echo || exchange_is_done(t))
		console_wake();
}

bool exchange_can_send(const struct exchange *t)
{
	return !t->options->echo && t->sent < t->options->count &&
	       t->sent - MIN(exchange_came(t), t->sent) < EXCHANGE_WINDOW && !list_empty(&t->free);
}

void exchange_send_some(struct exchange *t)
{
	struct exchange_slot *s;

	while (exchange_can_send(t) && (s = slot_take(t)) != NULL) {
		const struct test_frame f = {
			.number = (u32)t->sent,
			.bytes = size_of(t, (u32)t->sent),
			.kind = t->options->kind,
			.segment = (u32)t->options->cut,
		};

		send(s, &f);
		t->sent++;
	}
}

/* The peer may begin. */
static void send_ready(struct exchange *t)
{
	static const struct test_frame ready = {
		.number = TEST_FRAME_READY, .bytes = TEST_FRAME_MIN, .echo = true
	};

	send(slot_take(t), &ready);
}

void exchange_close(struct exchange *t)
{
	if (t->open)
		nic_close(t->nic);
	wait_event(&idle, load_acquire(&t->busy) == 0);
	for (u32 i = 0; i < EXCHANGE_SLOTS; i++) {
		if (t->slots[i].data != NULL)
			(void)page_free(t->slots[i].data, t->order);
	}
	if (t->assembled != NULL)
		(void)page_free(t->assembled, t->order);
	kfree(t);
}

/* A block holds what is sent, or whatever may come. */
static u32 order_of(const struct exchange *t)
{
	const struct exchange_options *o = t->options;
	u64 largest = MAX(o->mtu, load_relaxed(&t->nic->mtu)) + NIC_HEADER + NIC_TAG;

	return page_order(o->echo ? largest : MAX(largest, o->size_max));
}

static int make_slots(struct exchange *t)
{
	u32 count = t->options->echo ? EXCHANGE_SLOTS : EXCHANGE_WINDOW;

	t->order = order_of(t);
	t->assembled = page_alloc(t->order);
	for (u32 i = 0; i < count; i++) {
		struct exchange_slot *s = &t->slots[i];

		s->exchange = t;
		s->data = page_alloc(t->order);
		if (s->data == NULL)
			return -ENOMEM;
		list_push_back(&t->free, &s->link);
	}
	return t->assembled != NULL ? 0 : -ENOMEM;
}

static int open_nic(struct exchange *t)
{
	int r = make_slots(t);

	if (r == 0)
		r = nic_open(t->nic, &t->user);
	t->open = r == 0;
	if (r == 0 && t->options->mtu != 0)
		r = nic_set_mtu(t->nic, (u32)t->options->mtu);
	if (r == 0 && t->options->echo)
		send_ready(t);
	return r;
}

int exchange_open(struct nic *n, const struct exchange_options *o, struct exchange **out)
{
	struct exchange *t = kzalloc(sizeof(*t));
	int r;

	if (t == NULL)
		return -ENOMEM;
	list_init(&t->free);
	t->user.receive = receive;
	t->nic = n;
	t->options = o;
	memset(t->peer, 0xff, sizeof(t->peer));
	r = open_nic(t);
	if (r != 0)
		exchange_close(t);
	else
		*out = t;
	return r;
}
