/* SPDX-License-Identifier: MIT */
/*
 * A made-up 82540EM or 82574L below the driver, for host tests: registers, EEPROM, PHY,
 * both rings with their DMA, and the interrupt, which comes as soon as interrupts are on.
 * It checks what the driver tells it, and misbehaves as the test says. Included
 * by one source of a program.
 */
#pragma once

#include "fake/fake.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/e1000/e1000.h"
#include "tests/unit/nic_machine.h"

#define REGS     0x100000000000ull
#define SENT_MAX 70000u

static struct device {
	u32 regs[E1000_REGS_SIZE / 4];
	/* How it is made. */
	bool pcie;
	bool pin;
	u16 eeprom[3];
	bool no_address; /* its address registers stay empty */
	u16 phy_control;
	bool link;
	u32 speed;
	/* How it misbehaves. */
	bool gone;          /* all registers read as ones */
	bool never_reset;   /* the bit stays */
	bool no_eeprom;     /* never done */
	bool silent;        /* sends nothing */
	bool storm;         /* interrupts whatever is masked */
	u8 tx_status;       /* besides DD */
	bool other_asserts; /* another device has the pin, and asserts it once */
	/* What is going on. */
	u32 icr, ims;
	bool has_context;
	struct e1000_tx_context context;
	u8 frame[SENT_MAX];
	u32 frame_bytes, frame_descriptors;
	bool frame_cut;
	u32 resets, interrupts, rdt_writes;
	u8 rx_csum_status; /* of each frame that comes */
	u8 rx_errors;
} device;

/* What it has put on the wire. */
static struct wire {
	u32 bytes;
	u32 descriptors;
	bool offload, cut;
	u8 options;
	struct e1000_tx_context context;
	u8 *data;
} wire[FRAMES];
static u32 wire_count;

static struct pci_device pci;
static u16 command_register;
static irq_handler handler;
static void *handler_ctx;
static u32 irq_vp;
static bool in_handler;
static bool irq_fails;
static u32 vectors;

static inline u32 *reg(u32 offset)
{
	return &device.regs[offset / 4];
}

static inline void *dma(u64 address)
{
	return (void *)address;
}

static void deliver(void)
{
	u32 before = 0;

	while (handler != NULL && fake_irq_on && !in_handler &&
		((device.icr & device.ims) || device.other_asserts || device.storm)) {
		assert_true(device.storm || before++ < 1000);
		device.interrupts++;
		device.other_asserts = false;
		in_handler = true;
		fake_irq_on = false;
		handler(handler_ctx);
		fake_irq_on = true;
		in_handler = false;
		if (device.storm && before++ == 20)
			break;
	}
}

static void device_reset(void)
{
	memset(device.regs, 0, sizeof(device.regs));
	device.icr = INT_TXDW | INT_LSC; /* it is not trusted to be 0 */
	device.ims = ~0u;
	device.frame_bytes = device.frame_descriptors = 0;
	device.resets++;
	*reg(E1000_EECD) = (u32)EECD_AUTO_RD;
	if (!device.no_address) {
		*reg(E1000_RAL(0)) = device.eeprom[0] | (u32)device.eeprom[1] << 16;
		*reg(E1000_RAH(0)) = device.eeprom[2] | (u32)RAH_AV;
	}
	*reg(E1000_RDH) = *reg(E1000_TDH) = 77;
}

static void eeprom_read(u32 v)
{
	u32 word = (v & 0xffff) >> (device.pcie ? EERD_PCIE_ADDR_SHIFT : EERD_ADDR_SHIFT);

	assert_true(v & EERD_START);
	assert_true(word < 3);
	*reg(E1000_EERD) = (u32)device.eeprom[word] << EERD_DATA_SHIFT;
	if (!device.no_eeprom)
		*reg(E1000_EERD) |= (u32)(device.pcie ? EERD_PCIE_DONE : EERD_DONE);
}

static void phy_access(u32 v)
{
	assert_int_equal(v >> MDIC_REG_SHIFT & 31, PHY_CONTROL);
	assert_true(v & MDIC_PHY_1);
	if (v & MDIC_WRITE)
		device.phy_control = (u16)v;
	*reg(E1000_MDIC) = device.phy_control | (u32)MDIC_READY;
}

static void put_on_wire(const struct e1000_tx_desc *d)
{
	struct wire *w = &wire[wire_count++];

	assert_true(wire_count <= FRAMES);
	assert_true(d->command & TX_IFCS);
	*w = (struct wire){
		.bytes = device.frame_bytes,
		.descriptors = device.frame_descriptors,
		.offload = device.has_context,
		.cut = device.frame_cut,
		.options = d->options,
		.context = device.context,
		.data = malloc(device.frame_bytes),
	};
	memcpy(w->data, device.frame, device.frame_bytes);
	device.frame_bytes = device.frame_descriptors = 0;
	device.has_context = false;
}

static void take_descriptor(struct e1000_tx_desc *d)
{
	u32 len = d->command & 0xfffff;

	assert_true(d->command & TX_DEXT);
	device.frame_descriptors++;
	if (!(d->command & BIT(20))) {
		memcpy(&device.context, d, sizeof(device.context));
		device.has_context = true;
		return;
	}
	assert_in_range(len, 1, 4096);
	assert_true(device.frame_bytes + len <= SENT_MAX);
	memcpy(device.frame + device.frame_bytes, dma(d->address), len);
	device.frame_bytes += len;
	device.frame_cut = d->command & TX_TSE;
	if (d->command & TX_EOP)
		put_on_wire(d);
	if (d->command & TX_RS) {
		d->status = (u8)(TX_DD | device.tx_status);
		device.icr |= (u32)(device.pcie ? INT_TXDW | INT_TXQ0 : INT_TXDW);
	}
}

static void transmit(void)
{
	struct e1000_tx_desc *ring = dma(*reg(E1000_TDBAL) | (u64)*reg(E1000_TDBAH) << 32);
	u32 count = *reg(E1000_TDLEN) / sizeof(ring[0]);

	if (device.silent || !(*reg(E1000_TCTL) & TCTL_EN))
		return;
	assert_true(*reg(E1000_TDT) < count);
	assert_true(command_register & PCI_COMMAND_MASTER);
	while (*reg(E1000_TDH) != *reg(E1000_TDT)) {
		take_descriptor(&ring[*reg(E1000_TDH)]);
		*reg(E1000_TDH) = (*reg(E1000_TDH) + 1) % count;
	}
}

static u64 load(const volatile void *p, u32 size)
{
	u32 offset = (u32)((u64)p - REGS), v;

	assert_int_equal(size, 4);
	assert_true(offset < E1000_REGS_SIZE);
	if (device.gone)
		return ~0u;
	v = *reg(offset);
	switch (offset) {
	case E1000_STATUS:
		v = (device.link ? (u32)STATUS_LU : 0) | device.speed << STATUS_SPEED_SHIFT;
		if (device.pcie && !(*reg(E1000_CTRL) & CTRL_GIO_MASTER_DISABLE))
			v |= (u32)STATUS_GIO_MASTER;
		break;
	case E1000_ICR:
		v = device.icr;
		if (device.pin || device.ims == 0)
			device.icr = 0;
		break;
	case E1000_MPC:
		*reg(offset) = 0;
		break;
	}
	return v;
}

static void store(volatile void *p, u32 size, u64 value)
{
	u32 offset = (u32)((u64)p - REGS), v = (u32)value;

	assert_int_equal(size, 4);
	assert_true(offset < E1000_REGS_SIZE);
	if (device.gone)
		return;
	switch (offset) {
	case E1000_IMC:
		device.ims &= ~v;
		break;
	case E1000_IMS:
		device.ims |= v;
		break;
	case E1000_ICS:
		device.icr |= v | (u32)(device.pcie ? INT_OTHER : 0);
		break;
	case E1000_EERD:
		eeprom_read(v);
		break;
	case E1000_MDIC:
		phy_access(v);
		break;
	case E1000_CTRL:
		*reg(offset) = v & ~(device.never_reset ? 0 : (u32)CTRL_RST);
		if (v & CTRL_RST)
			device_reset();
		if (device.never_reset)
			*reg(offset) |= v & (u32)CTRL_RST;
		break;
	case E1000_RDT:
		device.rdt_writes++;
		*reg(offset) = v;
		assert_true(v < E1000_RING);
		break;
	case E1000_TDT:
		*reg(offset) = v;
		transmit();
		break;
	default:
		*reg(offset) = v;
	}
	deliver();
}

static inline struct e1000_rx_desc *rx_ring(void)
{
	return dma(*reg(E1000_RDBAL) | (u64)*reg(E1000_RDBAH) << 32);
}

/* Writes descriptor RDH, as the device does; false: it has none. */
static bool fill(const u8 *data, u32 len, u8 status, u8 errors)
{
	u32 head = *reg(E1000_RDH);
	struct e1000_rx_desc *d = &rx_ring()[head];

	if (head == *reg(E1000_RDT))
		return false;
	assert_int_equal(d->status, 0);
	assert_true(command_register & PCI_COMMAND_MASTER);
	memcpy(dma(d->address), data, len);
	d->length = (u16)len;
	d->errors = errors;
	d->status = (u8)(status | RX_DD);
	*reg(E1000_RDH) = (head + 1) % E1000_RING;
	return true;
}

static u32 free_descriptors(void)
{
	return (*reg(E1000_RDT) - *reg(E1000_RDH)) % E1000_RING;
}

/* A frame from the wire; no interrupt is delivered before settle(). */
static inline bool arrive(const u8 *data, u32 bytes)
{
	u32 at = 0;

	device.icr |= (u32)(device.pcie ? INT_RXT0 | INT_RXQ0 : INT_RXT0);
	assert_true(*reg(E1000_RCTL) & RCTL_EN);
	if (free_descriptors() * E1000_BUFFER < bytes) {
		++*reg(E1000_MPC);
		device.icr |= (u32)(INT_RXO | (device.pcie ? INT_OTHER : 0));
		return false;
	}
	while (at < bytes) {
		u32 len = MIN(bytes - at, E1000_BUFFER);
		bool end = at + len == bytes;

		assert_true(fill(data + at, len, end ? (u8)(RX_EOP | device.rx_csum_status) : 0,
			end ? device.rx_errors : 0));
		at += len;
	}
	return true;
}

static inline bool arrive_pattern(u32 number, u32 bytes)
{
	u8 *data = malloc(bytes);
	bool r;

	for (u32 i = 0; i < bytes; i++)
		data[i] = pattern(number, i);
	r = arrive(data, bytes);
	free(data);
	return r;
}

/* PCI. */
volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	assert_ptr_equal(dev, &pci);
	assert_int_equal(bar + offset, 0);
	return size <= pci.bar[0].size ? (volatile void *)REGS : NULL;
}

void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	(void)dev;
	command_register = (u16)((command_register & ~clear) | set);
}

u32 pci_irq_count(const struct pci_device *dev)
{
	(void)dev;
	return vectors;
}

bool pci_irq_is_shared(const struct pci_device *dev)
{
	(void)dev;
	return device.pin;
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler h, void *ctx)
{
	(void)dev;
	assert_int_equal(index, 0);
	if (irq_fails)
		return -ENOSPC;
	handler = h;
	handler_ctx = ctx;
	irq_vp = vp;
	return 0;
}

void pci_irq_release(struct pci_device *dev)
{
	(void)dev;
	handler = NULL;
}

static struct nic *nic;

static inline struct e1000 *driver(void)
{
	return nic->driver_data;
}

/* The model: an 82540EM on a pin, or an 82574L with a vector of its own. */
static inline void e1000_setup(bool pcie)
{
	machine_setup();
	memset(&device, 0, sizeof(device));
	device.pcie = pcie;
	device.pin = !pcie;
	device.link = true;
	device.speed = 2;
	device.eeprom[0] = 0x5452;
	device.eeprom[1] = 0x1200;
	device.eeprom[2] = 0x5634;
	device.phy_control = PHY_CONTROL_AUTO;
	device.ims = ~0u;
	device.icr = INT_TXDW;
	pci = (struct pci_device){ .vendor = 0x8086,
		.device = pcie ? 0x10d3 : 0x100e,
		.bar[0] = { PCI_BAR_MEMORY, 0xfe000000, E1000_REGS_SIZE } };
	vectors = pcie ? 5 : 1;
	irq_fails = false;
	handler = NULL;
	command_register = 0;
	wire_count = 0;
	pages = objects = 0;
	nic = NULL;
	fake_on_mmio_load = load;
	fake_on_mmio_store = store;
	device_step = deliver;
}

static inline void probe(void)
{
	assert_true(e1000_driver.match(&pci));
	assert_int_equal(e1000_driver.probe(&pci), 0);
	for (struct nic *n = nic_next(NULL); n != NULL; n = nic_next(n))
		nic = n;
	settle();
}

static inline void e1000_teardown(void)
{
	for (u32 i = 0; i < wire_count; i++)
		free(wire[i].data);
	machine_teardown();
}

/* Of cmocka's tests. */
static inline int setup_pin(void **state)
{
	(void)state;
	e1000_setup(false);
	return 0;
}

static inline int setup_msix(void **state)
{
	(void)state;
	e1000_setup(true);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	e1000_teardown();
	return 0;
}
