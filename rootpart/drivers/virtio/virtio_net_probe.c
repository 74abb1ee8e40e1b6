/* SPDX-License-Identifier: MIT */
/*
 * Virtio NICs: from a PCI function to a NIC. VIRTIO 1.2, 5.1.5.
 */
#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "x86/cpu.h"

/* 4.1.2 The second one has an older interface besides. */
#define DEVICE_NET         0x1041u
#define DEVICE_NET_AND_OLD 0x1000u

#define MTU_STANDARD       1500u
#define MTU_MIN            68u

static bool match(const struct pci_device *dev)
{
	return dev->vendor == VIRTIO_VENDOR &&
	       (dev->device == DEVICE_NET || dev->device == DEVICE_NET_AND_OLD);
}

/* Where there is one vector for all, or a pin, they are on VP 0; else the NICs are spread. */
static u32 choose_vp(const struct virtio_net *n)
{
	static u32 next; /* probes come one after the other */

	return virtio_has_vectors(&n->v, 2) ? next++ % cpu_count : 0;
}

static u32 order_of(const struct virtq *q, u64 size)
{
	return page_order(q->slots * size);
}

static int open_rx(struct virtio_net *n)
{
	int error = virtio_queue_alloc(
		&n->v, &n->rx, VIRTIO_NET_RX, VIRTQ_SIZE_MAX, 1, virtio_net_rx_work);

	if (error != 0)
		return error;
	n->rx.vp = n->nic.vp;
	n->buffers = page_alloc_zeroed(order_of(&n->rx.q, VIRTIO_NET_BUFFER));
	return n->buffers != NULL ? 0 : -ENOMEM;
}

static int open_tx(struct virtio_net *n)
{
	struct virtq *q = &n->tx.vq.q;
	u32 chain = virtio_has(&n->v, VIRTIO_F_INDIRECT_DESC) ? NIC_SEGMENTS_MAX + 1
							      : VIRTIO_NET_CHAIN_DIRECT;
	int error = virtio_queue_alloc(
		&n->v, &n->tx.vq, VIRTIO_NET_TX, VIRTQ_SIZE_MAX, chain, virtio_net_tx_work);

	if (error != 0)
		return error;
	if (q->chain < 2)
		return -ENOTSUP;
	n->tx.vq.vp = n->nic.vp;
	n->tx.heads = page_alloc_zeroed(order_of(q, sizeof(*n->tx.heads)));
	return n->tx.heads != NULL ? 0 : -ENOMEM;
}

static void no_work(struct work *w)
{
	(void)w;
}

/* A command has three parts. */
static int open_ctrl(struct virtio_net *n)
{
	int error;

	n->has_rx =
		virtio_has(&n->v, VIRTIO_NET_F_CTRL_VQ) && virtio_has(&n->v, VIRTIO_NET_F_CTRL_RX);
	if (!n->has_rx)
		return 0;
	error = virtio_queue_alloc(&n->v, &n->ctrl, VIRTIO_NET_CTRL, 1, 3, no_work);
	if (error != 0)
		return error;
	if (n->ctrl.q.chain < 3)
		return -ENOTSUP;
	n->ctrl.silent = true;
	n->command = page_alloc_zeroed(0);
	return n->command != NULL ? 0 : -ENOMEM;
}

/* One that has no address gets one of its own making. */
static void read_mac(struct virtio_net *n)
{
	u64 tsc = rdtsc();

	for (u32 i = 0; i < sizeof(n->nic.mac); i++)
		n->nic.mac[i] = virtio_has(&n->v, VIRTIO_NET_F_MAC)
					? (u8)virtio_config_read(&n->v, VIRTIO_NET_MAC + i, 1)
					: (u8)(tsc >> (8 * i));
	if (!virtio_has(&n->v, VIRTIO_NET_F_MAC))
		n->nic.mac[0] = (u8)((n->nic.mac[0] & ~1u) | 2u);
}

/* A frame that needs several buffers needs them merged. */
static u32 max_mtu(const struct virtio_net *n)
{
	u32 max = n->mergeable ? NIC_MTU_MAX : MTU_STANDARD;
	u32 mtu = (u32)virtio_config_read(&n->v, VIRTIO_NET_MTU, 2);

	return virtio_has(&n->v, VIRTIO_NET_F_MTU) && mtu >= MTU_MIN ? MIN(max, mtu) : max;
}

static void describe(struct virtio_net *n)
{
	n->mergeable = virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF);
	read_mac(n);
	n->nic.max_mtu = max_mtu(n);
	n->nic.can_checksum = virtio_has(&n->v, VIRTIO_NET_F_CSUM);
	n->nic.can_segment = n->nic.can_checksum && virtio_has(&n->v, VIRTIO_NET_F_HOST_TSO4);
	n->nic.can_segment_ipv6 = n->nic.can_checksum && virtio_has(&n->v, VIRTIO_NET_F_HOST_TSO6);
	n->nic.max_csum = VIRTIO_NET_HEAD_MAX;
	n->nic.vp = choose_vp(n);
	n->v.config_vp = n->nic.vp;
}

static int open_all(struct virtio_net *n)
{
	int error = virtio_net_negotiate(n);

	if (error != 0)
		return error;
	describe(n);
	error = open_rx(n);
	if (error == 0)
		error = open_tx(n);
	if (error == 0)
		error = open_ctrl(n);
	if (error == 0)
		error = virtio_irqs_request(&n->v, virtio_net_config_work);
	if (error == 0)
		error = virtio_net_start(n);
	return error;
}

static void close_all(struct virtio_net *n)
{
	virtio_close(&n->v);
	if (n->buffers != NULL)
		(void)page_free(n->buffers, order_of(&n->rx.q, VIRTIO_NET_BUFFER));
	if (n->tx.heads != NULL)
		(void)page_free(n->tx.heads, order_of(&n->tx.vq.q, sizeof(*n->tx.heads)));
	if (n->command != NULL)
		(void)page_free(n->command, 0);
	kfree(n);
}

/* All that is received is the NIC's VP's. */
static void live_task(void *arg)
{
	virtio_net_go_live(arg);
}

static int probe(struct pci_device *dev)
{
	struct virtio_net *n = kzalloc(sizeof(*n));
	int error;

	if (n == NULL)
		return -ENOMEM;
	n->nic.driver = "virtio_net";
	n->nic.ops = &virtio_net_ops;
	n->nic.driver_data = n;
	error = virtio_open(&n->v, dev, "virtio_net");
	if (error == 0)
		error = open_all(n);
	if (error != 0) {
		close_all(n);
		return error;
	}
	n->nic.max_segments = n->tx.vq.q.chain - 1u;
	nic_register(&n->nic);
	if (task_create_on(n->nic.vp, "virtio_net", live_task, n) == NULL)
		log_printf("virtio_net: %s stays down: no memory for a task", n->nic.name);
	return 0;
}

const struct pci_driver virtio_net_driver = {
	.name = "virtio_net",
	.match = match,
	.probe = probe,
};
