/* SPDX-License-Identifier: MIT */
/*
 * Frames that come in: each slot of the ring has a buffer of its own for ever, and a
 * frame takes as many as it needs. On the NIC's VP.
 */
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/page_alloc.h"
#include "x86/atomic.h"

#define HEADER ((u32)sizeof(struct virtio_net_header))

/* A frame as it comes in. */
struct arrival {
	u32 slots[VIRTIO_NET_CHAIN_MAX];
	struct nic_segment segments[VIRTIO_NET_CHAIN_MAX];
	u32 count;
	u32 bytes;
};

static u8 *buffer_of(const struct virtio_net *n, u32 slot)
{
	return n->buffers + slot * VIRTIO_NET_BUFFER;
}

static void give(struct virtio_net *n, u32 slot)
{
	struct virtq_chain chain;

	virtq_chain_begin(&chain, &n->rx.q, slot);
	virtq_chain_add(&chain, gpa_of(buffer_of(n, slot)), VIRTIO_NET_BUFFER, true);
	virtq_post(&chain);
}

void virtio_net_rx_fill(struct virtio_net *n)
{
	for (u32 i = 0; i < n->rx.q.slots; i++)
		give(n, i);
}

/* The next buffer of @a; @skip bytes of it are no data. False: none, or less than that. */
static bool add_buffer(struct virtio_net *n, struct arrival *a, u32 skip)
{
	struct virtq_done done;

	if (!virtq_take(&n->rx.q, &done))
		return false;
	a->slots[a->count] = done.slot;
	a->segments[a->count++] = (struct nic_segment){
		gpa_of(buffer_of(n, done.slot) + skip),
		done.len - MIN(skip, done.len),
	};
	a->bytes += done.len - MIN(skip, done.len);
	return done.len > skip;
}

/* The device gives all buffers of a frame back at once. 5.1.6.4.1. */
static const char *collect(
	struct virtio_net *n, struct arrival *a, const struct virtio_net_header *h)
{
	u32 buffers = n->mergeable ? h->buffers : 1;

	if (buffers == 0 || buffers > VIRTIO_NET_CHAIN_MAX)
		return "a received frame has an impossible number of buffers";
	while (a->count < buffers)
		if (!add_buffer(n, a, 0))
			return "a received frame is not whole";
	return NULL;
}

static bool checksum(const struct virtio_net_header *h, const struct nic_received *f, bool *good)
{
	*good = (h->flags & (VIRTIO_NET_NEEDS_CSUM | VIRTIO_NET_DATA_VALID)) != 0;
	if (h->flags & VIRTIO_NET_NEEDS_CSUM)
		return virtio_net_checksum(f, h->csum_start, h->csum_offset);
	return true;
}

static void hand_over(
	struct virtio_net *n, const struct arrival *a, const struct virtio_net_header *h)
{
	struct nic_received f = {
		.segments = a->segments,
		.segment_count = a->count,
		.bytes = a->bytes,
	};

	/* Frames that were not cut were not asked for. */
	if (f.bytes < NIC_HEADER || f.bytes > load_relaxed(&n->nic.mtu) + NIC_HEADER + NIC_TAG ||
		h->gso_type != VIRTIO_NET_GSO_NONE || !checksum(h, &f, &f.checksum_good)) {
		n->nic.stats.receive_errors++;
		return;
	}
	nic_receive(&n->nic, &f);
}

/* False: nothing has come, or the device has to be reset. */
static bool receive(struct virtio_net *n)
{
	struct arrival a;
	struct virtio_net_header h;
	const char *why;

	a.count = a.bytes = 0; /* the rest is large, and filled in as it is used */
	if (!add_buffer(n, &a, HEADER)) {
		if (a.count != 0)
			virtio_net_fail(n, "a received frame has no header");
		return false;
	}
	/* Read once: nothing says that the device leaves it alone. */
	h = *(const struct virtio_net_header *)buffer_of(n, a.slots[0]);
	barrier();
	why = collect(n, &a, &h);
	if (why != NULL) {
		virtio_net_fail(n, why);
		return false;
	}
	hand_over(n, &a, &h);
	for (u32 i = 0; i < a.count; i++)
		give(n, a.slots[i]);
	return true;
}

void virtio_net_rx_work(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, rx.work);
	u32 left = VIRTIO_NET_TURN;

	if (!load_relaxed(&n->live))
		return;
	virtq_quiet(&n->rx.q);
	while (left > 0 && receive(n)) {
		left--;
		/* Who answers each frame would else run out of memory to send from. */
		if (virtq_ready(&n->tx.vq.q))
			(void)virtio_net_reap(n);
	}
	if (n->rx.q.broken != NULL)
		virtio_net_fail(n, n->rx.q.broken);
	if (n->tx.vq.q.broken != NULL)
		virtio_net_fail(n, n->tx.vq.q.broken);
	if (!load_relaxed(&n->live))
		return;
	virtq_kick(&n->rx.q);
	if (left == 0 || virtq_listen(&n->rx.q))
		work_ask(w);
}
