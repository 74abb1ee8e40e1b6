/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue: what the driver gives the device, and what comes back. It has
 * slots, each with descriptors of its own that are there from the start: one in the ring,
 * and a table that it names; or, where the device has no tables, several in the ring.
 * A slot is given to the device, and is the driver's again when the device says so.
 * What the device says is checked: an id, a length or an index that makes no
 * sense breaks the queue, and nothing comes from it any more until it is reset.
 *
 * Callers keep posting apart from posting, and taking from taking; where both run at
 * once they share a lock. VIRTIO 1.2, 2.7.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "rootpart/drivers/virtio/virtio_regs.h"

#define VIRTQ_SIZE_MAX 256u

struct virtq_slot {
	u64 writable; /* bytes that the device may write */
	bool busy;    /* the device has it */
};

struct virtq {
	/* Constant once it is allocated. */
	u16 index;
	u16 size; /* descriptors in the ring, a power of two */
	u16 slots;
	u16 stride; /* of the ring's descriptors a slot has */
	u16 chain;  /* descriptors that can be posted at a time */
	bool tables;
	bool event_idx;
	struct virtq_desc *desc; /* the memory of all three */
	struct virtq_avail *avail;
	struct virtq_used *used; /* the device writes it */
	struct virtq_desc *table;
	volatile void *bell; /* NULL: not there yet */
	struct virtq_slot *slot;

	u16 avail_next;
	u16 published; /* avail_next that the device knows */
	u16 used_next;
	u16 busy;           /* slots that the device has */
	const char *broken; /* why; NULL: it is not */
};

/* What the device gave back. */
struct virtq_done {
	u32 slot;
	u32 len; /* bytes that it says to have written, not more than it might */
};

/*
 * Memory for @slots slots of chains of @chain descriptors, in a ring of @size, all of them
 * cut down to what there is room for: q->slots, q->chain. -ENOMEM: virtq_free() has
 * to be called all the same. -EINVAL: @size is no power of two.
 */
struct virtq_shape {
	u32 size;
	u32 slots;
	u32 chain;
	bool tables; /* VIRTIO_F_INDIRECT_DESC */
	bool event_idx;
};
[[nodiscard]] int virtq_alloc(struct virtq *q, const struct virtq_shape *shape);
void virtq_free(struct virtq *q);
/* Empty, all slots the driver's, no interrupts asked for. The device must not have it. */
void virtq_reset(struct virtq *q);

/* The descriptors of a slot that is the driver's, one by one; those that the device reads first. */
struct virtq_chain {
	struct virtq *q;
	struct virtq_desc *desc;
	u64 writable;
	u32 slot;
	u32 first; /* index of desc[0] as the device counts */
	u32 count;
};
void virtq_chain_begin(struct virtq_chain *c, struct virtq *q, u32 slot);
void virtq_chain_add(struct virtq_chain *c, gpa_t gpa, u32 len, bool device_writes);
/* The slot is the device's, which hears of it by virtq_publish(). */
void virtq_post(struct virtq_chain *c);
/* True: the device wants its bell rung. */
[[nodiscard]] bool virtq_publish(struct virtq *q);
/* Both: virtq_publish(), and the bell if need be. */
void virtq_kick(struct virtq *q);

/* Whether something waits to be taken; any context. */
bool virtq_ready(const struct virtq *q);
/* Takes the next one; false: none, or the queue is broken. */
[[nodiscard]] bool virtq_take(struct virtq *q, struct virtq_done *out);
/* Interrupts are not needed now, as far as the device can be told. */
void virtq_quiet(struct virtq *q);
/* They are, from the next one on. True: something came before that; nothing interrupts for it. */
[[nodiscard]] bool virtq_listen(struct virtq *q);
