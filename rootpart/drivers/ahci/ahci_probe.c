/* SPDX-License-Identifier: MIT */
/*
 * An adapter from its reset to its disks. All ports come up at the same time,
 * unless the adapter wants it one after the other; the time for all of them together is
 * bounded. PCI class 01h, 06h, interface 01h.
 */
#include "base/errno.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/errno_text.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define IRQ_VP  0u /* where queue 0 of each device completes */
#define BOOT_NS (10 * NS_PER_S)

static u32 adapters;

static bool match(const struct pci_device *dev)
{
	return dev->class_code == 1 && dev->subclass == 6 && dev->interface == 1;
}

static int port_create(struct ahci *h, u32 i)
{
	struct ahci_port *p = kzalloc(sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	h->ports[i] = p;
	p->hba = h;
	p->index = i;
	p->regs = h->regs + AHCI_PORT(i);
	ahci_queue_init(p);
	return ahci_memory_get(p);
}

/* What a port that does not give up its memory had is lost. */
static void port_free(struct ahci *h, u32 i)
{
	struct ahci_port *p = h->ports[i];

	if (p == NULL)
		return;
	h->ports[i] = NULL;
	h->used &= ~(u32)BIT(i);
	if (p->memory != NULL && ahci_port_quiet(p) != 0)
		return;
	ahci_memory_free(p);
	kfree(p);
}

static void ports_free(struct ahci *h)
{
	for (u32 i = 0; i < AHCI_PORTS; i++)
		port_free(h, i);
}

static int ports_create(struct ahci *h)
{
	for (u32 left = h->implemented; left != 0; left &= left - 1) {
		u32 i = (u32)__builtin_ctz(left);
		int error = port_create(h, i);

		if (error != 0)
			return error;
		if ((h->capabilities & CAP_STAGGERED) == 0)
			ahci_port_power(h->ports[i]);
	}
	return 0;
}

static int port_find(struct ahci_port *p, u64 deadline_ns)
{
	int error = ahci_port_up(p, deadline_ns);

	if (error == 0)
		error = ahci_port_start(p);
	if (error == 0)
		error = ahci_disk_find(p);
	if (error != 0 && error != -ENODEV)
		log_printf("ahci: port %u.%u: cannot be used: %s", p->hba->index, p->index,
			errno_text(error));
	return error;
}

static void ports_find(struct ahci *h)
{
	u64 deadline = time_ns() + BOOT_NS;

	for (u32 i = 0; i < AHCI_PORTS; i++) {
		if (h->ports[i] == NULL)
			continue;
		h->used |= (u32)BIT(i);
		if (port_find(h->ports[i], deadline) != 0)
			port_free(h, i);
	}
}

static void ports_register(struct ahci *h)
{
	for (u32 i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *p = h->ports[i];

		if (p == NULL)
			continue;
		ahci_resume(p, false);
		if (ahci_disk_register(p) != 0) {
			log_printf("ahci: port %u.%u: not registered", h->index, i);
			h->used &= ~(u32)BIT(i);
			(void)ahci_port_stop(p);
		}
	}
}

/* Interrupts and the task are there before a device has anything to do. */
static int start(struct ahci *h)
{
	int error = pci_irq_request(h->pci, 0, IRQ_VP, ahci_interrupt, h);

	if (error != 0)
		return error;
	if (task_create_on(IRQ_VP, "ahci", ahci_task, h) == NULL) {
		pci_irq_release(h->pci);
		return -ENOMEM;
	}
	ahci_hba_listen(h);
	ports_register(h);
	return 0;
}

static int open(struct ahci *h)
{
	int error;

	pci_command(h->pci, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	h->regs_size = h->pci->bar[AHCI_BAR].size;
	if (h->regs_size < AHCI_PORT(1))
		return -ENODEV;
	h->regs = pci_map(h->pci, AHCI_BAR, 0, h->regs_size);
	if (h->regs == NULL)
		return -ENODEV;
	error = ahci_hba_reset(h);
	if (error == 0)
		error = ports_create(h);
	if (error != 0)
		return error;
	ports_find(h);
	return h->used != 0 ? start(h) : 0;
}

static int probe(struct pci_device *dev)
{
	struct ahci *h = kzalloc(sizeof(*h));
	int error;

	if (h == NULL)
		return -ENOMEM;
	h->pci = dev;
	h->index = adapters++;
	wait_queue_init(&h->wake);
	error = open(h);
	if (error != 0) {
		ports_free(h);
		pci_command(dev, 0, PCI_COMMAND_MASTER);
		kfree(h);
	}
	return error;
}

const struct pci_driver ahci_driver = {
	.name = "ahci",
	.match = match,
	.probe = probe,
};
