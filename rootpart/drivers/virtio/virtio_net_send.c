/* SPDX-License-Identifier: MIT */
/*
 * Frames that go out: a header of the driver's, then the sender's memory as it is.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/lock.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

void virtio_net_tx_init(struct virtio_net_tx *tx)
{
	tx->free_count = tx->vq.q.slots;
	for (u32 i = 0; i < tx->free_count; i++)
		tx->free[i] = (u16)(tx->free_count - 1 - i);
}

/* What of @f lies behind its first @skip bytes. */
static void add_data(struct virtq_chain *chain, const struct nic_frame *f, u32 skip)
{
	for (u32 i = 0; i < f->segment_count; i++) {
		const struct nic_segment *s = &f->segments[i];
		u32 n = MIN(skip, s->len);

		skip -= n;
		if (s->len > n)
			virtq_chain_add(chain, GPA(s->gpa.a + n), s->len - n, false);
	}
}

static void post(struct virtio_net_tx *tx, u32 slot, struct nic_frame *f)
{
	struct virtio_net_head *head = &tx->heads[slot];
	u32 copied = virtio_net_head_make(head, f);
	struct virtq_chain chain;

	tx->frames[slot] = f;
	virtq_chain_begin(&chain, &tx->vq.q, slot);
	virtq_chain_add(&chain, gpa_of(&head->header), (u32)sizeof(head->header) + copied, false);
	add_data(&chain, f, copied);
	virtq_post(&chain);
}

bool virtio_net_send(struct nic *nic, struct nic_frame *f)
{
	struct virtio_net *n = nic->driver_data;
	struct virtio_net_tx *tx = &n->tx;
	bool room;

	spin_lock(&tx->lock);
	room = load_relaxed(&n->live) && tx->free_count > 0;
	if (room)
		post(tx, tx->free[--tx->free_count], f);
	spin_unlock(&tx->lock);
	return room;
}

void virtio_net_kick(struct nic *nic)
{
	struct virtio_net *n = nic->driver_data;

	spin_lock(&n->tx.lock);
	if (load_relaxed(&n->live))
		virtq_kick(&n->tx.vq.q);
	spin_unlock(&n->tx.lock);
}

static struct nic_frame *slot_free(struct virtio_net_tx *tx, u32 slot)
{
	struct nic_frame *f = tx->frames[slot];

	tx->frames[slot] = NULL;
	tx->free[tx->free_count++] = (u16)slot;
	return f;
}

/* The next frame that was sent; NULL: none. */
static struct nic_frame *take(struct virtio_net *n)
{
	u64 flags = lock_irq(&n->tx.lock);
	struct nic_frame *f = NULL;
	struct virtq_done done;

	if (load_relaxed(&n->live) && virtq_take(&n->tx.vq.q, &done))
		f = slot_free(&n->tx, done.slot);
	unlock_irq(&n->tx.lock, flags);
	return f;
}

static void quiet(struct virtio_net *n)
{
	u64 flags = lock_irq(&n->tx.lock);

	virtq_quiet(&n->tx.vq.q);
	unlock_irq(&n->tx.lock, flags);
}

/* True: another one was sent meanwhile. */
static bool listen(struct virtio_net *n, const char **why)
{
	u64 flags = lock_irq(&n->tx.lock);
	bool live = load_relaxed(&n->live);
	bool more;

	*why = live ? n->tx.vq.q.broken : NULL;
	more = live && *why == NULL && virtq_listen(&n->tx.vq.q);
	unlock_irq(&n->tx.lock, flags);
	return more;
}

bool virtio_net_reap(struct virtio_net *n)
{
	u32 left = n->tx.vq.q.slots;
	struct nic_frame *f;

	while (left > 0 && (f = take(n)) != NULL) {
		nic_sent(&n->nic, f, 0);
		left--;
	}
	return left == 0;
}

void virtio_net_tx_work(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, tx.vq.work);
	const char *why = NULL;

	quiet(n);
	if (virtio_net_reap(n) || listen(n, &why))
		work_ask(w);
	else if (why != NULL)
		virtio_net_fail(n, why);
}

void virtio_net_tx_drop(struct virtio_net *n)
{
	struct virtio_net_tx *tx = &n->tx;

	for (u32 i = 0; i < tx->vq.q.slots; i++) {
		struct nic_frame *f = tx->frames[i];

		tx->frames[i] = NULL;
		if (f != NULL)
			nic_sent(&n->nic, f, -ENETDOWN);
	}
	virtio_net_tx_init(tx);
}
