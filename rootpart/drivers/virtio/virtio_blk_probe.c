/* SPDX-License-Identifier: MIT */
/*
 * Virtio disks: from a PCI function to a block device. Each root VP has a queue with
 * an interrupt of its own, as far as the device has both. VIRTIO 1.2, 5.2.5.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/virtio/virtio_blk.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"

/* 4.1.2 The second one has an older interface besides. */
#define DEVICE_BLK         0x1042u
#define DEVICE_BLK_AND_OLD 0x1001u

static bool match(const struct pci_device *dev)
{
	return dev->vendor == VIRTIO_VENDOR &&
	       (dev->device == DEVICE_BLK || dev->device == DEVICE_BLK_AND_OLD);
}

/* Without a vector for each there is one queue. */
static u32 queues_wanted(const struct virtio *v)
{
	u32 count = MIN(cpu_count, VIRTIO_BLK_QUEUES);

	if (!virtio_has(v, VIRTIO_BLK_F_MQ))
		return 1;
	count = MIN(count, (u32)virtio_config_read(v, VIRTIO_BLK_NUM_QUEUES, 2));
	count = MIN(count, virtio_queue_limit(v));
	while (count > 1 && !virtio_has_vectors(v, count))
		count--;
	return MAX(count, 1u);
}

/* Without tables long chains would leave few slots. */
static u32 chain_length(const struct virtio *v)
{
	u32 max =
		virtio_has(v, VIRTIO_F_INDIRECT_DESC) ? VIRTQ_SIZE_MAX : VIRTIO_BLK_SEGMENTS_DIRECT;

	return MIN(max, virtio_blk_max_segments(v)) + VIRTIO_BLK_FRAME;
}

static u32 commands_order(const struct virtio_blk_queue *q)
{
	return page_order(q->vq.q.slots * sizeof(struct virtio_blk_command));
}

static int open_queue(struct virtio_blk *b, u32 i)
{
	struct virtio_blk_queue *q = &b->queues[i];
	int error = virtio_queue_alloc(
		&b->v, &q->vq, i, VIRTIO_BLK_SLOTS, chain_length(&b->v), virtio_blk_queue_work);

	if (error != 0)
		return error;
	b->queue_count++;
	q->blk = b;
	q->vq.vp = i;
	if (q->vq.q.chain <= VIRTIO_BLK_FRAME)
		return -ENOTSUP;
	q->commands = page_alloc_zeroed(commands_order(q));
	return q->commands != NULL ? 0 : -ENOMEM;
}

/* All queues are alike for the layer: as deep, and as long in chains, as the least of them. */
static void read_depth(struct virtio_blk *b)
{
	struct block_device *d = &b->block;

	d->queue_count = b->queue_count;
	d->depth = b->queues[0].vq.q.slots;
	for (u32 i = 1; i < b->queue_count; i++) {
		const struct virtq *q = &b->queues[i].vq.q;

		d->depth = MIN(d->depth, q->slots);
		d->limits.max_segments =
			MIN(d->limits.max_segments, (u32)q->chain - VIRTIO_BLK_FRAME);
	}
}

static int open_queues(struct virtio_blk *b)
{
	u32 count = queues_wanted(&b->v);
	int error = 0;

	b->queues = kzalloc(count * sizeof(*b->queues));
	if (b->queues == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < count && error == 0; i++)
		error = open_queue(b, i);
	if (error == 0)
		error = virtio_blk_read_limits(b);
	if (error == 0)
		read_depth(b);
	return error;
}

static int open_all(struct virtio_blk *b)
{
	int error = virtio_blk_negotiate(b);

	if (error == 0)
		error = open_queues(b);
	if (error == 0)
		error = virtio_irqs_request(&b->v, virtio_blk_config_work);
	if (error == 0)
		error = virtio_blk_start(b);
	if (error == 0)
		error = virtio_blk_read_serial(b);
	if (error == 0)
		error = block_register(&b->block, false);
	if (error == 0)
		virtio_blk_go_live(b);
	return error;
}

static void close_all(struct virtio_blk *b)
{
	virtio_close(&b->v);
	for (u32 i = 0; i < b->queue_count; i++)
		if (b->queues[i].commands != NULL)
			(void)page_free(b->queues[i].commands, commands_order(&b->queues[i]));
	kfree(b->queues);
	kfree(b);
}

static int probe(struct pci_device *dev)
{
	struct virtio_blk *b = kzalloc(sizeof(*b));
	int error;

	if (b == NULL)
		return -ENOMEM;
	b->block = (struct block_device){
		.driver = "virtio_blk",
		.model = "virtio",
		.ops = &virtio_blk_ops,
		.driver_data = b,
	};
	error = virtio_open(&b->v, dev, "virtio_blk");
	if (error == 0)
		error = open_all(b);
	if (error != 0)
		close_all(b);
	else
		dev->driver_data = b;
	return error;
}

/* One that is silent even now is given up by the layer. */
static void shut_down(struct pci_device *dev)
{
	struct virtio_blk *b = dev->driver_data;
	char name[PCI_NAME_SIZE];
	int error = b->block.limits.write_cache ? block_flush(&b->block) : 0;

	if (error != 0)
		log_printf("virtio_blk: %s: its cache is not flushed: %s", pci_name(dev, name),
			errno_text(error));
}

const struct pci_driver virtio_blk_driver = {
	.name = "virtio_blk",
	.match = match,
	.probe = probe,
	.shutdown = shut_down,
};
