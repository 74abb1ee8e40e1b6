/* SPDX-License-Identifier: MIT */
/*
 * Finds the functions. A bridge leads only to buses of higher numbers, so buses
 * are looked at in ascending order, those that a bridge before has led to, and
 * bridges that say otherwise are not followed: each bus is looked at once.
 * Boot VP; afterwards all is constant.
 * PCI Local Bus 3.0, 6.1; PCI-to-PCI Bridge 1.2, 3.2.5.
 */
#include "lib/format.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"
#include "rootpart/pci/pci_impl.h"

#define DEVICES_MAX      512u

#define PCIE_KIND(flags) ((flags) >> 4 & 0xf)
#define PCIE_ROOT_PORT   4u
#define PCIE_DOWNSTREAM  6u

/* What is known of the buses of a window. */
struct buses {
	bool there[PCI_BUSES];
	bool single[PCI_BUSES]; /* a PCI Express link: device 0 only */
};

static struct pci_device *devices[DEVICES_MAX];
static u32 device_count;
static u32 left_out;

u32 pci_count(void)
{
	return device_count;
}

struct pci_device *pci_get(u32 i)
{
	return i < device_count ? devices[i] : NULL;
}

const char *pci_name(const struct pci_device *dev, char *text)
{
	(void)format(text, PCI_NAME_SIZE, "%04x:%02x:%02x.%x", dev->segment, PCI_BUS(dev->rid),
		PCI_SLOT(dev->rid), dev->rid & 7);
	return text;
}

static void read_header(struct pci_device *dev)
{
	u32 class_code = pci_read32(dev, PCI_REVISION);

	dev->vendor = pci_read16(dev, PCI_VENDOR);
	dev->device = pci_read16(dev, PCI_DEVICE);
	dev->revision = (u8)class_code;
	dev->interface = (u8)(class_code >> 8);
	dev->subclass = (u8)(class_code >> 16);
	dev->class_code = (u8)(class_code >> 24);
	dev->header_type = pci_read8(dev, PCI_HEADER_TYPE) & PCI_HEADER_KIND;
	dev->interrupt_pin = pci_read8(dev, PCI_INTERRUPT_PIN);
	dev->interrupt_line = pci_read8(dev, PCI_INTERRUPT_LINE);
	if (dev->interrupt_pin > 4)
		dev->interrupt_pin = 0;
	if (dev->header_type == PCI_HEADER_DEVICE) {
		dev->subvendor = pci_read16(dev, PCI_SUBVENDOR);
		dev->subdevice = pci_read16(dev, PCI_SUBDEVICE);
	}
}

static bool is_link(const struct pci_device *bridge)
{
	u32 cap = pci_capability(bridge, PCI_CAP_PCIE, 0);
	u32 kind = cap != 0 ? PCIE_KIND(pci_read16(bridge, cap + 2)) : 0;

	return kind == PCIE_ROOT_PORT || kind == PCIE_DOWNSTREAM;
}

static void follow_bridge(
	const struct pci_window *w, struct buses *buses, const struct pci_device *bridge)
{
	u8 secondary = pci_read8(bridge, PCI_SECONDARY_BUS);
	char name[PCI_NAME_SIZE];

	if (secondary == 0)
		return; /* the firmware did not set it up */
	if (secondary <= PCI_BUS(bridge->rid) || secondary > w->last || buses->there[secondary]) {
		log_printf("pci: %s: bridge to bus %02x: not followed", pci_name(bridge, name),
			secondary);
		return;
	}
	buses->there[secondary] = true;
	buses->single[secondary] = is_link(bridge);
}

static struct pci_device *add(const struct pci_device *found)
{
	struct pci_device *dev = device_count < DEVICES_MAX ? kzalloc(sizeof(*dev)) : NULL;

	if (dev == NULL) {
		left_out++;
		return NULL;
	}
	*dev = *found;
	devices[device_count++] = dev;
	return dev;
}

static bool is_there(const struct pci_device *dev)
{
	u16 vendor = pci_read16(dev, PCI_VENDOR);

	/* 1: the device asks for another try, which by now it has had time for. */
	return vendor != 0xffff && vendor != 0 && vendor != 1;
}

/* Returns whether the device may have more functions. */
static bool scan_function(const struct pci_window *w, struct buses *buses, u16 rid)
{
	struct pci_device found = { .segment = w->segment, .rid = rid };
	bool multi;
	struct pci_device *dev;

	if (!is_there(&found))
		return false;
	multi = (pci_read8(&found, PCI_HEADER_TYPE) & PCI_HEADER_MULTI) != 0;
	read_header(&found);
	if (found.header_type == PCI_HEADER_BRIDGE)
		follow_bridge(w, buses, &found);
	dev = add(&found);
	if (dev != NULL) {
		pci_bars_read(dev);
		pci_irqs_init(dev);
	}
	return multi;
}

static void scan_bus(const struct pci_window *w, struct buses *buses, u32 bus)
{
	u32 slots = buses->single[bus] ? 1 : PCI_SLOTS;

	for (u32 slot = 0; slot < slots; slot++) {
		if (!scan_function(w, buses, PCI_RID(bus, slot, 0)))
			continue;
		for (u32 function = 1; function < PCI_FUNCTIONS; function++)
			(void)scan_function(w, buses, PCI_RID(bus, slot, function));
	}
}

static void scan_window(const struct pci_window *w)
{
	struct buses buses = { 0 };

	buses.there[w->first] = true;
	for (u32 bus = w->first; bus <= w->last; bus++) {
		if (!buses.there[bus])
			continue;
		if (pci_config_open(w, (u8)bus))
			scan_bus(w, &buses, bus);
		else
			log_printf("pci: no memory to map bus %02x", bus);
	}
}

static u32 order(const struct pci_device *dev)
{
	return (u32)dev->segment << 16 | dev->rid;
}

/* They are in order but for windows that MCFG has in another one. */
static void sort(void)
{
	for (u32 i = 1; i < device_count; i++) {
		struct pci_device *dev = devices[i];
		u32 at = i;

		for (; at > 0 && order(devices[at - 1]) > order(dev); at--)
			devices[at] = devices[at - 1];
		devices[at] = dev;
	}
}

void pci_init(void)
{
	u32 windows = pci_config_init();

	device_count = left_out = 0;
	pci_route_init();
	for (u32 i = 0; i < windows; i++)
		scan_window(pci_config_window(i));
	sort();
	if (left_out != 0)
		log_printf("pci: %u functions more than can be kept", left_out);
}
