/* SPDX-License-Identifier: MIT */
/*
 * From reset to work: at first, and again after each reset. Tasks.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/virtio/virtio_blk.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define SERIAL_LIMIT_NS (5 * NS_PER_S)
#define LOOK_NS         (50 * NS_PER_US)

#define WANTED                                                                   \
	(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_BLK_F_SIZE_MAX |   \
		VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE | \
		VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_MQ | \
		VIRTIO_BLK_F_DISCARD)

int virtio_blk_negotiate(struct virtio_blk *b)
{
	return virtio_negotiate(&b->v, WANTED);
}

/* A reset may have brought back another cache mode than the limits know. */
int virtio_blk_start(struct virtio_blk *b)
{
	int error = virtio_queues_start(&b->v);

	if (error != 0)
		return error;
	if (virtio_has(&b->v, VIRTIO_BLK_F_CONFIG_WCE))
		virtio_config_write8(&b->v, VIRTIO_BLK_WRITEBACK, b->writeback);
	return virtio_drive(&b->v);
}

/* The layer may have pieces posted already. */
void virtio_blk_go_live(struct virtio_blk *b)
{
	virtio_run(&b->v);
	for (u32 i = 0; i < b->queue_count; i++) {
		struct virtio_blk_queue *q = &b->queues[i];
		u64 flags = lock_irq(&q->lock);

		(void)virtq_listen(&q->vq.q);
		store_release(&q->live, true);
		virtq_kick(&q->vq.q);
		unlock_irq(&q->lock, flags);
	}
}

static void post_get_id(struct virtio_blk_queue *q)
{
	struct virtio_blk_command *c = &q->commands[0];
	struct virtq_chain chain;

	c->header = (struct virtio_blk_header){ .type = VIRTIO_BLK_T_GET_ID };
	c->status = VIRTIO_BLK_S_IOERR;
	virtq_chain_begin(&chain, &q->vq.q, 0);
	virtq_chain_add(&chain, gpa_of(&c->header), sizeof(c->header), false);
	virtq_chain_add(&chain, gpa_of(c->id), sizeof(c->id), true);
	virtq_chain_add(&chain, gpa_of(&c->status), sizeof(c->status), true);
	virtq_post(&chain);
	virtq_kick(&q->vq.q);
}

/* Printable characters, up to the first that is none. */
static void copy_id(struct virtio_blk *b, const u8 *id)
{
	u32 n = 0;

	while (n < VIRTIO_BLK_ID_SIZE && id[n] > ' ' && id[n] < 0x7f) {
		b->block.serial[n] = (char)id[n];
		n++;
	}
	b->block.serial[n] = '\0';
}

int virtio_blk_read_serial(struct virtio_blk *b)
{
	struct virtio_blk_queue *q = &b->queues[0];
	u64 deadline = time_ns() + SERIAL_LIMIT_NS;
	struct virtq_done done;

	post_get_id(q);
	while (!virtq_take(&q->vq.q, &done)) {
		if (q->vq.q.broken != NULL)
			return -EIO;
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		task_sleep_ns(LOOK_NS);
	}
	/* A device need not have one. */
	if (q->commands[0].status == VIRTIO_BLK_S_OK)
		copy_id(b, q->commands[0].id);
	return 0;
}
