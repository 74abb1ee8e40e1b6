/* SPDX-License-Identifier: MIT */
/*
 * A ring with both of our ends, which write and read as the input says; and with an end of somebody else's, who writes
 * whatever it says to any word that both share. As long as nobody has done that, each packet comes as it was sent, and
 * signals are those that somebody waits for; from then on both ends stay within the ring and their own memory.
 * sources: vmbus/ring.c lib/string.c
 */
#include <stdlib.h>

#include "base/errno.h"
#include "tests/fuzz/fuzz_input.h"
#include "vmbus/ring.h"

#define PAGE  4096u
#define PAGES 2u
#define SIZE  (PAGES * PAGE)
#define QUEUE 512u /* more than fit */

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { WRITE, READ, READ_LITTLE, RELEASE, SIGNALS, CONTROL, BYTES, STEPS };

struct sent {
	u32 header, payload;
	u64 transaction;
	u8 first;
};

static struct fuzz_input input;
static struct vmbus_ring_control *control;
static u8 *pages[PAGES];
static struct vmbus_ring out, in;
static struct sent queue[QUEUE];
static u32 head, tail;
static bool honest, waits_for_room;

static void must(bool it)
{
	if (!it)
		__builtin_trap();
}

static bool is_index(u32 index)
{
	return index < SIZE && index % 8 == 0;
}

static void write_one(void)
{
	static u8 bytes[2 * SIZE];
	struct sent s = { .header = input_u8(&input) % 8 * 8,
		.payload = input_u16(&input) % (SIZE + 64),
		.transaction = input_u8(&input) + 1u };
	struct vmbus_message m = { .type = VMBUS_PACKET_INBAND,
		.transaction = s.transaction,
		.header = { bytes, s.header },
		.payload = { bytes + s.header, s.payload } };
	bool was_empty = head == tail, masked = control->interrupt_mask != 0;
	int r;

	s.first = (u8)(s.transaction * 3);
	for (u32 i = 0; i < s.header + s.payload; i++)
		bytes[i] = (u8)(s.first + i);
	r = vmbus_ring_write(&out, &m);
	must(r == 0 || r == 1 || r == -EAGAIN || r == -EMSGSIZE || (r == -EPROTO && !honest));
	must(is_index(out.index));
	if (!honest)
		return;
	waits_for_room = r == -EAGAIN || (waits_for_room && r == -EMSGSIZE);
	if (r < 0)
		return;
	must(r == (was_empty && !masked && in.published == in.index));
	queue[head++ % QUEUE] = s;
	must(head - tail < QUEUE);
}

static void check_sent(const struct sent *s, const struct vmbus_packet *p, const u8 *buf, int r)
{
	u32 bytes = s->header + s->payload;

	must(p->transaction == s->transaction && p->type == VMBUS_PACKET_INBAND);
	must(p->header == 16 + s->header && p->length == 16 + ((bytes + 7) & ~7u));
	for (u32 i = 0; r == 1 && i < bytes; i++)
		must(buf[16 + i] == (u8)(s->first + i));
}

/* The buffer is just so long that a byte too much is seen. */
static void read_one(u32 room)
{
	struct vmbus_packet p;
	u8 *buf = malloc(room);
	u32 before = in.index;
	int r;

	must(buf != NULL);
	r = vmbus_ring_read(&in, &p, buf, room);
	must(is_index(in.index));
	if (r == 1)
		must(p.length <= room);
	if (r == 1 || r == -EMSGSIZE)
		must(p.header >= 16 && p.header <= p.length && in.index != before);
	else
		must((r == 0 || (r == -EPROTO && !honest)) && in.index == before);
	if (honest) {
		must((r == 0) == (head == tail));
		if (r != 0)
			check_sent(&queue[tail++ % QUEUE], &p, buf, r);
	}
	free(buf);
}

static void release_room(void)
{
	bool moved = in.published != in.index;
	int r = vmbus_ring_release(&in);

	must(r == 0 || r == 1 || (r == -EPROTO && !honest));
	must(in.published == in.index || r == -EPROTO);
	if (!honest)
		return;
	/* Told if it waits, and when there is what it waits for: not before, and never not. */
	must(r == 0 || (moved && waits_for_room));
	if (r == 1)
		waits_for_room = false;
	must(!waits_for_room ||
		SIZE - (out.index - in.published + SIZE) % SIZE <= control->pending_send);
}

static void change(u32 step)
{
	u32 at = input_u16(&input), words[2];

	honest = false;
	if (step == CONTROL) {
		((u32 *)control)[at % 5 < 4 ? at % 5 : 16] = input_u32(&input);
		return;
	}
	input_bytes(&input, words, sizeof(words));
	at %= SIZE / 8;
	memcpy(pages[at / (PAGE / 8)] + at % (PAGE / 8) * 8, words, sizeof(words));
}

static void make(void)
{
	control = calloc(1, sizeof(*control));
	must(control != NULL);
	control->features = VMBUS_RING_PENDING_SEND;
	for (u32 i = 0; i < PAGES; i++) {
		pages[i] = calloc(1, PAGE);
		must(pages[i] != NULL);
	}
	head = tail = 0;
	honest = true;
	waits_for_room = false;
	must(vmbus_ring_init(&out, control, pages, PAGES) == 0);
	must(vmbus_ring_init(&in, control, pages, PAGES) == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	input = (struct fuzz_input){ data, size };
	make();
	while (input.left > 0) {
		u32 step = input_u8(&input) % STEPS;

		if (step == WRITE)
			write_one();
		else if (step == READ)
			read_one(SIZE + 64);
		else if (step == READ_LITTLE)
			read_one(16 + input_u8(&input));
		else if (step == RELEASE)
			release_room();
		else if (step == SIGNALS)
			vmbus_ring_want_signals(&in, input_u8(&input) & 1);
		else
			change(step);
	}
	free(control);
	for (u32 i = 0; i < PAGES; i++)
		free(pages[i]);
	return 0;
}
