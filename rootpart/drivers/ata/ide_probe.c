/* SPDX-License-Identifier: MIT */
/*
 * A PCI IDE controller and its two channels, each at the ports and lines that
 * PCs have had ever since, or at those that PCI gives it. PCI class 01h, 01h with
 * bus master.
 */
#include "base/errno.h"
#include "rootpart/drivers/ata/ide.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/heap.h"
#include "rootpart/irq.h"
#include "rootpart/task.h"

#define CHANNELS 2u
#define IRQ_VP   0u /* where queue 0 of each device completes */

struct ide {
	struct pci_device *pci;
	struct ide_channel channels[CHANNELS];
	struct irq *irqs[CHANNELS]; /* of lines of their own */
};

static u32 channels; /* of all controllers */

static bool match(const struct pci_device *dev)
{
	return dev->class_code == 1 && dev->subclass == 1 && (dev->interface & IDE_BUS_MASTER) != 0;
}

static u16 port_of(const struct pci_device *dev, u32 bar, u32 offset)
{
	const struct pci_bar *b = &dev->bar[bar];

	return b->kind == PCI_BAR_IO && b->base != 0 ? (u16)(b->base + offset) : 0;
}

static bool is_native(const struct ide *ide, u32 i)
{
	return (ide->pci->interface & IDE_NATIVE(i)) != 0;
}

/* False: it has no ports. */
static bool ports_set(struct ide *ide, u32 i)
{
	struct ide_channel *ch = &ide->channels[i];

	ch->master_port = port_of(ide->pci, IDE_BAR_MASTER, 8 * i);
	if (is_native(ide, i)) {
		ch->command_port = port_of(ide->pci, 2 * i, 0);
		ch->control_port = port_of(ide->pci, 2 * i + 1, 2);
	} else {
		ch->command_port = (u16)(IDE_LEGACY_COMMAND - 0x80 * i);
		ch->control_port = (u16)(IDE_LEGACY_CONTROL - 0x80 * i);
	}
	return ch->master_port != 0 && ch->command_port != 0 && ch->control_port > 2;
}

static void channel_init(struct ide *ide, u32 i)
{
	struct ide_channel *ch = &ide->channels[i];

	ch->pci = ide->pci;
	ch->index = channels++;
	wait_queue_init(&ch->wake);
	wait_queue_init(&ch->done);
	for (u32 d = 0; d < 2; d++) {
		ch->devices[d].channel = ch;
		ch->devices[d].index = d;
	}
}

static bool is_used(const struct ide_channel *ch)
{
	return ch->devices[0].present || ch->devices[1].present;
}

/* The two channels of a controller in native mode have one interrupt. */
static void native_interrupt(void *ctx)
{
	struct ide *ide = ctx;

	for (u32 i = 0; i < CHANNELS; i++)
		if (is_native(ide, i) && is_used(&ide->channels[i]))
			ide_interrupt(&ide->channels[i]);
}

static int irq_get(struct ide *ide, u32 i, bool *native)
{
	if (!is_native(ide, i))
		return irq_request_isa(IDE_LEGACY_IRQ + i, IRQ_VP, ide_interrupt, &ide->channels[i],
			&ide->irqs[i]);
	if (*native)
		return 0;
	*native = true;
	return pci_irq_request(ide->pci, 0, IRQ_VP, native_interrupt, ide);
}

static int irqs_get(struct ide *ide)
{
	bool native = false;

	for (u32 i = 0; i < CHANNELS; i++) {
		int error = is_used(&ide->channels[i]) ? irq_get(ide, i, &native) : 0;

		if (error != 0)
			return error;
	}
	return 0;
}

/* No task knows of it yet. */
static void undo(struct ide *ide)
{
	for (u32 i = 0; i < CHANNELS; i++) {
		if (ide->irqs[i] != NULL)
			irq_release(ide->irqs[i]);
		for (u32 d = 0; d < 2; d++)
			ide_forget(&ide->channels[i].devices[d]);
	}
	pci_irq_release(ide->pci);
	kfree(ide);
}

static void channel_start(struct ide_channel *ch)
{
	if (!is_used(ch))
		return;
	if (task_create_on(IRQ_VP, "ata", ide_task, ch) != NULL) {
		ide_register(ch);
		return;
	}
	for (u32 d = 0; d < 2; d++)
		ide_forget(&ch->devices[d]);
}

static int probe(struct pci_device *dev)
{
	struct ide *ide = kzalloc(sizeof(*ide));
	int error;

	if (ide == NULL)
		return -ENOMEM;
	ide->pci = dev;
	pci_command(dev, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0);
	for (u32 i = 0; i < CHANNELS; i++) {
		channel_init(ide, i);
		if (ports_set(ide, i))
			ide_find(&ide->channels[i]);
	}
	error = irqs_get(ide);
	if (error != 0) {
		undo(ide);
		return error;
	}
	for (u32 i = 0; i < CHANNELS; i++)
		channel_start(&ide->channels[i]);
	return 0;
}

const struct pci_driver ata_driver = {
	.name = "ata",
	.match = match,
	.probe = probe,
};
