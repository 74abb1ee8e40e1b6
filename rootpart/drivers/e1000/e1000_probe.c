/* SPDX-License-Identifier: MIT */
/*
 * From a PCI function to a NIC.
 */
#include "base/errno.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "rootpart/heap.h"

#define REGISTERS_BAR 0u

static bool match(const struct pci_device *dev)
{
	return e1000_find_model(dev) != NULL;
}

static int open_device(struct e1000 *e)
{
	int error;

	e->regs = pci_map(e->pci, REGISTERS_BAR, 0, E1000_REGS_SIZE);
	if (e->regs == NULL || pci_irq_count(e->pci) == 0)
		return -ENODEV;
	/* What the firmware had it do reaches no memory any more. */
	pci_command(e->pci, PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER);
	error = e1000_reset(e);
	if (error == 0)
		error = e1000_read_mac(e, e->nic.mac);
	if (error == 0)
		error = e1000_rx_alloc(&e->rx);
	if (error == 0)
		error = e1000_tx_alloc(&e->tx);
	if (error == 0)
		error = pci_irq_request(e->pci, 0, e->nic.vp, e1000_interrupt, e);
	return error;
}

/* The device is reset, or was never touched. */
static void close_device(struct e1000 *e)
{
	pci_command(e->pci, 0, PCI_COMMAND_MASTER);
	pci_irq_release(e->pci);
	e1000_rx_free(&e->rx);
	e1000_tx_free(&e->tx);
	kfree(e);
}

/* Pins are all on VP 0, whoever shares them; else the NICs are spread. */
static u32 choose_vp(const struct e1000 *e)
{
	static u32 next; /* probes come one after the other */

	return e->shared ? 0 : next++ % cpu_count;
}

static void describe(struct e1000 *e)
{
	e->nic.driver = "e1000";
	e->nic.max_mtu = NIC_MTU_MAX;
	e->nic.max_segments = NIC_SEGMENTS_MAX;
	e->nic.can_checksum = true;
	e->nic.can_segment = true;
	e->nic.can_segment_ipv6 = e->model->quirks & E1000_PCIE;
	e->nic.max_csum = E1000_CSUM_MAX;
	e->nic.vp = choose_vp(e);
	e->nic.ops = &e1000_nic_ops;
	e->nic.driver_data = e;
	e->irqs = INT_TXDW | INT_LSC | INT_RXDMT | INT_RXO | INT_RXT0;
	if (e->model->quirks & E1000_82574)
		e->irqs |= INT_RXQ0 | INT_TXQ0 | INT_OTHER;
}

static int probe(struct pci_device *dev)
{
	struct e1000 *e = kzalloc(sizeof(*e));
	int error;

	if (e == NULL)
		return -ENOMEM;
	e->pci = dev;
	e->model = e1000_find_model(dev);
	e->shared = pci_irq_is_shared(dev);
	work_init(&e->work, e1000_work);
	describe(e);
	error = open_device(e);
	if (error != 0) {
		close_device(e);
		return error;
	}
	e1000_rx_init(&e->rx);
	e1000_tx_init(&e->tx);
	e1000_wake_phy(e);
	pci_command(dev, PCI_COMMAND_MASTER, 0);
	/* What it says from now on that changed is told of. */
	e->nic.link_up = e1000_link_up(e, &e->nic.link_mbit);
	nic_register(&e->nic);
	e1000_start(e);
	e1000_ask_link(e);
	dev->driver_data = e;
	return 0;
}

/* What comes from now on is nobody's, and reaches no memory. */
static void shutdown(struct pci_device *dev)
{
	struct e1000 *e = dev->driver_data;

	e->down = true;
	(void)e1000_reset(e);
	pci_command(dev, 0, PCI_COMMAND_MASTER);
}

const struct pci_driver e1000_driver = {
	.name = "e1000",
	.match = match,
	.probe = probe,
	.shutdown = shutdown,
};
