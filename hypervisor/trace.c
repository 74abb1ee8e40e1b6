/* SPDX-License-Identifier: MIT */
/*
 * Binary trace records.
 */
#include "hypervisor/trace.h"

#include "hypervisor/cpu.h"
#include "hypervisor/partition.h"
#include "hypervisor/vp.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

void trace(enum trace_event event, const struct vp *vp, u64 a, u64 b)
{
	struct trace_ring *ring = this_cpu()->trace;
	struct trace_record *r = &ring->records[ring->head & (ring->size - 1)];

	r->tsc = rdtsc();
	r->event = event;
	r->partition = vp ? (u16)vp->partition->id : 0;
	r->vp = vp ? (u16)vp->index : 0;
	r->a = a;
	r->b = b;
	/* Pairs with the root's acquire of head before it reads the record. */
	store_release(&ring->head, ring->head + 1);
}
