/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a function: MSI-X if it has a table that can be used, else MSI,
 * else its pin. Requests and releases are made by tasks; handlers run on
 * the VP that irq.h says.
 *
 * A pin that nobody quiets interrupts again as soon as it is ended, and no task
 * would run any more. So each of its interrupts asks for work; if very many come
 * before that has run, the function is made to leave its pin alone.
 */
#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/pci/pci_impl.h"
#include "rootpart/work.h"
#include "x86/atomic.h"

/* So many interrupts of a pin while no task runs are a storm. */
#define STORM 20000u

enum irq_kind { IRQ_MSIX, IRQ_MSI, IRQ_INTX };

/* One that a driver asked for. */
struct pci_vector {
	struct irq *irq; /* NULL: not asked for */
	irq_handler handler;
	void *ctx;
};

struct pci_irqs {
	enum irq_kind kind;
	u32 count;
	u32 cap;
	volatile u32 *table; /* MSI-X; NULL: off */
	/* Of a pin; the handler's VP. */
	const struct pci_device *device;
	struct work calm;
	u32 in_a_row;
	bool stormed; /* to be told */
	struct pci_vector vectors[];
};

static void calm(struct work *w)
{
	struct pci_irqs *irqs = container_of(w, struct pci_irqs, calm);
	char name[PCI_NAME_SIZE];

	store_relaxed(&irqs->in_a_row, 0);
	if (atomic_exchange(&irqs->stormed, false))
		log_printf("pci: %s: its interrupt did not end: switched off",
			pci_name(irqs->device, name));
}

/* At first only a function that says that it is the one; in the end any. */
static void storm(struct pci_irqs *irqs)
{
	if (irqs->in_a_row == STORM &&
		!(pci_read16(irqs->device, PCI_STATUS) & PCI_STATUS_INTERRUPT))
		return;
	pci_command(irqs->device, PCI_COMMAND_NO_INTX, 0);
	store_relaxed(&irqs->stormed, true);
}

/* All functions on a pin are called, so each counts a storm of any of them. */
static void intx(void *ctx)
{
	struct pci_irqs *irqs = ctx;

	irqs->vectors[0].handler(irqs->vectors[0].ctx);
	work_ask(&irqs->calm);
	if (++irqs->in_a_row % STORM == 0)
		storm(irqs);
}

static enum irq_kind find_kind(const struct pci_device *dev, u32 *cap, u32 *count)
{
	*cap = pci_capability(dev, PCI_CAP_MSIX, 0);
	*count = *cap != 0 ? pci_msix_vectors(dev, *cap) : 0;
	if (*count != 0)
		return IRQ_MSIX;
	*count = 1;
	*cap = pci_capability(dev, PCI_CAP_MSI, 0);
	return *cap != 0 ? IRQ_MSI : IRQ_INTX;
}

/* Also those that will not be used: the firmware may have left them on. */
static void all_off(const struct pci_device *dev)
{
	u32 msix = pci_capability(dev, PCI_CAP_MSIX, 0);
	u32 msi = pci_capability(dev, PCI_CAP_MSI, 0);

	if (msix != 0)
		pci_msix_off(dev, msix, NULL, 0);
	if (msi != 0)
		pci_msi_off(dev, msi);
	if (dev->interrupt_pin != 0)
		pci_command(dev, PCI_COMMAND_NO_INTX, 0);
}

void pci_irqs_init(struct pci_device *dev)
{
	enum irq_kind kind;
	u32 cap, count;

	if (dev->header_type != PCI_HEADER_DEVICE)
		return;
	all_off(dev);
	kind = find_kind(dev, &cap, &count);
	if (kind == IRQ_INTX && dev->interrupt_pin == 0)
		return;
	dev->irqs = kzalloc(sizeof(*dev->irqs) + count * sizeof(dev->irqs->vectors[0]));
	if (dev->irqs == NULL)
		return;
	dev->irqs->kind = kind;
	dev->irqs->cap = cap;
	dev->irqs->count = count;
	dev->irqs->device = dev;
	work_init(&dev->irqs->calm, calm);
}

u32 pci_irq_count(const struct pci_device *dev)
{
	return dev->irqs != NULL ? dev->irqs->count : 0;
}

const char *pci_irq_kind(const struct pci_device *dev)
{
	static const char *const names[] = { "msi-x", "msi", "intx" };

	return dev->irqs != NULL ? names[dev->irqs->kind] : NULL;
}

bool pci_irq_is_shared(const struct pci_device *dev)
{
	return dev->irqs != NULL && dev->irqs->kind == IRQ_INTX;
}

static int request_msi(
	struct pci_device *dev, struct pci_vector *v, u32 vp, struct msi_message *message)
{
	return irq_request_msi(dev->segment, dev->rid, vp, v->handler, v->ctx, &v->irq, message);
}

static int request_msix(struct pci_device *dev, u32 index, u32 vp)
{
	struct pci_irqs *irqs = dev->irqs;
	struct msi_message message;
	int error;

	if (irqs->table == NULL)
		irqs->table = pci_msix_on(dev, irqs->cap, irqs->count);
	if (irqs->table == NULL)
		return -ENOMEM;
	error = request_msi(dev, &irqs->vectors[index], vp, &message);
	if (error == 0)
		pci_msix_set(irqs->table, index, &message);
	return error;
}

static int request_one_msi(struct pci_device *dev, u32 vp)
{
	struct msi_message message;
	int error = request_msi(dev, &dev->irqs->vectors[0], vp, &message);

	if (error == 0)
		pci_msi_on(dev, dev->irqs->cap, &message);
	return error;
}

static int request_pin(struct pci_device *dev, u32 vp)
{
	struct pci_irqs *irqs = dev->irqs;
	struct pci_route route;
	int error = pci_route_find(dev, &route);

	if (error != 0)
		return error;
	error = irq_request_gsi(
		route.gsi, true, route.active_low, vp, intx, irqs, &irqs->vectors[0].irq);
	if (error == 0)
		pci_command(dev, 0, PCI_COMMAND_NO_INTX);
	return error;
}

static int request(struct pci_device *dev, u32 index, u32 vp)
{
	switch (dev->irqs->kind) {
	case IRQ_MSIX:
		return request_msix(dev, index, vp);
	case IRQ_MSI:
		return request_one_msi(dev, vp);
	case IRQ_INTX:
		return request_pin(dev, vp);
	}
	return -ENODEV;
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx)
{
	struct pci_vector *v;

	if (index >= pci_irq_count(dev))
		return -ENODEV;
	v = &dev->irqs->vectors[index];
	if (v->irq != NULL)
		return -EBUSY;
	v->handler = handler;
	v->ctx = ctx;
	return request(dev, index, vp);
}

static void device_off(const struct pci_device *dev)
{
	struct pci_irqs *irqs = dev->irqs;

	if (irqs->kind == IRQ_MSIX)
		pci_msix_off(dev, irqs->cap, irqs->table, irqs->count);
	else if (irqs->kind == IRQ_MSI)
		pci_msi_off(dev, irqs->cap);
	pci_command(dev, PCI_COMMAND_NO_INTX, 0);
	irqs->table = NULL;
}

void pci_irq_release(struct pci_device *dev)
{
	if (dev->irqs == NULL)
		return;
	device_off(dev);
	for (u32 i = 0; i < dev->irqs->count; i++) {
		struct pci_vector *v = &dev->irqs->vectors[i];

		if (v->irq != NULL)
			irq_release(v->irq);
		v->irq = NULL;
	}
}
