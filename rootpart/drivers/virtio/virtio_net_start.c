/* SPDX-License-Identifier: MIT */
/*
 * From reset to work, at first, and again after each reset; the link. LRO is not asked
 * for: what is received goes on to others, who want frames of the network's size.
 */
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/lock.h"
#include "x86/atomic.h"

#define WANTED                                                                             \
	(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_CSUM |                 \
		VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC |            \
		VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_MRG_RXBUF | \
		VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX |        \
		VIRTIO_NET_F_SPEED_DUPLEX)

/* What a device that does not say has: as fast as it can. */
#define MBIT_UNKNOWN 10000u

int virtio_net_negotiate(struct virtio_net *n)
{
	return virtio_negotiate(&n->v, WANTED);
}

int virtio_net_start(struct virtio_net *n)
{
	int error = virtio_queues_start(&n->v);

	if (error != 0)
		return error;
	virtio_net_tx_init(&n->tx);
	virtio_net_rx_fill(n);
	error = virtio_drive(&n->v);
	return error != 0 ? error : virtio_net_set_receive(n);
}

static u32 read_speed(const struct virtio_net *n)
{
	u32 mbit = (u32)virtio_config_read(&n->v, VIRTIO_NET_SPEED, 4);

	if (!virtio_has(&n->v, VIRTIO_NET_F_SPEED_DUPLEX) || mbit == 0 ||
		mbit > VIRTIO_NET_NO_SPEED)
		return MBIT_UNKNOWN;
	return mbit;
}

static void read_link(struct virtio_net *n)
{
	bool up = !virtio_has(&n->v, VIRTIO_NET_F_STATUS) ||
		  (virtio_config_read(&n->v, VIRTIO_NET_STATUS, 2) & VIRTIO_NET_LINK_UP) != 0;

	nic_link(&n->nic, up, read_speed(n));
}

void virtio_net_go_live(struct virtio_net *n)
{
	u64 flags;

	virtio_run(&n->v);
	flags = lock_irq(&n->tx.lock);
	(void)virtq_listen(&n->tx.vq.q);
	store_relaxed(&n->live, true);
	unlock_irq(&n->tx.lock, flags);
	virtq_kick(&n->rx.q);
	if (virtq_listen(&n->rx.q))
		work_ask(&n->rx.work);
	read_link(n);
}

void virtio_net_config_work(struct work *w)
{
	struct virtio_net *n = container_of(w, struct virtio_net, v.config);

	if (!load_relaxed(&n->live))
		return;
	if (virtio_is_lost(&n->v))
		virtio_net_fail(n, "it asks for a reset");
	else
		read_link(n);
}

void virtio_net_fail(struct virtio_net *n, const char *why)
{
	if (atomic_exchange(&n->live, false))
		nic_ask_recover(&n->nic, why);
}
