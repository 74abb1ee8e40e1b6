/* SPDX-License-Identifier: MIT */
/*
 * Copies in and out by pages, and the indices. Order: the producer's bytes before its index
 * (release, acquire by the consumer); the consumer's copies before its index likewise. Who
 * decides about a signal has published its own side before it looks at the other's (a full
 * fence), as the other has: one of both sees the other's change.
 */
#include "vmbus/ring.h"

#include "base/errno.h"
#include "lib/string.h"
#include "x86/atomic.h"

#define PAGE    4096u
#define UNIT    8u
#define TRAILER UNIT
#define HEAD    ((u32)sizeof(struct vmbus_descriptor))
#define LONGEST 0xffffu /* units */

static_assert(sizeof(struct vmbus_ring_control) == PAGE);

static bool is_index(const struct vmbus_ring *r, u32 index)
{
	return index < r->size && index % UNIT == 0;
}

int vmbus_ring_init(
	struct vmbus_ring *r, struct vmbus_ring_control *control, u8 *const *pages, u32 count)
{
	*r = (struct vmbus_ring){ .control = control, .pages = pages, .size = count * PAGE };
	/* Both ends begin an empty ring. */
	r->index = load_acquire(&control->read);
	r->published = r->index;
	return is_index(r, r->index) && load_acquire(&control->write) == r->index ? 0 : -EPROTO;
}

int vmbus_ring_resume(struct vmbus_ring *r, struct vmbus_ring_control *control, u8 *const *pages,
	u32 count, u32 index, u32 published)
{
	*r = (struct vmbus_ring){ .control = control,
		.pages = pages,
		.size = count * PAGE,
		.index = index,
		.published = published };
	return is_index(r, index) && is_index(r, published) ? 0 : -EPROTO;
}

/* Bytes from @from to @to, round the ring. */
static u32 distance(const struct vmbus_ring *r, u32 from, u32 to)
{
	return to >= from ? to - from : r->size - (from - to);
}

static u32 advance(const struct vmbus_ring *r, u32 index, u32 bytes)
{
	u32 left = r->size - index;

	return bytes < left ? index + bytes : bytes - left;
}

u32 vmbus_ring_used(const struct vmbus_ring *r)
{
	u32 read = load_relaxed(&r->control->read), write = load_relaxed(&r->control->write);

	return is_index(r, read) && is_index(r, write) ? distance(r, read, write) : 0;
}

static void copy_out(const struct vmbus_ring *r, u32 at, void *to, u32 len)
{
	u8 *p = to;

	while (len > 0) {
		u32 in = at % PAGE, n = MIN(len, PAGE - in);

		memcpy(p, r->pages[at / PAGE] + in, n);
		p += n;
		len -= n;
		at = advance(r, at, n);
	}
}

/* Returns where it ends. */
static u32 copy_in(const struct vmbus_ring *r, u32 at, const void *from, u32 len)
{
	const u8 *p = from;

	while (len > 0) {
		u32 in = at % PAGE, n = MIN(len, PAGE - in);

		memcpy(r->pages[at / PAGE] + in, p, n);
		p += n;
		len -= n;
		at = advance(r, at, n);
	}
	return at;
}

s64 vmbus_ring_waiting(const struct vmbus_ring *r)
{
	u32 write = load_acquire(&r->control->write);

	return is_index(r, write) ? (s64)distance(r, r->index, write) : -EPROTO;
}

/* What @d says, if it makes sense with @waiting bytes in the ring. */
static bool describe(const struct vmbus_descriptor *d, u32 waiting, struct vmbus_packet *p)
{
	*p = (struct vmbus_packet){ .type = d->type,
		.flags = d->flags,
		.transaction = d->transaction,
		.header = d->header8 * UNIT,
		.length = d->length8 * UNIT };
	return p->length >= HEAD && p->header >= HEAD && p->header <= p->length &&
	       p->length + TRAILER <= waiting;
}

int vmbus_ring_read(struct vmbus_ring *r, struct vmbus_packet *p, void *buf, u32 size)
{
	s64 waiting = vmbus_ring_waiting(r);
	struct vmbus_descriptor d;
	u32 at = r->index;

	if (waiting <= 0)
		return (int)waiting;
	if (waiting < HEAD + TRAILER)
		return -EPROTO;
	copy_out(r, at, &d, HEAD);
	if (!describe(&d, (u32)waiting, p))
		return -EPROTO;
	r->index = advance(r, at, p->length + TRAILER);
	if (p->length > size)
		return -EMSGSIZE;
	/* The descriptor as it was checked; the rest may be anything, and is only data. */
	memcpy(buf, &d, HEAD);
	copy_out(r, advance(r, at, HEAD), (u8 *)buf + HEAD, p->length - HEAD);
	return 1;
}

int vmbus_ring_release(struct vmbus_ring *r)
{
	struct vmbus_ring_control *c = r->control;
	u32 pending, write, before, after;

	if (r->published == r->index)
		return 0;
	store_release(&c->read, r->index);
	memory_fence();
	pending = load_relaxed(&c->pending_send) & ~(UNIT - 1);
	if (pending == 0 || !(load_relaxed(&c->features) & VMBUS_RING_PENDING_SEND)) {
		r->published = r->index;
		return 0;
	}
	write = load_acquire(&c->write);
	if (!is_index(r, write))
		return -EPROTO;
	before = r->size - distance(r, r->published, write);
	after = r->size - distance(r, r->index, write);
	r->published = r->index;
	return before <= pending && after > pending;
}

void vmbus_ring_want_signals(struct vmbus_ring *r, bool want)
{
	store_relaxed(&r->control->interrupt_mask, want ? 0 : 1);
	memory_fence();
}

static u32 message_bytes(const struct vmbus_message *m)
{
	return HEAD + m->header.len + (u32)ALIGN_UP(m->payload.len, UNIT);
}

/* True if there is room for @need bytes at the moment, and one more: a full ring would look empty. */
static bool has_room(const struct vmbus_ring *r, u32 read, u32 need)
{
	return r->size - distance(r, read, r->index) > need;
}

/* 0; -EAGAIN, with the consumer asked to signal; -EPROTO. */
static int find_room(struct vmbus_ring *r, u32 need)
{
	struct vmbus_ring_control *c = r->control;
	u32 read = load_acquire(&c->read);

	if (!is_index(r, read))
		return -EPROTO;
	if (has_room(r, read, need))
		return 0;
	store_relaxed(&c->pending_send, need);
	memory_fence();
	/* It may have read before it saw that. */
	read = load_acquire(&c->read);
	if (!is_index(r, read))
		return -EPROTO;
	return has_room(r, read, need) ? 0 : -EAGAIN;
}

/* Whether the consumer, to which the ring was empty at @begin, has to be told. */
static int publish(struct vmbus_ring *r, u32 begin)
{
	struct vmbus_ring_control *c = r->control;

	store_release(&c->write, r->index);
	memory_fence();
	return load_relaxed(&c->interrupt_mask) == 0 && load_relaxed(&c->read) == begin;
}

int vmbus_ring_write(struct vmbus_ring *r, const struct vmbus_message *m)
{
	static const u8 zeroes[UNIT];
	u32 length = message_bytes(m), begin = r->index, at;
	struct vmbus_descriptor d = { .type = m->type,
		.header8 = (u16)((HEAD + m->header.len) / UNIT),
		.length8 = (u16)(length / UNIT),
		.flags = m->flags,
		.transaction = m->transaction };
	u64 trailer = (u64)begin << 32;
	int error;

	if (m->header.len > r->size || m->payload.len > r->size || length / UNIT > LONGEST ||
		length + TRAILER >= r->size)
		return -EMSGSIZE;
	error = find_room(r, length + TRAILER);
	if (error != 0)
		return error;
	store_relaxed(&r->control->pending_send, 0);
	at = copy_in(r, begin, &d, HEAD);
	at = copy_in(r, at, m->header.data, m->header.len);
	at = copy_in(r, at, m->payload.data, m->payload.len);
	at = copy_in(r, at, zeroes, length - HEAD - m->header.len - m->payload.len);
	r->index = copy_in(r, at, &trailer, TRAILER);
	return publish(r, begin);
}
