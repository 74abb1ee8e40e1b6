/* SPDX-License-Identifier: MIT */
/*
 * PCI functions: found once at boot, by MCFG where there is one, else by ports
 * 0xCF8 and 0xCFC; their registers, BARs, capabilities and interrupts. Devices
 * stay where the firmware has put them. Drivers are in rootpart/drivers/.
 * PCI Local Bus 3.0; PCI Express Base 3.1; PCI-to-PCI Bridge 1.2.
 */
#pragma once

#include "base/types.h"
#include "rootpart/irq.h"

#define PCI_BARS 6u

/* Configuration registers, bytes. */
#define PCI_VENDOR          0x00u
#define PCI_DEVICE          0x02u
#define PCI_COMMAND         0x04u
#define PCI_STATUS          0x06u
#define PCI_REVISION        0x08u
#define PCI_CLASS           0x09u /* interface, subclass, class */
#define PCI_HEADER_TYPE     0x0eu
#define PCI_BAR(n)          (0x10u + 4 * (n))
#define PCI_SECONDARY_BUS   0x19u
#define PCI_SUBORDINATE_BUS 0x1au
#define PCI_SUBVENDOR       0x2cu
#define PCI_SUBDEVICE       0x2eu
#define PCI_CAPABILITIES    0x34u
#define PCI_INTERRUPT_LINE  0x3cu
#define PCI_INTERRUPT_PIN   0x3du

#define PCI_COMMAND_IO      BIT(0)
#define PCI_COMMAND_MEMORY  BIT(1)
#define PCI_COMMAND_MASTER  BIT(2)
#define PCI_COMMAND_NO_INTX BIT(10)

/* Capability ids. */
#define PCI_CAP_POWER  0x01u
#define PCI_CAP_MSI    0x05u
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_PCIE   0x10u
#define PCI_CAP_MSIX   0x11u

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEMORY };

struct pci_bar {
	enum pci_bar_kind kind;
	u64 base; /* GPA, or port; 0: the firmware gave it none */
	u64 size; /* bytes */
};

struct pci_irqs; /* pci_irq.c's */

/* Constant after the scan, but for what is the driver's, and irqs. */
struct pci_device {
	u16 segment;
	u16 rid; /* bus << 8 | device << 3 | function */
	u16 vendor;
	u16 device;
	u16 subvendor;
	u16 subdevice;
	u8 class_code;
	u8 subclass;
	u8 interface;
	u8 revision;
	u8 header_type;   /* 0 device, 1 bridge */
	u8 interrupt_pin; /* 0 none, 1 INTA# to 4 INTD# */
	u8 interrupt_line;
	struct pci_bar bar[PCI_BARS];
	const struct pci_driver *driver; /* NULL: nobody's */
	void *driver_data;
	struct pci_irqs *irqs;
};

/* What a driver takes; the first that matches and does not fail has it. */
struct pci_driver {
	const char *name; /* "nvme" */
	bool (*match)(const struct pci_device *dev);
	/*
	 * Brings the device up and registers what it is (block.h, nic.h). In a task,
	 * so it may wait; in bounded time. On an error nothing of it is left: the
	 * device is quiet, its interrupts are given back.
	 */
	int (*probe)(struct pci_device *dev);
	/*
	 * The machine goes off: what the device's cache holds is to reach the medium. In a
	 * task, in bounded time. NULL: nothing is to be done.
	 */
	void (*shutdown)(struct pci_device *dev);
};

/* Every function, in order of segment, bus, device, function. */
u32 pci_count(void);
struct pci_device *pci_get(u32 i);
/* Finds them. Boot, once; ACPI is open. */
void pci_init(void);
/* Text "0000:00:1f.2" into @text of PCI_NAME_SIZE. */
#define PCI_NAME_SIZE 16u
const char *pci_name(const struct pci_device *dev, char *text);

/* Registers by byte offset, naturally aligned; those behind 255 read as ones without MCFG. */
u8 pci_read8(const struct pci_device *dev, u32 reg);
u16 pci_read16(const struct pci_device *dev, u32 reg);
u32 pci_read32(const struct pci_device *dev, u32 reg);
void pci_write8(const struct pci_device *dev, u32 reg, u8 v);
void pci_write16(const struct pci_device *dev, u32 reg, u16 v);
void pci_write32(const struct pci_device *dev, u32 reg, u32 v);

/* Sets and clears bits of the command register. */
void pci_command(const struct pci_device *dev, u16 set, u16 clear);
/* Offset of the first capability @id behind offset @after (0: of all); 0: none. */
u32 pci_capability(const struct pci_device *dev, u8 id, u32 after);
/*
 * Registers of memory BAR @bar from @offset on, at least @size bytes; lives for ever.
 * NULL: no memory BAR of that size, not placed, or out of memory.
 */
volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size);

/*
 * Interrupts. How many a driver may ask for: MSI-X's vectors, else 1, by MSI or
 * INTx. INTx is level and may be shared: a handler looks whether it is its
 * device's. At first all are off.
 */
u32 pci_irq_count(const struct pci_device *dev);
/* "msi-x", "msi", "intx"; NULL: it has none. */
const char *pci_irq_kind(const struct pci_device *dev);
bool pci_irq_is_shared(const struct pci_device *dev);
/*
 * Has @handler called on VP @vp for interrupt @index. Tasks. 0; -ENODEV: no
 * such interrupt, or its pin leads nowhere; and those of irq.h.
 */
[[nodiscard]] int pci_irq_request(
	struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx);
/* All of the device's; afterwards none comes. */
void pci_irq_release(struct pci_device *dev);
