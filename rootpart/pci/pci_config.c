/* SPDX-License-Identifier: MIT */
/*
 * Configuration registers: in memory, a MiB per bus, where MCFG says so, else
 * by an address port and a data port, which one lock keeps together. A MCFG
 * whose first function is not the one that the ports show is not believed.
 * PCI Local Bus 3.0, 3.2.2.3.2; PCI Express Base 3.1, 7.2.2.
 */
#include "lib/acpi.h"
#include "lib/string.h"
#include "rootpart/firmware.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/paging.h"
#include "rootpart/pci/pci_impl.h"
#include "x86/io.h"
#include "x86/mmio.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define PORT_ENABLE  BIT(31)
#define PORT_REGS    256u

#define BUS_SHIFT    20u
#define RID_SHIFT    12u
#define BUS_REGS     4096u

static struct pci_window windows[ACPI_MCFG_MAX];
static volatile u8 *buses[ACPI_MCFG_MAX][PCI_BUSES]; /* NULL: not open */
static u32 window_count;
static struct spinlock ports_lock;

const struct pci_window *pci_config_window(u32 i)
{
	return &windows[i];
}

static bool is_by_ports(const struct pci_device *dev)
{
	return window_count == 1 && windows[0].base == 0 && dev->segment == 0;
}

/* Register @reg in memory; NULL: it cannot be reached that way. */
static volatile u8 *memory_register(const struct pci_device *dev, u32 reg)
{
	for (u32 i = 0; i < window_count && reg < BUS_REGS; i++) {
		volatile u8 *bus = buses[i][PCI_BUS(dev->rid)];

		if (windows[i].segment == dev->segment && bus != NULL)
			return bus + ((u32)(dev->rid & 0xff) << RID_SHIFT) + reg;
	}
	return NULL;
}

static void select_register(u16 rid, u32 reg)
{
	out32(PORT_ADDRESS, (u32)PORT_ENABLE | (u32)rid << 8 | (reg & ~3u));
}

static u32 port_read(u16 rid, u32 reg, u32 size)
{
	u16 port = (u16)(PORT_DATA + (reg & 3));
	u64 flags = lock_irq(&ports_lock);
	u32 v;

	select_register(rid, reg);
	v = size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
	unlock_irq(&ports_lock, flags);
	return v;
}

static void port_write(u16 rid, u32 reg, u32 size, u32 v)
{
	u16 port = (u16)(PORT_DATA + (reg & 3));
	u64 flags = lock_irq(&ports_lock);

	select_register(rid, reg);
	if (size == 1)
		out8(port, (u8)v);
	else if (size == 2)
		out16(port, (u16)v);
	else
		out32(port, v);
	unlock_irq(&ports_lock, flags);
}

u8 pci_read8(const struct pci_device *dev, u32 reg)
{
	const volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		return mmio_read8(p);
	return is_by_ports(dev) && reg < PORT_REGS ? (u8)port_read(dev->rid, reg, 1) : 0xff;
}

u16 pci_read16(const struct pci_device *dev, u32 reg)
{
	const volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		return mmio_read16(p);
	return is_by_ports(dev) && reg < PORT_REGS ? (u16)port_read(dev->rid, reg, 2) : 0xffff;
}

u32 pci_read32(const struct pci_device *dev, u32 reg)
{
	const volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		return mmio_read32(p);
	return is_by_ports(dev) && reg < PORT_REGS ? port_read(dev->rid, reg, 4) : ~0u;
}

void pci_write8(const struct pci_device *dev, u32 reg, u8 v)
{
	volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		mmio_write8(p, v);
	else if (is_by_ports(dev) && reg < PORT_REGS)
		port_write(dev->rid, reg, 1, v);
}

void pci_write16(const struct pci_device *dev, u32 reg, u16 v)
{
	volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		mmio_write16(p, v);
	else if (is_by_ports(dev) && reg < PORT_REGS)
		port_write(dev->rid, reg, 2, v);
}

void pci_write32(const struct pci_device *dev, u32 reg, u32 v)
{
	volatile u8 *p = memory_register(dev, reg);

	if (p != NULL)
		mmio_write32(p, v);
	else if (is_by_ports(dev) && reg < PORT_REGS)
		port_write(dev->rid, reg, 4, v);
}

void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	u16 command = pci_read16(dev, PCI_COMMAND);

	pci_write16(dev, PCI_COMMAND, (u16)((command & ~clear) | set));
}

bool pci_config_open(const struct pci_window *w, u8 bus)
{
	volatile u8 **slot = &buses[w - windows][bus];

	if (w->base != 0 && *slot == NULL)
		*slot = paging_map_device(
			w->base + ((u64)bus << BUS_SHIFT), 1ull << BUS_SHIFT, PAGING_DEVICE);
	return w->base == 0 || *slot != NULL;
}

static u32 use_ports(void)
{
	windows[0] = (struct pci_window){ .last = PCI_BUSES - 1 };
	window_count = 1;
	return 1;
}

/* Of one that begins segment 0. */
static bool agrees_with_ports(const struct pci_window *w)
{
	const struct pci_device first = { .segment = 0, .rid = 0 };

	if (w->segment != 0 || w->first != 0)
		return true;
	return pci_config_open(w, 0) &&
	       pci_read32(&first, PCI_VENDOR) == port_read(0, PCI_VENDOR, 4);
}

static bool use_memory(const struct acpi_mcfg *mcfg)
{
	for (u32 i = 0; i < mcfg->count; i++) {
		const struct acpi_segment *s = &mcfg->segments[i];

		windows[i] = (struct pci_window){ s->segment, s->start_bus, s->end_bus, s->base };
	}
	window_count = mcfg->count;
	for (u32 i = 0; i < window_count; i++) {
		if (agrees_with_ports(&windows[i]))
			continue;
		log_printf("pci: MCFG shows other devices than the ports do: not used");
		buses[i][0] = NULL;
		return false;
	}
	return true;
}

u32 pci_config_init(void)
{
	struct acpi *acpi = firmware_acpi();
	struct acpi_mcfg mcfg;
	const char *why;

	memset(buses, 0, sizeof(buses));
	if (acpi == NULL || acpi_mcfg_parse(acpi, &mcfg, &why) != 0 || !use_memory(&mcfg))
		return use_ports();
	return window_count;
}
