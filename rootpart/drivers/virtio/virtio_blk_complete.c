/* SPDX-License-Identifier: MIT */
/*
 * Answers: from a queue's work to the block layer. What makes no sense ends nothing,
 * but has the device reset.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_blk.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "x86/atomic.h"

/* A piece that has ended. */
struct ended {
	u32 tag;
	int error;
};

static int error_of(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -ENOTSUP;
	default:
		return -EIO;
	}
}

static void broken(struct virtio_blk *b, const char *why)
{
	char name[PCI_NAME_SIZE];

	if (atomic_exchange(&b->broken, true))
		return;
	log_printf("virtio_blk: %s: %s", pci_name(b->v.pci, name), why);
	block_ask_recover(&b->block);
}

/* The next answer, while the queue is live. completing: recovery waits for the piece's end. */
static bool take(struct virtio_blk_queue *q, struct ended *out, const char **why)
{
	u64 flags = lock_irq(&q->lock);
	struct virtq_done done;
	bool there = q->live && virtq_take(&q->vq.q, &done);

	q->completing = there;
	if (there)
		*out = (struct ended){ done.slot, error_of(q->commands[done.slot].status) };
	*why = q->live ? q->vq.q.broken : NULL;
	unlock_irq(&q->lock, flags);
	return there;
}

static void quiet(struct virtio_blk_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	virtq_quiet(&q->vq.q);
	unlock_irq(&q->lock, flags);
}

/* True: another answer has come meanwhile. */
static bool listen(struct virtio_blk_queue *q)
{
	u64 flags = lock_irq(&q->lock);
	bool more = q->live && q->vq.q.broken == NULL && virtq_listen(&q->vq.q);

	unlock_irq(&q->lock, flags);
	return more;
}

/* As many answers as there can be; more of them come in the next round. */
void virtio_blk_queue_work(struct work *w)
{
	struct virtio_blk_queue *q = container_of(w, struct virtio_blk_queue, vq.work);
	struct ended e;
	const char *why;
	u32 left = q->vq.q.slots;

	quiet(q);
	while (left > 0 && take(q, &e, &why)) {
		block_piece_done(&q->blk->block, q->vq.q.index, e.tag, e.error);
		left--;
	}
	if (left == 0 || listen(q))
		work_ask(w);
	else if (why != NULL)
		broken(q->blk, why);
}

/* The layer's devices do not change in size: it is said, and left at that. */
void virtio_blk_config_work(struct work *w)
{
	struct virtio_blk *b = container_of(w, struct virtio_blk, v.config);
	char name[PCI_NAME_SIZE];
	u64 capacity;

	if (!load_acquire(&b->queues[0].live))
		return;
	if (virtio_is_lost(&b->v)) {
		broken(b, "it asks for a reset");
		return;
	}
	capacity = virtio_blk_capacity(&b->v);
	if (capacity != b->capacity)
		log_printf("virtio_blk: %s: its size is another one now: not used before a reboot",
			pci_name(b->v.pci, name));
	b->capacity = capacity;
}
