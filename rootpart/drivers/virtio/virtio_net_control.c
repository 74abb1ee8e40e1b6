/* SPDX-License-Identifier: MIT */
/*
 * The NIC's side of nic.h besides sending. Commands to the device are answered to a
 * task that looks for the answer. VIRTIO 1.2, 5.1.6.5.
 */
#include "base/errno.h"
#include "rootpart/drivers/virtio/virtio_net.h"
#include "rootpart/page_alloc.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "x86/atomic.h"

#define COMMAND_LIMIT_NS (1 * NS_PER_S)
#define LOOK_NS          (20 * NS_PER_US)

static void post(struct virtio_net *n, u8 command, u8 data)
{
	struct virtio_net_command *c = n->command;
	struct virtq_chain chain;

	*c = (struct virtio_net_command){
		.class = VIRTIO_NET_CTRL_RX,
		.command = command,
		.data = data,
		.ack = VIRTIO_NET_ACK_NONE,
	};
	virtq_chain_begin(&chain, &n->ctrl.q, 0);
	virtq_chain_add(&chain, gpa_of(&c->class), 2, false);
	virtq_chain_add(&chain, gpa_of(&c->data), 1, false);
	virtq_chain_add(&chain, gpa_of(&c->ack), 1, true);
	virtq_post(&chain);
	virtq_kick(&n->ctrl.q);
}

/* One that the device still has is the end of all commands, up to its reset. */
static int command(struct virtio_net *n, u8 command, bool on)
{
	u64 deadline = time_ns() + COMMAND_LIMIT_NS;
	struct virtq_done done;

	if (n->ctrl.q.busy != 0)
		return -EIO;
	post(n, command, on);
	while (!virtq_take(&n->ctrl.q, &done)) {
		if (n->ctrl.q.broken != NULL)
			return -EIO;
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		task_sleep_ns(LOOK_NS);
	}
	return READ_ONCE(n->command->ack) == VIRTIO_NET_ACK_OK ? 0 : -EIO;
}

/* One that cannot be told receives what it likes. */
int virtio_net_set_receive(struct virtio_net *n)
{
	int error;

	if (!n->has_rx)
		return 0;
	error = command(n, VIRTIO_NET_RX_PROMISCUOUS, n->promiscuous);
	if (error == 0)
		error = command(n, VIRTIO_NET_RX_ALLMULTI, n->all_multicast);
	return error;
}

static int filter(struct nic *nic, bool promiscuous, bool all_multicast)
{
	struct virtio_net *n = nic->driver_data;
	int error;

	n->promiscuous = promiscuous;
	n->all_multicast = all_multicast;
	if (!load_relaxed(&n->live))
		return 0; /* its reset will tell it */
	error = virtio_net_set_receive(n);
	if (error != 0)
		virtio_net_fail(n, "it does not take a command");
	return error;
}

/* Larger frames are left out when they come; the layer knows what the device can do. */
static int set_mtu(struct nic *nic, u32 mtu)
{
	(void)nic;
	(void)mtu;
	return 0;
}

/* On the NIC's VP: where this waits the work may run, and sees that it is not live. */
static int recover(struct nic *nic)
{
	struct virtio_net *n = nic->driver_data;
	int error;

	store_relaxed(&n->live, false);
	error = virtio_reset(&n->v);
	if (error != 0)
		virtio_cut_off(&n->v);
	virtio_net_tx_drop(n);
	if (error == 0)
		error = virtio_net_negotiate(n);
	if (error == 0)
		error = virtio_net_start(n);
	if (error != 0)
		virtio_cut_off(&n->v);
	else
		virtio_net_go_live(n);
	return error;
}

const struct nic_ops virtio_net_ops = {
	.send = virtio_net_send,
	.kick = virtio_net_kick,
	.filter = filter,
	.set_mtu = set_mtu,
	.recover = recover,
};
