/* SPDX-License-Identifier: MIT */
/*
 * The models that the driver takes, by PCI device id; and what is special about each.
 */
#include "rootpart/drivers/e1000/e1000.h"

#define INTEL 0x8086u

static const struct e1000_model models[] = {
	{ 0x100e, E1000_TSO_TAIL, "82540EM" },
	{ 0x1015, E1000_TSO_TAIL, "82540EM-LOM" },
	{ 0x1016, E1000_TSO_TAIL, "82540EP-LOM" },
	{ 0x1017, E1000_TSO_TAIL, "82540EP" },
	{ 0x101e, E1000_TSO_TAIL, "82540EP-LP" },
	{ 0x100f, E1000_TSO_TAIL, "82545EM" },
	{ 0x1026, E1000_TSO_TAIL, "82545GM" },
	{ 0x1010, E1000_TSO_TAIL, "82546EB" },
	{ 0x1079, E1000_TSO_TAIL, "82546GB" },
	{ 0x10d3, E1000_PCIE | E1000_82574, "82574L" },
	{ 0x10f6, E1000_PCIE | E1000_82574, "82574LA" },
};

const struct e1000_model *e1000_find_model(const struct pci_device *dev)
{
	for (u32 i = 0; i < ARRAY_SIZE(models); i++) {
		if (dev->vendor == INTEL && dev->device == models[i].device)
			return &models[i];
	}
	return NULL;
}
