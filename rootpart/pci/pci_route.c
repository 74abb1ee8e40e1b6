/* SPDX-License-Identifier: MIT */
/*
 * Where INTx# arrives: by the MP table's word for the device, or for the bridges
 * above it, each of which turns the pins by its device's number; else by
 * what the firmware left in the interrupt-line register. There is no AML
 * interpreter that would know more.
 * MultiProcessor Specification 1.4, D.3; PCI-to-PCI Bridge 1.2, 9.1.
 */
#include "base/errno.h"
#include "lib/mptable.h"
#include "rootpart/firmware.h"
#include "rootpart/log.h"
#include "rootpart/paging.h"
#include "rootpart/pci/pci_impl.h"

#define PINS         4u
#define ISA_LINES    16u
#define LINE_UNKNOWN 0xffu

static struct mptable table;

static const void *map(void *ctx, u64 phys, u64 len)
{
	(void)ctx;
	return paging_map_direct(phys, len);
}

void pci_route_init(void)
{
	const struct acpi_access access = { .map = map };
	const char *why;
	int error = mptable_read(&access, &table, &why);

	if (error != 0 && error != -ENOENT)
		log_printf("pci: %s", why);
	if (table.left_out != 0)
		log_printf("pci: MP table: %u routes more than can be kept", table.left_out);
}

/* The bridge that leads to @bus; NULL: it is a root bus. */
static const struct pci_device *bridge_of(u16 segment, u8 bus)
{
	for (u32 i = 0; i < pci_count(); i++) {
		const struct pci_device *dev = pci_get(i);

		if (dev->segment == segment && dev->header_type == PCI_HEADER_BRIDGE &&
			PCI_BUS(dev->rid) < bus && pci_read8(dev, PCI_SECONDARY_BUS) == bus)
			return dev;
	}
	return NULL;
}

/* MP tables know nothing of segments. */
static const struct mptable_route *by_table(const struct pci_device *dev)
{
	u8 pin = (u8)(dev->interrupt_pin - 1);

	while (dev != NULL && dev->segment == 0) {
		u8 slot = PCI_SLOT(dev->rid);
		const struct mptable_route *r = mptable_route(&table, PCI_BUS(dev->rid), slot, pin);

		if (r != NULL)
			return r;
		pin = (u8)((pin + slot) % PINS);
		dev = bridge_of(dev->segment, PCI_BUS(dev->rid));
	}
	return NULL;
}

static const struct acpi_ioapic *ioapic_by_id(const struct acpi_madt *madt, u8 id)
{
	for (u32 i = 0; i < madt->ioapic_count; i++)
		if (madt->ioapics[i].id == id)
			return &madt->ioapics[i];
	return NULL;
}

/* A pin below 16 is an ISA line's, too, and an override says how that one signals. */
static const struct acpi_override *override_of(const struct acpi_madt *madt, u32 gsi)
{
	for (u32 i = 0; i < madt->override_count; i++)
		if (madt->overrides[i].gsi == gsi)
			return &madt->overrides[i];
	return NULL;
}

static struct pci_route route_of(const struct acpi_madt *madt, u32 gsi, bool low)
{
	const struct acpi_override *o = override_of(madt, gsi);

	return (struct pci_route){ gsi, o != NULL && o->line.level ? o->line.low : low };
}

static int by_line(const struct acpi_madt *madt, u8 line, struct pci_route *out)
{
	if (line == 0 || line == LINE_UNKNOWN)
		return -ENODEV;
	*out = route_of(madt, line < ISA_LINES ? acpi_isa_route(madt, line).gsi : line, true);
	return 0;
}

int pci_route_find(const struct pci_device *dev, struct pci_route *out)
{
	const struct acpi_madt *madt = firmware_madt();
	const struct mptable_route *r;
	const struct acpi_ioapic *io;

	if (madt == NULL || dev->interrupt_pin == 0)
		return -ENODEV;
	r = by_table(dev);
	io = r != NULL ? ioapic_by_id(madt, r->ioapic) : NULL;
	if (io == NULL)
		return by_line(madt, dev->interrupt_line, out);
	*out = route_of(madt, io->gsi_base + r->input, !r->high);
	return 0;
}
