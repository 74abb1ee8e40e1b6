/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues. Nothing of the driver's own state is in memory that the device
 * is told of: what it has is known from the slots alone.
 */
#include "rootpart/drivers/virtio/virtq.h"

#include "base/assert.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/heap.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"
#include "x86/mmio.h"

/* With VIRTIO_F_EVENT_IDX: when each side wants to hear from the other. 2.7.7, 2.7.10. */
static u16 *used_event(const struct virtq *q)
{
	return &q->avail->ring[q->size];
}

static const u16 *avail_event(const struct virtq *q)
{
	return (const u16 *)&q->used->ring[q->size];
}

static u64 avail_offset(u32 size)
{
	return size * sizeof(struct virtq_desc);
}

static u64 used_offset(u32 size)
{
	u64 end = avail_offset(size) + sizeof(struct virtq_avail) + (size + 1) * sizeof(u16);

	return ALIGN_UP(end, 64);
}

static u64 ring_bytes(u32 size)
{
	return used_offset(size) + sizeof(struct virtq_used) +
	       size * sizeof(struct virtq_used_elem) + sizeof(u16);
}

static u64 table_bytes(const struct virtq *q)
{
	return (u64)q->slots * q->chain * sizeof(struct virtq_desc);
}

/* Without tables a slot's descriptors lie in the ring, so longer chains mean fewer slots. */
static void set_shape(struct virtq *q, const struct virtq_shape *shape)
{
	u32 chain = MIN(shape->chain, shape->size);

	q->tables = shape->tables && chain > 1;
	q->event_idx = shape->event_idx;
	q->size = (u16)shape->size;
	q->chain = (u16)chain;
	q->stride = q->tables ? 1 : (u16)chain;
	q->slots = (u16)MIN(shape->slots, shape->size / q->stride);
}

int virtq_alloc(struct virtq *q, const struct virtq_shape *shape)
{
	u8 *ring;

	if (shape->size == 0 || shape->size > VIRTQ_SIZE_MAX ||
		(shape->size & (shape->size - 1)) != 0)
		return -EINVAL;
	set_shape(q, shape);
	ring = page_alloc_zeroed(page_order(ring_bytes(q->size)));
	if (ring == NULL)
		return -ENOMEM;
	q->desc = (struct virtq_desc *)ring;
	q->avail = (struct virtq_avail *)(ring + avail_offset(q->size));
	q->used = (struct virtq_used *)(ring + used_offset(q->size));
	if (q->tables)
		q->table = page_alloc_zeroed(page_order(table_bytes(q)));
	q->slot = kzalloc(q->slots * sizeof(*q->slot));
	return q->slot == NULL || (q->tables && q->table == NULL) ? -ENOMEM : 0;
}

void virtq_free(struct virtq *q)
{
	if (q->desc != NULL)
		(void)page_free(q->desc, page_order(ring_bytes(q->size)));
	if (q->table != NULL)
		(void)page_free(q->table, page_order(table_bytes(q)));
	kfree(q->slot);
	q->desc = q->table = NULL;
	q->slot = NULL;
}

void virtq_reset(struct virtq *q)
{
	memset(q->desc, 0, ring_bytes(q->size));
	memset(q->slot, 0, q->slots * sizeof(*q->slot));
	q->avail_next = q->published = q->used_next = q->busy = 0;
	q->broken = NULL;
	virtq_quiet(q);
	if (q->event_idx)
		*used_event(q) = 0xffff;
}

void virtq_chain_begin(struct virtq_chain *c, struct virtq *q, u32 slot)
{
	assert(slot < q->slots && !q->slot[slot].busy);
	*c = (struct virtq_chain){ .q = q, .slot = slot };
	if (q->tables) {
		c->desc = q->table + (u64)slot * q->chain;
	} else {
		c->first = slot * q->stride;
		c->desc = q->desc + c->first;
	}
}

void virtq_chain_add(struct virtq_chain *c, gpa_t gpa, u32 len, bool device_writes)
{
	u32 i = c->count++;

	assert(i < c->q->chain);
	c->desc[i] = (struct virtq_desc){
		.gpa = gpa.a,
		.len = len,
		.flags = VIRTQ_DESC_NEXT | (device_writes ? VIRTQ_DESC_WRITE : 0),
		.next = (u16)(c->first + i + 1),
	};
	c->writable += device_writes ? len : 0;
}

static void name_table(struct virtq_chain *c)
{
	c->q->desc[c->slot] = (struct virtq_desc){
		.gpa = gpa_of(c->desc).a,
		.len = c->count * (u32)sizeof(struct virtq_desc),
		.flags = VIRTQ_DESC_INDIRECT,
	};
}

void virtq_post(struct virtq_chain *c)
{
	struct virtq *q = c->q;

	assert(c->count > 0);
	c->desc[c->count - 1].flags &= (u16)~VIRTQ_DESC_NEXT;
	c->desc[c->count - 1].next = 0;
	if (q->tables)
		name_table(c);
	q->slot[c->slot] = (struct virtq_slot){ .writable = c->writable, .busy = true };
	q->busy++;
	q->avail->ring[q->avail_next++ & (q->size - 1)] = (u16)(c->slot * q->stride);
}

/* The device says at which index it wants to hear of more. 2.7.10. */
static bool wants_bell(const struct virtq *q, u16 before)
{
	u16 event;

	if (!q->event_idx)
		return (load_relaxed(&q->used->flags) & VIRTQ_NO_NOTIFY) == 0;
	event = load_relaxed(avail_event(q));
	return (u16)(q->published - event - 1) < (u16)(q->published - before);
}

bool virtq_publish(struct virtq *q)
{
	u16 before = q->published;

	if (q->avail_next == before)
		return false;
	q->published = q->avail_next;
	/* Pairs with the device's read of the index, before that of the entries. */
	store_release(&q->avail->idx, q->published);
	/* The device says what it wants, then looks at the index; here the other way around. */
	memory_fence();
	return wants_bell(q, before);
}

void virtq_kick(struct virtq *q)
{
	if (virtq_publish(q))
		mmio_write16(q->bell, q->index);
}

static u16 waiting(const struct virtq *q)
{
	/* Pairs with the device's write of the index, after that of the entries. */
	return (u16)(load_acquire(&q->used->idx) - q->used_next);
}

bool virtq_ready(const struct virtq *q)
{
	return waiting(q) != 0;
}

/* The slot that an entry names; q->slots: none. */
static u32 slot_of(const struct virtq *q, u32 id)
{
	u32 slot = id / q->stride;

	return id % q->stride == 0 && slot < q->slots && q->slot[slot].busy ? slot : q->slots;
}

static const char *check(const struct virtq *q, const struct virtq_done *done)
{
	if (done->slot == q->slots)
		return "it ended what it was not given";
	if (done->len > q->slot[done->slot].writable)
		return "it wrote more than there was room for";
	return NULL;
}

bool virtq_take(struct virtq *q, struct virtq_done *out)
{
	const struct virtq_used_elem *e = &q->used->ring[q->used_next & (q->size - 1)];
	u16 count = waiting(q);

	if (q->broken != NULL || count == 0)
		return false;
	*out = (struct virtq_done){ slot_of(q, load_relaxed(&e->id)), load_relaxed(&e->len) };
	q->broken = count > q->busy ? "it ended more than it was given" : check(q, out);
	if (q->broken != NULL)
		return false;
	q->slot[out->slot].busy = false;
	q->busy--;
	q->used_next++;
	return true;
}

void virtq_quiet(struct virtq *q)
{
	/* With an index the device does not interrupt again before virtq_listen(). */
	if (!q->event_idx)
		store_relaxed(&q->avail->flags, VIRTQ_NO_INTERRUPT);
}

bool virtq_listen(struct virtq *q)
{
	if (q->event_idx)
		store_relaxed(used_event(q), q->used_next);
	else
		store_relaxed(&q->avail->flags, 0);
	/* The device writes its index, then looks whether it is to interrupt. */
	memory_fence();
	return virtq_ready(q);
}
