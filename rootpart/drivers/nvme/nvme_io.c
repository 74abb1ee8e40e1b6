/* SPDX-License-Identifier: MIT */
/*
 * Pieces of the block layer as commands. The layer cuts them so that only the
 * first segment begins, and only the last one ends, within a page; PRPs need it.
 * NVM Express 1.4, 4.3, chapter 6.
 */
#include "base/assert.h"
#include "base/errno.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/page_alloc.h"

u64 *nvme_list(const struct nvme_queue *q, u32 slot)
{
	return (u64 *)(q->lists + (u64)slot * q->nvme->list_size);
}

/* Page by page: the first one's address apart, those of the others in @list. */
struct prps {
	u64 first;
	u64 *list;
	u32 count; /* with the first */
	u32 max;
};

static void add_page(struct prps *p, u64 gpa)
{
	if (p->count == 0) {
		p->first = gpa;
	} else {
		assert(p->count <= p->max && IS_ALIGNED(gpa, NVME_PAGE));
		p->list[p->count - 1] = gpa;
	}
	p->count++;
}

static void add_segment(struct prps *p, const struct block_segment *s)
{
	u64 at = s->gpa.a;
	u64 end = at + s->len;

	while (at < end) {
		add_page(p, at);
		at = ALIGN_DOWN(at, NVME_PAGE) + NVME_PAGE;
	}
}

static void set_data(const struct nvme_queue *q, u32 slot, const struct block_piece *piece,
	struct nvme_command *c)
{
	struct prps p = {
		.list = nvme_list(q, slot),
		.max = q->nvme->list_size / (u32)sizeof(u64),
	};

	for (u32 i = 0; i < piece->segment_count; i++)
		add_segment(&p, &piece->segments[i]);
	c->prp1 = p.first;
	if (p.count > 1)
		c->prp2 = p.count == 2 ? p.list[0] : gpa_of(p.list).a;
}

static void set_blocks(
	const struct nvme_namespace *ns, const struct block_piece *piece, struct nvme_command *c)
{
	c->dw10 = (u32)piece->sector;
	c->dw11 = (u32)(piece->sector >> 32);
	c->dw12 = (u32)(piece->bytes / ns->block.limits.sector_size - 1);
	if (piece->fua)
		c->dw12 |= (u32)NVME_RW_FUA;
}

/* The one range lies where a PRP list would. */
static void set_range(const struct nvme_queue *q, u32 slot, const struct nvme_namespace *ns,
	const struct block_piece *piece, struct nvme_command *c)
{
	struct nvme_range *range = (struct nvme_range *)nvme_list(q, slot);

	*range = (struct nvme_range){
		.blocks = (u32)(piece->bytes / ns->block.limits.sector_size),
		.first = piece->sector,
	};
	c->prp1 = gpa_of(range).a;
	c->dw11 = (u32)NVME_DATASET_DROP;
}

static u8 opcode(enum block_op op)
{
	static const u8 opcodes[] = {
		[BLOCK_READ] = NVME_READ,
		[BLOCK_WRITE] = NVME_WRITE,
		[BLOCK_FLUSH] = NVME_FLUSH,
		[BLOCK_DISCARD] = NVME_DATASET,
	};

	return opcodes[op];
}

static void fill(const struct nvme_queue *q, u32 slot, const struct nvme_namespace *ns,
	const struct block_piece *piece, struct nvme_command *c)
{
	*c = (struct nvme_command){
		.opcode = opcode(piece->op),
		.id = (u16)((u32)q->slots[slot].generation << 8 | slot),
		.nsid = ns->id,
	};
	if (piece->op == BLOCK_READ || piece->op == BLOCK_WRITE) {
		set_data(q, slot, piece, c);
		set_blocks(ns, piece, c);
	} else if (piece->op == BLOCK_DISCARD) {
		set_range(q, slot, ns, piece, c);
	}
}

/* While the controller is being reset the command waits for that. */
static void start(struct block_device *d, u32 queue, const struct block_piece *piece)
{
	struct nvme_namespace *ns = d->driver_data;
	struct nvme_queue *q = &ns->nvme->io[queue];
	u32 index = ns->first_slot + piece->tag;
	struct nvme_slot *slot = &q->slots[index];

	spin_lock(&q->lock);
	assert(slot->state == NVME_FREE);
	slot->generation++;
	fill(q, index, ns, piece, &slot->command);
	slot->state = q->live ? NVME_BUSY : NVME_PENDING;
	if (q->live)
		nvme_queue_push(q, &slot->command);
	spin_unlock(&q->lock);
}

static void kick(struct block_device *d, u32 queue)
{
	const struct nvme_namespace *ns = d->driver_data;
	struct nvme_queue *q = &ns->nvme->io[queue];

	spin_lock(&q->lock);
	if (q->live)
		nvme_queue_ring(q);
	spin_unlock(&q->lock);
}

const struct block_ops nvme_block_ops = {
	.start = start,
	.kick = kick,
	.recover = nvme_recover,
};
