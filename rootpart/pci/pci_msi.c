/* SPDX-License-Identifier: MIT */
/*
 * Registers of MSI and MSI-X. The table of MSI-X is in a BAR, and the device
 * says which; a table that does not lie wholly in a memory BAR is none.
 * PCI Local Bus 3.0, 6.8.
 */
#include "rootpart/pci/pci_impl.h"
#include "x86/mmio.h"

#define MSI_CONTROL        2u
#define MSI_ADDRESS        4u
#define MSI_ENABLE         BIT(0)
#define MSI_MULTIPLE       (7u << 4) /* how many messages it may send, as a power of two */
#define MSI_64BIT          BIT(7)

#define MSIX_CONTROL       2u
#define MSIX_TABLE         4u
#define MSIX_SIZE          0x7ffu /* less one */
#define MSIX_MASK_ALL      BIT(14)
#define MSIX_ENABLE        BIT(15)
#define MSIX_BAR           7u
#define MSIX_VECTORS_MAX   256u

#define ENTRY_SIZE         16u
#define ENTRY_WORDS        (ENTRY_SIZE / 4)
#define ENTRY_ADDRESS_LOW  0u
#define ENTRY_ADDRESS_HIGH 1u
#define ENTRY_DATA         2u
#define ENTRY_CONTROL      3u
#define ENTRY_MASKED       1u

u32 pci_msix_vectors(const struct pci_device *dev, u32 cap)
{
	u32 vectors = (pci_read16(dev, cap + MSIX_CONTROL) & MSIX_SIZE) + 1;
	u32 table = pci_read32(dev, cap + MSIX_TABLE);
	u32 bar = table & MSIX_BAR;
	u64 offset = table & ~MSIX_BAR;

	if (bar >= PCI_BARS || dev->bar[bar].kind != PCI_BAR_MEMORY || dev->bar[bar].base == 0)
		return 0;
	if (offset + (u64)vectors * ENTRY_SIZE > dev->bar[bar].size)
		return 0;
	return MIN(vectors, MSIX_VECTORS_MAX);
}

static void mask(volatile u32 *table, u32 vectors)
{
	for (u32 i = 0; i < vectors; i++)
		mmio_write32(table + i * ENTRY_WORDS + ENTRY_CONTROL, ENTRY_MASKED);
}

static void control(const struct pci_device *dev, u32 reg, u64 set, u64 clear)
{
	u16 v = pci_read16(dev, reg);

	pci_write16(dev, reg, (u16)((v & ~clear) | set));
}

volatile u32 *pci_msix_on(const struct pci_device *dev, u32 cap, u32 vectors)
{
	u32 at = pci_read32(dev, cap + MSIX_TABLE);
	volatile u32 *table =
		pci_map(dev, at & MSIX_BAR, at & ~MSIX_BAR, (u64)vectors * ENTRY_SIZE);

	if (table == NULL)
		return NULL;
	pci_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX, 0);
	control(dev, cap + MSIX_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL, 0);
	mask(table, vectors);
	control(dev, cap + MSIX_CONTROL, 0, MSIX_MASK_ALL);
	return table;
}

void pci_msix_set(volatile u32 *table, u32 index, const struct msi_message *message)
{
	volatile u32 *entry = table + index * ENTRY_WORDS;

	mmio_write32(entry + ENTRY_ADDRESS_LOW, message->address);
	mmio_write32(entry + ENTRY_ADDRESS_HIGH, 0);
	mmio_write32(entry + ENTRY_DATA, message->data);
	mmio_write32(entry + ENTRY_CONTROL, 0);
}

void pci_msix_off(const struct pci_device *dev, u32 cap, volatile u32 *table, u32 vectors)
{
	if (table != NULL)
		mask(table, vectors);
	control(dev, cap + MSIX_CONTROL, 0, MSIX_ENABLE);
}

void pci_msi_on(const struct pci_device *dev, u32 cap, const struct msi_message *message)
{
	bool wide = (pci_read16(dev, cap + MSI_CONTROL) & MSI_64BIT) != 0;
	u32 data = cap + MSI_ADDRESS + (wide ? 8 : 4);

	pci_write32(dev, cap + MSI_ADDRESS, message->address);
	if (wide)
		pci_write32(dev, cap + MSI_ADDRESS + 4, 0);
	pci_write16(dev, data, (u16)message->data);
	pci_command(dev, PCI_COMMAND_NO_INTX, 0);
	control(dev, cap + MSI_CONTROL, MSI_ENABLE, MSI_MULTIPLE);
}

void pci_msi_off(const struct pci_device *dev, u32 cap)
{
	control(dev, cap + MSI_CONTROL, 0, MSI_ENABLE);
}
