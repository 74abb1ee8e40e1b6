/* SPDX-License-Identifier: MIT */
/*
 * What the files of rootpart/pci/ share with each other and with nobody else.
 */
#pragma once

#include "rootpart/pci/pci.h"

#define PCI_BUSES                    256u
#define PCI_SLOTS                    32u
#define PCI_FUNCTIONS                8u

#define PCI_RID(bus, slot, function) ((u16)((bus) << 8 | (slot) << 3 | (function)))
#define PCI_BUS(rid)                 ((u8)((rid) >> 8))
#define PCI_SLOT(rid)                ((u8)((rid) >> 3 & 31))

#define PCI_STATUS_INTERRUPT         BIT(3)
#define PCI_STATUS_CAPABILITIES      BIT(4)
#define PCI_HEADER_KIND              0x7fu
#define PCI_HEADER_MULTI             BIT(7)
#define PCI_HEADER_DEVICE            0u
#define PCI_HEADER_BRIDGE            1u

/* A range of buses of one segment whose registers can be reached. */
struct pci_window {
	u16 segment;
	u8 first;
	u8 last;
	u64 base; /* of bus 0; 0: by ports */
};

/* pci_config.c: finds the windows; returns how many, at least 1. Boot. */
u32 pci_config_init(void);
const struct pci_window *pci_config_window(u32 i);
/* Makes @bus of @w reachable. False: no memory for its mapping. Boot. */
bool pci_config_open(const struct pci_window *w, u8 bus);

/* pci_bar.c: fills @dev's BARs; the device decodes nothing meanwhile. Boot. */
void pci_bars_read(struct pci_device *dev);

/* pci_irq.c: finds out what kind of interrupts @dev has, and switches them off. Boot. */
void pci_irqs_init(struct pci_device *dev);

/* pci_route.c: reads the MP table. Boot. */
void pci_route_init(void);

struct pci_route {
	u32 gsi;
	bool active_low;
};

/* Where @dev's INTx# arrives. -ENODEV: nowhere. */
[[nodiscard]] int pci_route_find(const struct pci_device *dev, struct pci_route *out);

/* pci_msi.c: registers of MSI and MSI-X. @cap: offset of the capability. */
u32 pci_msix_vectors(const struct pci_device *dev, u32 cap); /* 0: the table cannot be used */
/* All vectors masked, then on; NULL: out of memory. */
volatile u32 *pci_msix_on(const struct pci_device *dev, u32 cap, u32 vectors);
void pci_msix_set(volatile u32 *table, u32 index, const struct msi_message *message);
void pci_msix_off(const struct pci_device *dev, u32 cap, volatile u32 *table, u32 vectors);
void pci_msi_on(const struct pci_device *dev, u32 cap, const struct msi_message *message);
void pci_msi_off(const struct pci_device *dev, u32 cap);
