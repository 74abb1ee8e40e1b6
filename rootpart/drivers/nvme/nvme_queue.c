/* SPDX-License-Identifier: MIT */
/*
 * A queue pair as two rings: commands go in at the tail, answers come out at the
 * head, new ones being told by their phase, which changes each time around.
 * NVM Express 1.4, 4.1, 4.6.
 */
#include "rootpart/drivers/nvme/nvme.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"
#include "x86/mmio.h"

static u32 order_of(u64 entries, u64 size)
{
	return page_order(entries * size);
}

/* NULL: not within the BAR. */
static volatile u32 *bell(const struct nvme *n, u32 index)
{
	u64 offset = NVME_BELLS + (u64)index * (4u << NVME_CAP_DSTRD(n->cap));

	return offset + 4 <= n->regs_size ? (volatile u32 *)(n->regs + offset) : NULL;
}

static int alloc_slots(struct nvme *n, struct nvme_queue *q)
{
	q->slot_count = q->entries - 1;
	q->slots = kzalloc(q->slot_count * sizeof(*q->slots));
	q->lists = page_alloc(order_of(q->slot_count, n->list_size));
	return q->slots != NULL && q->lists != NULL ? 0 : -ENOMEM;
}

int nvme_queue_alloc(struct nvme *n, struct nvme_queue *q, u32 id, u32 entries)
{
	*q = (struct nvme_queue){ .nvme = n, .id = id };
	q->entries = MIN(entries, NVME_CAP_MQES(n->cap));
	q->tail_bell = bell(n, 2 * id);
	q->head_bell = bell(n, 2 * id + 1);
	work_init(&q->work, nvme_queue_work);
	if (q->tail_bell == NULL || q->head_bell == NULL)
		return -ENODEV;
	q->sq = page_alloc(order_of(q->entries, sizeof(*q->sq)));
	q->cq = page_alloc(order_of(q->entries, sizeof(*q->cq)));
	if (q->sq == NULL || q->cq == NULL)
		return -ENOMEM;
	return id != 0 ? alloc_slots(n, q) : 0;
}

static void give_back(void *p, u64 entries, u64 size)
{
	if (p != NULL)
		(void)page_free(p, order_of(entries, size));
}

void nvme_queue_free(struct nvme_queue *q)
{
	if (q->nvme == NULL)
		return;
	give_back(q->sq, q->entries, sizeof(*q->sq));
	give_back(q->cq, q->entries, sizeof(*q->cq));
	give_back(q->lists, q->slot_count, q->nvme->list_size);
	kfree(q->slots);
}

void nvme_queue_reset(struct nvme_queue *q)
{
	memset(q->cq, 0, q->entries * sizeof(*q->cq));
	q->tail = q->rung = 0;
	q->head = q->head_rung = 0;
	q->phase = true;
}

void nvme_queue_push(struct nvme_queue *q, const struct nvme_command *c)
{
	q->sq[q->tail] = *c;
	q->tail = q->tail + 1 < q->entries ? q->tail + 1 : 0;
}

/* The commands are in memory before the controller hears of them. */
void nvme_queue_ring(struct nvme_queue *q)
{
	if (q->tail == q->rung)
		return;
	q->rung = q->tail;
	barrier();
	mmio_write32(q->tail_bell, q->tail);
}

bool nvme_queue_ready(const struct nvme_queue *q)
{
	/* Pairs with the controller's write of the entry, whose last word this is. */
	u16 status = load_acquire(&q->cq[q->head].status);

	return ((status & NVME_PHASE) != 0) == q->phase;
}

bool nvme_queue_pop(struct nvme_queue *q, struct nvme_completion *out)
{
	if (!nvme_queue_ready(q))
		return false;
	*out = q->cq[q->head];
	if (++q->head == q->entries) {
		q->head = 0;
		q->phase = !q->phase;
	}
	return true;
}

void nvme_queue_ring_head(struct nvme_queue *q)
{
	if (q->head == q->head_rung)
		return;
	q->head_rung = q->head;
	mmio_write32(q->head_bell, q->head);
}
