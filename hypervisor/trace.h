/* SPDX-License-Identifier: MIT */
/*
 * Binary trace, always on: a record costs some ten instructions. Written by
 * each processor to its own ring; layout in boot/trace_ring.h.
 */
#pragma once

#include "base/types.h"
#include "boot/trace_ring.h"
#include "x86/atomic.h"

struct vp;

/* @vp may be NULL. Interrupts off. */
void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b);

/*
 * The same for a caller that has the ring of its processor, the time and the
 * VP's tag (vp->tag) at hand.
 */
static inline void trace_record(
	struct trace_ring *ring, u64 tsc, u64 tag, enum trace_event event, u64 a, u64 b)
{
	u64 head = ring->head;
	struct trace_record *r = &ring->records[head & (ring->size - 1)];

	r->tsc = tsc;
	r->event = event;
	r->partition = (u16)tag;
	r->vp = (u16)(tag >> 16);
	r->a = a;
	r->b = b;
	/* Pairs with the root's acquire of head before it reads the record. */
	store_release(&ring->head, head + 1);
}
