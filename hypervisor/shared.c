/* SPDX-License-Identifier: MIT */
/*
 * Pages shared read-only with the root.
 */
#include "hypervisor/shared.h"

#include "base/assert.h"
#include "boot/trace_ring.h"
#include "hypervisor/frame.h"
#include "hypervisor/log.h"
#include "hypervisor/pool.h"

static struct log_ring *log_pages;
static u8 *trace_pages;

void *shared_alloc(u64 pages)
{
	void *p = pool_alloc(pages);

	if (p)
		frame_mark(virt_to_spa(p), pages * PAGE_SIZE, FRAME_SHARED, 0);
	return p;
}

void shared_rings_init(u32 cpus)
{
	u32 records = (SHARED_TRACE_SIZE - sizeof(struct trace_ring)) / sizeof(struct trace_record);

	/* A power of two, so that an index is a mask. */
	while (records & (records - 1))
		records &= records - 1;
	log_pages = shared_alloc((SHARED_LOG_SIZE + PAGE_SIZE) / PAGE_SIZE);
	trace_pages = shared_alloc(cpus * SHARED_TRACE_SIZE / PAGE_SIZE);
	assert(log_pages && trace_pages);
	log_ring_move(log_pages, SHARED_LOG_SIZE);
	for (u32 i = 0; i < cpus; i++) {
		struct trace_ring *ring = shared_trace_ring(i);

		ring->magic = TRACE_RING_MAGIC;
		ring->size = records;
	}
}

struct trace_ring *shared_trace_ring(u32 cpu)
{
	return (struct trace_ring *)(void *)(trace_pages + (u64)cpu * SHARED_TRACE_SIZE);
}

u64 shared_log_spa(void)
{
	return virt_to_spa(log_pages).a;
}

u64 shared_trace_spa(void)
{
	return virt_to_spa(trace_pages).a;
}
