/* SPDX-License-Identifier: MIT */
/*
 * A request that is not answered, or an answer that makes no sense: the device is
 * reset, which ends all that it had. A task's; the layer starts nothing meanwhile.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_blk.h"
#include "rootpart/lock.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define LOOK_NS (10 * NS_PER_US)

/* True once no piece of @q is on its way to the block layer. */
static bool stopped(struct virtio_blk_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	bool idle = !q->completing;

	store_release(&q->live, false);
	unlock_irq(&q->lock, flags);
	return idle;
}

static void stop_all(struct virtio_blk *b)
{
	for (u32 i = 0; i < b->queue_count; i++)
		while (!stopped(&b->queues[i]))
			task_sleep_ns(LOOK_NS);
}

static bool take_back(struct virtio_blk_queue *q, u32 tag)
{
	u64 flags = lock_irq(&q->lock);
	struct virtq_slot *slot = &q->vq.q.slot[tag];
	bool busy = slot->busy;

	slot->busy = false;
	unlock_irq(&q->lock, flags);
	return busy;
}

static void end_pieces(struct virtio_blk *b)
{
	for (u32 i = 0; i < b->queue_count; i++)
		for (u32 tag = 0; tag < b->block.depth; tag++)
			if (take_back(&b->queues[i], tag))
				block_piece_done(&b->block, i, tag, -ETIMEDOUT);
}

static int restart(struct virtio_blk *b)
{
	int error = virtio_blk_negotiate(b);

	if (error == 0)
		error = virtio_blk_start(b);
	if (error != 0)
		virtio_cut_off(&b->v);
	return error;
}

/* Nothing reaches memory any more before a piece is given back. */
int virtio_blk_recover(struct block_device *d)
{
	struct virtio_blk *b = d->driver_data;
	int error;

	stop_all(b);
	error = virtio_reset(&b->v);
	if (error != 0)
		virtio_cut_off(&b->v);
	end_pieces(b);
	if (error == 0)
		error = restart(b);
	if (error != 0)
		return error;
	store_release(&b->broken, false);
	virtio_blk_go_live(b);
	return 0;
}
