/* SPDX-License-Identifier: MIT */
/*
 * One request at a time for tasks, which sleep meanwhile. They wait at the queue:
 * what lies on the stack may be gone as soon as the flag is set.
 */
#include "base/assert.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/layout.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

struct wait {
	struct block_request request;
	bool done;
};

static void done(struct block_request *r)
{
	struct wait *w = container_of(r, struct wait, request);
	struct block_queue *q = r->queue;

	/* Pairs with the acquire in run(). */
	store_release(&w->done, true);
	wait_wake_all(&q->synchronous);
}

static int run(struct block_device *d, struct wait *w)
{
	w->request.done = done;
	block_submit(d, &w->request);
	wait_event(&w->request.queue->synchronous, load_acquire(&w->done));
	return w->request.error;
}

static int transfer(
	struct block_device *d, enum block_op op, u64 sector, const void *buf, u64 bytes, u32 flags)
{
	struct block_segment segment = { gpa_of(buf), (u32)bytes };
	struct wait w = { .request = { .op = op,
				  .flags = flags,
				  .sector = sector,
				  .bytes = bytes,
				  .segments = &segment,
				  .segment_count = 1 } };

	return run(d, &w);
}

bool block_is_direct(const void *buf)
{
	return (u64)buf >= ROOT_DIRECT_BASE && (u64)buf - ROOT_DIRECT_BASE < ROOT_DIRECT_SIZE;
}

/* As many requests as it takes, one after the other. */
static int transfer_all(
	struct block_device *d, enum block_op op, u64 sector, const void *buf, u64 bytes, u32 flags)
{
	const u8 *p = buf;
	int r = 0;

	assert(block_is_direct(buf));
	do {
		u64 n = MIN(bytes, BLOCK_REQUEST_MAX);

		r = transfer(d, op, sector, p, n, flags);
		p += n;
		bytes -= n;
		sector += n / d->limits.sector_size;
	} while (r == 0 && bytes > 0);
	return r;
}

int block_read(struct block_device *d, u64 sector, void *buf, u64 bytes)
{
	return transfer_all(d, BLOCK_READ, sector, buf, bytes, 0);
}

int block_write(struct block_device *d, u64 sector, const void *buf, u64 bytes, u32 flags)
{
	return transfer_all(d, BLOCK_WRITE, sector, buf, bytes, flags);
}

int block_flush(struct block_device *d)
{
	struct wait w = { .request = { .op = BLOCK_FLUSH } };

	return run(d, &w);
}
