/* SPDX-License-Identifier: MIT */
/*
 * Base address registers: what they are, where the firmware put them, how
 * large they are. Sizes are found by writing ones while the device decodes
 * nothing. What a device says is checked; a BAR that makes no sense is none.
 * PCI Local Bus 3.0, 6.2.5.1.
 */
#include "rootpart/boot_modules.h"
#include "rootpart/paging.h"
#include "rootpart/pci/pci_impl.h"
#include "x86/mmio.h"

#define BAR_IO      BIT(0)
#define BAR_TYPE    0x6u
#define BAR_TYPE_64 0x4u
#define IO_MASK     (~(u64)0x3)
#define MEMORY_MASK (~(u64)0xf)
#define IO_PORTS    0x10000ull
#define DECODING    ((u16)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
/* More than any processor addresses is a lie. */
#define ADDRESS_BITS 52u

/* What the register reads as once ones are written; it is as before afterwards. */
static u32 probe(const struct pci_device *dev, u32 reg)
{
	u32 old = pci_read32(dev, reg);
	u32 mask;

	pci_write32(dev, reg, ~0u);
	mask = pci_read32(dev, reg);
	pci_write32(dev, reg, old);
	return mask;
}

/* The size that a mask stands for: zeroes below ones, up to bit @bits. 0: no such mask. */
static u64 size_of_mask(u64 mask, u32 bits)
{
	u64 size = mask & -mask;
	u64 all = bits < 64 ? BIT(bits) - 1 : ~0ull;

	return mask != 0 && (mask & all) == (all & -size) ? size : 0;
}

static struct pci_bar bar_of(enum pci_bar_kind kind, u64 base, u64 size, u64 end)
{
	if (size == 0 || size > end)
		return (struct pci_bar){ PCI_BAR_NONE, 0, 0 };
	if (!IS_ALIGNED(base, size) || base > end - size)
		base = 0;
	return (struct pci_bar){ kind, base, size };
}

static struct pci_bar read_io(const struct pci_device *dev, u32 reg, u32 low)
{
	/* The upper half may be wired to zero. */
	u64 mask = probe(dev, reg) & IO_MASK & (IO_PORTS - 1);

	return bar_of(PCI_BAR_IO, low & IO_MASK & (IO_PORTS - 1), size_of_mask(mask, 16), IO_PORTS);
}

static struct pci_bar read_memory(const struct pci_device *dev, u32 reg, u32 low)
{
	u64 mask = probe(dev, reg) & MEMORY_MASK & 0xffffffffu;

	return bar_of(PCI_BAR_MEMORY, low & MEMORY_MASK, size_of_mask(mask, 32), 4 * GIB);
}

static struct pci_bar read_memory64(const struct pci_device *dev, u32 reg, u32 low)
{
	u64 base = (u64)pci_read32(dev, reg + 4) << 32 | (low & MEMORY_MASK);
	u64 mask = (probe(dev, reg) & MEMORY_MASK & 0xffffffffu) | (u64)probe(dev, reg + 4) << 32;

	return bar_of(PCI_BAR_MEMORY, base, size_of_mask(mask, 64), BIT(ADDRESS_BITS));
}

/* Returns how many registers it takes. */
static u32 read_bar(struct pci_device *dev, u32 i, u32 count)
{
	u32 reg = PCI_BAR(i);
	u32 low = pci_read32(dev, reg);

	if (low & BAR_IO) {
		dev->bar[i] = read_io(dev, reg, low);
	} else if ((low & BAR_TYPE) != BAR_TYPE_64) {
		dev->bar[i] = read_memory(dev, reg, low);
	} else if (i + 1 < count) {
		dev->bar[i] = read_memory64(dev, reg, low);
		return 2;
	}
	return 1;
}

void pci_bars_read(struct pci_device *dev)
{
	u32 count = dev->header_type == PCI_HEADER_DEVICE ? PCI_BARS : 0;
	u16 command = pci_read16(dev, PCI_COMMAND);

	if (count == 0)
		return;
	pci_write16(dev, PCI_COMMAND, command & (u16)~DECODING);
	for (u32 i = 0; i < count;)
		i += read_bar(dev, i, count);
	pci_write16(dev, PCI_COMMAND, command);
}

/* Registers that lie in memory are none: writing them would change what is there. */
static bool is_memory(u64 base, u64 size)
{
	u32 count;
	const struct pvh_memory *map = boot_memory_map(&count);

	for (u32 i = 0; i < count; i++)
		if (map[i].type == PVH_MEMORY_RAM && map[i].address < base + size &&
			base < map[i].address + map[i].size)
			return true;
	return false;
}

volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	const struct pci_bar *b = &dev->bar[bar];

	if (bar >= PCI_BARS || b->kind != PCI_BAR_MEMORY || b->base == 0)
		return NULL;
	if (offset > b->size || size > b->size - offset || is_memory(b->base, b->size))
		return NULL;
	return paging_map_device(b->base + offset, size, PAGING_DEVICE);
}
