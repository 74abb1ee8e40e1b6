/* SPDX-License-Identifier: MIT */
/*
 * What nic.h asks of a driver, besides sending.
 */
#include "rootpart/drivers/e1000/e1000.h"

#define MTU_STANDARD 1500u

static int filter(struct nic *n, bool promiscuous, bool all_multicast)
{
	struct e1000 *e = n->driver_data;

	e->promiscuous = promiscuous;
	e->all_multicast = all_multicast;
	e1000_set_receive(e);
	return 0;
}

static int set_mtu(struct nic *n, u32 mtu)
{
	struct e1000 *e = n->driver_data;

	e->large = mtu > MTU_STANDARD;
	e1000_set_receive(e);
	return 0;
}

/* On the NIC's VP: where this waits the work may run, and sees that the device is down. */
static int recover(struct nic *n)
{
	struct e1000 *e = n->driver_data;
	int error;

	e->down = true;
	error = e1000_reset(e);
	/* Before its memory is given back, the bus keeps it from that. */
	if (error != 0)
		pci_command(e->pci, 0, PCI_COMMAND_MASTER);
	e1000_tx_drop(e);
	if (error != 0)
		return error;
	e1000_rx_init(&e->rx);
	e1000_tx_init(&e->tx);
	e->down = false;
	e1000_start(e);
	e1000_ask_link(e);
	return 0;
}

const struct nic_ops e1000_nic_ops = {
	.send = e1000_tx_send,
	.kick = e1000_tx_kick,
	.filter = filter,
	.set_mtu = set_mtu,
	.recover = recover,
};
