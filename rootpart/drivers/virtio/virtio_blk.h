/* SPDX-License-Identifier: MIT */
/*
 * What the files of the driver of virtio disks share: a disk, and its queues.
 *
 * Queue i completes on VP i; the block layer's tag is the queue's slot. Locks: the layer's
 * queue, then the driver's.
 */
#pragma once

#include "rootpart/block/block.h"
#include "rootpart/drivers/virtio/virtio.h"
#include "rootpart/drivers/virtio/virtio_blk_regs.h"
#include "x86/spinlock.h"

#define VIRTIO_BLK_SLOTS           128u
#define VIRTIO_BLK_QUEUES          32u
#define VIRTIO_BLK_SEGMENTS_DIRECT 14u /* of a piece, where chains lie in the ring */
/* Descriptors of a chain that are no data: the header, the status. */
#define VIRTIO_BLK_FRAME 2u

/* What the device reads and writes besides data, for each slot. */
struct virtio_blk_command {
	struct virtio_blk_header header;
	struct virtio_blk_range range;
	u8 id[VIRTIO_BLK_ID_SIZE];
	u8 status;
	u8 unused[11];
};
static_assert(sizeof(struct virtio_blk_command) == 64);

struct virtio_blk;

struct virtio_blk_queue {
	struct virtio_queue vq; /* rings: the lock */
	struct virtio_blk *blk;
	struct virtio_blk_command *commands;
	struct spinlock lock;
	bool live;       /* it may be used */
	bool completing; /* a piece is on its way to the block layer */
};

struct virtio_blk {
	struct virtio v;
	struct block_device block;
	struct virtio_blk_queue *queues;
	u32 queue_count;
	u8 writeback; /* whether it keeps writes in a cache */
	u64 capacity; /* units of 512 bytes */
	bool broken;  /* its answers made no sense; atomic */
};

/* virtio_blk_limits.c: what the configuration says. -ENOTSUP: sectors that are not supported. */
[[nodiscard]] int virtio_blk_read_limits(struct virtio_blk *b);
u64 virtio_blk_capacity(const struct virtio *v);
/* What the device takes of a request's data, at least 1. */
u32 virtio_blk_max_segments(const struct virtio *v);

/* virtio_blk_start.c: from reset to work, not live yet; again after each reset. Tasks. */
[[nodiscard]] int virtio_blk_negotiate(struct virtio_blk *b);
[[nodiscard]] int virtio_blk_start(struct virtio_blk *b);
void virtio_blk_go_live(struct virtio_blk *b);
/* Reads the serial number, by looking for the answer; before it is live. -ETIMEDOUT. */
[[nodiscard]] int virtio_blk_read_serial(struct virtio_blk *b);
/* virtio_blk_recover.c: block_ops.recover. */
int virtio_blk_recover(struct block_device *d);

/* virtio_blk_io.c. */
extern const struct block_ops virtio_blk_ops;

/* virtio_blk_complete.c. */
void virtio_blk_queue_work(struct work *w);
void virtio_blk_config_work(struct work *w);
