/* SPDX-License-Identifier: MIT */
/*
 * Pieces of the block layer as requests: header, data, status. VIRTIO 1.2, 5.2.6.
 */
#include "rootpart/drivers/virtio/virtio_blk.h"
#include "rootpart/page_alloc.h"

/* What is left there if the device does not write it. */
#define NO_STATUS 0xffu

static u32 type_of(enum block_op op)
{
	static const u32 types[] = {
		[BLOCK_READ] = VIRTIO_BLK_T_IN,
		[BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
		[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
		[BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD,
	};

	return types[op];
}

/* Sectors are the layer's; the device's are of 512 bytes. */
static u64 device_sector(const struct block_piece *p, const struct block_limits *l)
{
	return p->sector * (l->sector_size / VIRTIO_BLK_SECTOR);
}

static void add_range(struct virtio_blk_command *c, struct virtq_chain *chain, u64 bytes)
{
	c->range = (struct virtio_blk_range){
		.sector = c->header.sector,
		.count = (u32)(bytes / VIRTIO_BLK_SECTOR),
	};
	c->header.sector = 0;
	virtq_chain_add(chain, gpa_of(&c->range), sizeof(c->range), false);
}

static void add_data(struct virtq_chain *chain, const struct block_piece *p)
{
	for (u32 i = 0; i < p->segment_count; i++)
		virtq_chain_add(chain, p->segments[i].gpa, p->segments[i].len, p->op == BLOCK_READ);
}

static void post(struct virtio_blk_queue *q, const struct block_piece *p)
{
	struct virtio_blk_command *c = &q->commands[p->tag];
	bool ranged = p->op != BLOCK_FLUSH;
	struct virtq_chain chain;

	c->header = (struct virtio_blk_header){
		.type = type_of(p->op),
		.sector = ranged ? device_sector(p, &q->blk->block.limits) : 0,
	};
	c->status = NO_STATUS;
	virtq_chain_begin(&chain, &q->vq.q, p->tag);
	virtq_chain_add(&chain, gpa_of(&c->header), sizeof(c->header), false);
	if (p->op == BLOCK_DISCARD)
		add_range(c, &chain, p->bytes);
	else
		add_data(&chain, p);
	virtq_chain_add(&chain, gpa_of(&c->status), sizeof(c->status), true);
	virtq_post(&chain);
}

/* The layer starts nothing while the device is being reset. */
static void start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	struct virtio_blk *b = d->driver_data;
	struct virtio_blk_queue *q = &b->queues[queue];

	spin_lock(&q->lock);
	post(q, piece);
	spin_unlock(&q->lock);
}

static void kick(struct block_device *d, u32 queue)
{
	struct virtio_blk *b = d->driver_data;
	struct virtio_blk_queue *q = &b->queues[queue];

	spin_lock(&q->lock);
	if (q->live)
		virtq_kick(&q->vq.q);
	spin_unlock(&q->lock);
}

const struct block_ops virtio_blk_ops = {
	.start = start,
	.kick = kick,
	.recover = virtio_blk_recover,
};
