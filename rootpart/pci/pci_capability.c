/* SPDX-License-Identifier: MIT */
/*
 * The list of capabilities. It is the device's: as many steps are taken as
 * there is room for capabilities, so that one that loops ends.
 * PCI Local Bus 3.0, 6.7.
 */
#include "rootpart/pci/pci_impl.h"

#define FIRST 0x40u
#define STEPS ((256u - FIRST) / 4)

u32 pci_capability(const struct pci_device *dev, u8 id, u32 after)
{
	bool armed = after == 0;
	u32 at;

	if (!(pci_read16(dev, PCI_STATUS) & PCI_STATUS_CAPABILITIES))
		return 0;
	at = pci_read8(dev, PCI_CAPABILITIES) & ~3u;
	for (u32 i = 0; i < STEPS && at >= FIRST; i++) {
		u16 head = pci_read16(dev, at);

		if (armed && (head & 0xff) == id)
			return at;
		armed = armed || at == after;
		at = (u32)(head >> 8) & ~3u;
	}
	return 0;
}
