/* SPDX-License-Identifier: MIT */
/*
 * The drivers of PCI devices: one const table, one file or folder each.
 */
#pragma once

#include "rootpart/pci/pci.h"

extern const struct pci_driver ahci_driver;
extern const struct pci_driver ata_driver;
extern const struct pci_driver e1000_driver;
extern const struct pci_driver nvme_driver;
extern const struct pci_driver virtio_blk_driver;
extern const struct pci_driver virtio_net_driver;

/*
 * Makes the task that calls drivers_start(), and returns when that is done, or has
 * taken so long that people should not wait for it any more. A task's.
 */
void drivers_start_bounded(void);
/*
 * Offers each device to the drivers, in order of the devices, and starts what
 * stands on them: partitions. A task's; one line for each device that fails.
 */
void drivers_start(void);
/* Tells the devices that the machine goes off. A task's. */
void drivers_shutdown(void);
