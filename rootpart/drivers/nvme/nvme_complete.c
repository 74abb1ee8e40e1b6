/* SPDX-License-Identifier: MIT */
/*
 * Answers: from the interrupt by work to the block layer. What the controller
 * says is checked: an id that is no command's under way ends nothing, but a
 * reset is asked for.
 */
#include "base/errno.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "x86/atomic.h"
#include "x86/mmio.h"

#define ID_INDEX(id)      ((id)&0xffu)
#define ID_GENERATION(id) ((u8)((id) >> 8))

struct status_row {
	u32 code;
	int error;
};

/* The others are -EIO. */
static const struct status_row statuses[] = {
	{ NVME_SUCCESS, 0 },
	{ NVME_INVALID_OPCODE, -ENOTSUP },
	{ NVME_WRITE_PROTECTED, -EROFS },
	{ NVME_READ_ONLY, -EROFS },
	{ NVME_LBA_OUT_OF_RANGE, -EINVAL },
	{ NVME_CAPACITY_EXCEEDED, -ENOSPC },
};

int nvme_error(u16 status)
{
	for (u32 i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == NVME_STATUS_CODE(status))
			return statuses[i].error;
	return -EIO;
}

static void broken(struct nvme *n)
{
	char name[PCI_NAME_SIZE];

	if (atomic_exchange(&n->broken, true))
		return;
	log_printf("nvme: %s: it answered what it was not asked", pci_name(n->pci, name));
	for (u32 i = 0; i < n->namespace_count; i++)
		block_ask_recover(&n->namespaces[i]->block);
}

/* The slot that an answer is for; NULL: none. Lock held. */
static struct nvme_slot *slot_of(struct nvme_queue *q, const struct nvme_completion *c)
{
	u32 index = ID_INDEX(c->id);
	struct nvme_slot *slot = &q->slots[index < q->slot_count ? index : 0];

	if (c->sq_id != q->id || index >= q->slot_count || slot->state != NVME_BUSY ||
		slot->generation != ID_GENERATION(c->id))
		return NULL;
	return slot;
}

/* A piece that has ended. */
struct ended {
	struct nvme_slot *slot; /* NULL: the answer made no sense */
	u16 status;
};

/* The next answer, while the queue is live. completing: recovery waits for the piece's end. */
static bool take(struct nvme_queue *q, struct ended *out)
{
	u64 flags = lock_irq(&q->lock);
	struct nvme_completion c;
	bool there = q->live && nvme_queue_pop(q, &c);

	q->completing = false;
	if (there) {
		*out = (struct ended){ slot_of(q, &c), c.status };
		q->completing = out->slot != NULL;
		if (out->slot != NULL)
			out->slot->state = NVME_FREE;
	}
	unlock_irq(&q->lock, flags);
	return there;
}

/* Tags of the namespaces lie one behind the other. */
static void end_piece(struct nvme_queue *q, const struct ended *e)
{
	const struct nvme *n = q->nvme;
	u32 index = (u32)(e->slot - q->slots);
	u32 depth = n->namespaces[0]->block.depth;

	block_piece_done(&n->namespaces[index / depth]->block, q->id - 1, index % depth,
		nvme_error(e->status));
}

/* The answers are read; a pin may interrupt again. */
static void settle(struct nvme_queue *q)
{
	u64 flags = lock_irq(&q->lock);

	q->completing = false;
	if (q->live) {
		nvme_queue_ring_head(q);
		if (q->nvme->pin)
			mmio_write32(q->nvme->regs + NVME_INTMC, 1);
	}
	unlock_irq(&q->lock, flags);
}

/* As many answers as there can be; more of them come in the next round. */
void nvme_queue_work(struct work *w)
{
	struct nvme_queue *q = container_of(w, struct nvme_queue, work);
	struct ended e;
	u32 left = q->entries;

	while (left > 0 && take(q, &e)) {
		left--;
		if (e.slot != NULL)
			end_piece(q, &e);
		else
			broken(q->nvme);
	}
	if (left == 0)
		work_ask(w);
	settle(q);
}

/* A pin may be another device's: then no answer waits. */
void nvme_interrupt(void *ctx)
{
	struct nvme_queue *q = ctx;

	if (q->nvme->pin) {
		if (!nvme_queue_ready(q))
			return;
		mmio_write32(q->nvme->regs + NVME_INTMS, 1);
	}
	work_ask(&q->work);
}
