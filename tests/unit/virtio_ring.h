/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue, for host tests: takes chains, checks
 * them, and gives them back, rightly or as wrongly as a test wants. Written from the
 * specification's numbers, not from the driver's header. GPAs are addresses of the
 * host, so that the sanitizer sees what the device touches. VIRTIO 1.2, 2.7.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"

#define PARTS_MAX 300u

struct ring {
	u64 desc, avail, used;
	u32 size; /* 0: there is none */
	u32 vector;
	bool enabled;
	bool event_idx;
	u16 seen;  /* of the driver's ring */
	u16 given; /* of its own */
};

struct part {
	u8 *p;
	u32 len;
	bool writes;
};

struct chain {
	u16 head;
	struct part parts[PARTS_MAX];
	u32 count;
	u64 readable, writable;
};

static inline u64 ring_get(u64 at, u32 size)
{
	u64 v = 0;

	memcpy(&v, (const void *)at, size);
	return v;
}

static inline void ring_put(u64 at, u32 size, u64 v)
{
	memcpy((void *)at, &v, size);
}

static inline void chain_add(struct chain *c, u64 desc, u16 flags)
{
	struct part *part = &c->parts[c->count++];

	assert_true(c->count <= PARTS_MAX);
	*part = (struct part){ (u8 *)ring_get(desc, 8), (u32)ring_get(desc + 8, 4), flags & 2 };
	assert_true(part->len > 0);
	/* What the device writes stands behind what it reads. */
	assert_true(part->writes || c->writable == 0);
	*(part->writes ? &c->writable : &c->readable) += part->len;
}

/* @table: of @entries descriptors, begun at @index. */
static inline void chain_walk(struct chain *c, u64 table, u32 entries, u32 index, u32 limit)
{
	u16 flags;

	do {
		u64 desc = table + 16 * index;

		assert_true(index < entries);
		flags = (u16)ring_get(desc + 12, 2);
		assert_int_equal(flags & ~3u, 0);
		chain_add(c, desc, flags);
		assert_true(c->count <= limit);
		index = (u32)ring_get(desc + 14, 2);
	} while (flags & 1);
}

/* False: nothing new. */
static inline bool ring_take(struct ring *r, struct chain *c)
{
	u64 desc;

	if ((u16)ring_get(r->avail + 2, 2) == r->seen)
		return false;
	*c = (struct chain){ .head = (u16)ring_get(r->avail + 4 + 2 * (r->seen % r->size), 2) };
	r->seen++;
	assert_true(c->head < r->size);
	desc = r->desc + 16 * c->head;
	if (ring_get(desc + 12, 2) & 4) {
		u32 bytes = (u32)ring_get(desc + 8, 4);

		assert_int_equal(ring_get(desc + 12, 2), 4);
		assert_true(bytes > 0 && bytes % 16 == 0);
		chain_walk(c, ring_get(desc, 8), bytes / 16, 0, r->size);
		assert_int_equal(c->count, bytes / 16);
	} else {
		chain_walk(c, r->desc, r->size, c->head, r->size);
	}
	/* It wants to hear of the next one. */
	if (r->event_idx)
		ring_put(r->used + 4 + 8 * r->size, 2, r->seen);
	return true;
}

/* Writes an entry that is not told of yet. */
static inline void ring_write(struct ring *r, u32 ahead, u32 id, u32 len)
{
	u64 at = r->used + 4 + 8 * ((u16)(r->given + ahead) % r->size);

	ring_put(at, 4, id);
	ring_put(at + 4, 4, len);
}

/* Tells of @count entries; true: the driver wants an interrupt. */
static inline bool ring_tell(struct ring *r, u32 count)
{
	u16 before = r->given;
	u16 event;

	r->given += (u16)count;
	ring_put(r->used + 2, 2, r->given);
	if (!r->event_idx)
		return (ring_get(r->avail, 2) & 1) == 0;
	event = (u16)ring_get(r->avail + 4 + 2 * r->size, 2);
	return (u16)(r->given - event - 1) < (u16)(r->given - before);
}

static inline bool ring_give(struct ring *r, u32 id, u32 len)
{
	ring_write(r, 0, id, len);
	return ring_tell(r, 1);
}
