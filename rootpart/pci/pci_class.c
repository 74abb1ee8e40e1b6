/* SPDX-License-Identifier: MIT */
/*
 * Class codes in words. PCI Code and ID Assignment 1.11.
 */
#include "rootpart/pci/pci_class.h"

#define ANY 0x100u

struct class_row {
	u8 class_code;
	u8 subclass;
	u16 interface; /* ANY: of no importance */
	const char *text;
};

/* The first that fits. */
static const struct class_row rows[] = {
	{ 0x01, 0x01, ANY, "IDE controller" },
	{ 0x01, 0x06, 0x01, "AHCI controller" },
	{ 0x01, 0x06, ANY, "SATA controller" },
	{ 0x01, 0x08, 0x02, "NVMe controller" },
	{ 0x01, 0x00, ANY, "SCSI controller" },
	{ 0x01, 0x04, ANY, "RAID controller" },
	{ 0x01, 0x07, ANY, "SAS controller" },
	{ 0x02, 0x00, ANY, "Ethernet controller" },
	{ 0x02, 0x80, ANY, "network controller" },
	{ 0x03, 0x00, ANY, "VGA controller" },
	{ 0x03, 0x80, ANY, "display controller" },
	{ 0x04, 0x03, ANY, "audio device" },
	{ 0x06, 0x00, ANY, "host bridge" },
	{ 0x06, 0x01, ANY, "ISA bridge" },
	{ 0x06, 0x04, ANY, "PCI bridge" },
	{ 0x06, 0x80, ANY, "bridge" },
	{ 0x07, 0x00, ANY, "serial controller" },
	{ 0x08, 0x06, ANY, "IOMMU" },
	{ 0x0c, 0x03, 0x00, "USB controller, UHCI" },
	{ 0x0c, 0x03, 0x10, "USB controller, OHCI" },
	{ 0x0c, 0x03, 0x20, "USB controller, EHCI" },
	{ 0x0c, 0x03, 0x30, "USB controller, xHCI" },
	{ 0x0c, 0x05, ANY, "SMBus controller" },
};

/* What is in no row, by its class alone. */
static const char *const classes[] = {
	"old device",
	"storage controller",
	"network controller",
	"display controller",
	"multimedia device",
	"memory controller",
	"bridge",
	"communication controller",
	"system peripheral",
	"input device",
	"docking station",
	"processor",
	"serial bus controller",
	"wireless controller",
};

const char *pci_class_text(const struct pci_device *dev)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct class_row *r = &rows[i];

		if (r->class_code == dev->class_code && r->subclass == dev->subclass &&
			(r->interface == ANY || r->interface == dev->interface))
			return r->text;
	}
	return dev->class_code < ARRAY_SIZE(classes) ? classes[dev->class_code] : "other device";
}
