/* SPDX-License-Identifier: MIT */
/*
 * A made-up virtio device on PCI, and the rest of the kernel around its drivers, for
 * host tests. It has registers, rings (virtio_ring.h), interrupts, and misbehaves as
 * it is told; what it is for is the test's. Work and interrupts run when the test says
 * so. Included by one source of a program.
 */
#pragma once

#include "tests/unit/virtio_ring.h"

#include "base/errno.h"
#include "fake/fake.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/virtio/virtio.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "tests/unit/counted_memory.h"
#include "tests/unit/fake_root.h"

#define REGS        0x100000000000ull
#define BAR_SHIFT   24u
#define COMMON      0x0000u /* within BAR 4 */
#define ISR         0x1000u
#define CONFIG      0x2000u
#define NOTIFY      0x3000u
#define CONFIG_SIZE 64u
#define RINGS       8u
#define CAPS        0x40u
#define CAP_SIZE    20u

static struct device {
	/* How it is made. */
	u64 offered;
	u8 config[CONFIG_SIZE];
	u32 num_queues;
	u32 queue_size[RINGS];
	u32 vectors; /* 0: a pin */
	/* How it misbehaves. */
	bool never_reset;
	bool gone;
	bool refuses_features;
	bool refuses_vectors;
	bool refuses_enable;
	bool refuses_start;
	u32 notify_offset; /* added to that of each queue */
	/* What is going on. */
	u8 status;
	u8 generation;
	u8 isr;
	u16 selected;
	u16 config_vector;
	u32 feature_select, accept_select;
	u64 accepted;
	struct ring rings[RINGS];
	u32 bells[RINGS];
	u32 resets;
	void (*on_bell)(u32 queue); /* NULL: it is busy elsewhere */
	void (*on_sleep)(void);     /* the driver sleeps */
	void (*on_read)(u32 offset);
} device;

static struct pci_device pci;
static u8 config_space[256];
static u16 command_register;
static u64 now;
static char logged[256];
static u32 log_lines;
static u32 irq_requests_left;

static struct {
	irq_handler handler;
	void *ctx;
	u32 vp;
} irqs[RINGS + 1];
static struct work *works[64];
static u32 work_count;

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = 2;

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	log_lines++;
}

/* Pages that the driver keeps for ever; NULL is allowed. GPAs are the host's addresses. */
static inline void page_give_back(void *p)
{
	if (p != NULL)
		(void)page_free(p, 0);
}

/* Time, tasks, work. */
u64 time_ns(void)
{
	return now;
}

void task_sleep_ns(u64 ns)
{
	assert_true(fake_irq_on);
	now += ns;
	if (device.on_sleep != NULL)
		device.on_sleep();
}

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
}

void work_ask(struct work *w)
{
	if (w->asked)
		return;
	w->asked = true;
	assert_true(work_count < ARRAY_SIZE(works));
	works[work_count++] = w;
}

/* One round: what is asked for meanwhile waits. Returns how many ran. */
static inline u32 run_work_once(void)
{
	u32 count = work_count;
	struct work *now_asked[ARRAY_SIZE(works)];

	memcpy(now_asked, works, sizeof(works));
	work_count = 0;
	for (u32 i = 0; i < count; i++) {
		assert_true(fake_irq_on);
		now_asked[i]->asked = false;
		now_asked[i]->run(now_asked[i]);
	}
	return count;
}

static inline void run_work(void)
{
	for (u32 i = 0; run_work_once() > 0; i++)
		assert_true(i < 1000);
}

/* The bus. */
static inline void put_config(u32 at, u32 size, u32 v)
{
	memcpy(config_space + at, &v, size);
}

/* Capability @i: of @type, for @size bytes at @offset of @bar. */
static inline void put_cap(u32 i, u32 type, u32 bar, u32 offset, u32 size)
{
	u32 at = CAPS + i * CAP_SIZE;

	put_config(at, 1, PCI_CAP_VENDOR);
	put_config(at + 2, 1, CAP_SIZE);
	put_config(at + 3, 1, type);
	put_config(at + 4, 1, bar);
	put_config(at + 8, 4, offset);
	put_config(at + 12, 4, size);
	put_config(at + 16, 4, 4); /* only of one of them */
}

u32 pci_capability(const struct pci_device *dev, u8 id, u32 after)
{
	u32 at = after == 0 ? CAPS : after + CAP_SIZE;

	(void)dev;
	return config_space[at] == id ? at : 0;
}

u8 pci_read8(const struct pci_device *dev, u32 reg)
{
	(void)dev;
	return config_space[reg];
}

u32 pci_read32(const struct pci_device *dev, u32 reg)
{
	u32 v;

	(void)dev;
	memcpy(&v, config_space + reg, 4);
	return v;
}

void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	(void)dev;
	command_register = (u16)((command_register | set) & ~clear);
}

volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	const struct pci_bar *b = &dev->bar[bar];

	assert_true(bar < PCI_BARS);
	if (b->kind != PCI_BAR_MEMORY || offset > b->size || size > b->size - offset)
		return NULL;
	return (volatile void *)(REGS + ((u64)bar << BAR_SHIFT) + offset);
}

const char *pci_name(const struct pci_device *dev, char *text)
{
	(void)dev;
	return strcpy(text, "0000:00:02.0");
}

u32 pci_irq_count(const struct pci_device *dev)
{
	(void)dev;
	return MAX(device.vectors, 1u);
}

const char *pci_irq_kind(const struct pci_device *dev)
{
	(void)dev;
	return device.vectors != 0 ? "msi-x" : "intx";
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx)
{
	assert_true(index < pci_irq_count(dev));
	assert_null(irqs[index].handler);
	assert_true(vp < cpu_count);
	if (irq_requests_left == 0)
		return -ENOSPC;
	irq_requests_left--;
	irqs[index].handler = handler;
	irqs[index].ctx = ctx;
	irqs[index].vp = vp;
	return 0;
}

void pci_irq_release(struct pci_device *dev)
{
	(void)dev;
	memset(irqs, 0, sizeof(irqs));
}

static inline void interrupt(u32 vector)
{
	if (vector >= ARRAY_SIZE(irqs) || irqs[vector].handler == NULL)
		return;
	fake_irq_on = false;
	irqs[vector].handler(irqs[vector].ctx);
	fake_irq_on = true;
}

/* Interrupts for a queue, or its configuration. */
static inline void raise(bool config, u32 vector)
{
	if (device.vectors != 0) {
		interrupt(vector);
		return;
	}
	device.isr |= config ? 2 : 1;
	interrupt(0);
}

static inline void device_change(void)
{
	device.generation++;
	raise(true, device.config_vector);
}

static inline bool device_take(u32 queue, struct chain *c)
{
	struct ring *r = &device.rings[queue];

	assert_true(r->enabled);
	return ring_take(r, c);
}

static inline void device_give(u32 queue, u32 id, u32 len)
{
	struct ring *r = &device.rings[queue];

	if (ring_give(r, id, len))
		raise(false, r->vector);
}

/* Its registers. */
static inline void device_reset(void)
{
	device.resets++;
	if (device.never_reset)
		return;
	device.status = 0;
	device.accepted = 0;
	device.isr = 0;
	device.config_vector = 0xffff;
	for (u32 i = 0; i < RINGS; i++)
		device.rings[i] = (struct ring){ .size = device.queue_size[i], .vector = 0xffff };
}

static inline void status_write(u8 v)
{
	if (v == 0) {
		device_reset();
		return;
	}
	/* In order, and nothing is taken back. */
	assert_int_equal(v & device.status, device.status & ~64u);
	if (v & 8 && device.refuses_features)
		v &= (u8)~8u;
	if (v & 4) {
		assert_true(v & 8);
		if (device.refuses_start)
			v |= 64;
	}
	device.status = v;
}

static inline struct ring *selected(void)
{
	assert_true(device.selected < device.num_queues);
	return &device.rings[device.selected];
}

static inline u64 common_read(u32 reg, u32 size)
{
	switch (reg) {
	case 0x04:
		return (u32)(device.offered >> (32 * device.feature_select));
	case 0x10:
		return device.config_vector;
	case 0x12:
		return device.num_queues;
	case 0x14:
		assert_int_equal(size, 1);
		return device.status;
	case 0x15:
		assert_int_equal(size, 1);
		return device.generation;
	case 0x18:
		return selected()->size;
	case 0x1a:
		return selected()->vector;
	case 0x1c:
		return selected()->enabled;
	case 0x1e:
		return device.selected + device.notify_offset;
	}
	fail();
	return 0;
}

static inline void half_write(u64 *to, bool high, u64 v)
{
	assert_false(selected()->enabled);
	*to = high ? (u32)*to | v << 32 : (*to >> 32 << 32) | v;
}

static inline void queue_write(u32 reg, u32 size, u64 v)
{
	struct ring *r = selected();

	assert_int_equal(size, reg < 0x20 ? 2 : 4);
	if (reg == 0x18)
		r->size = (u32)v;
	else if (reg == 0x1a)
		r->vector = device.refuses_vectors ? 0xffff : (u32)v;
	else if (reg == 0x1c)
		r->enabled = !device.refuses_enable;
	else if (reg < 0x28)
		half_write(&r->desc, reg & 4, v);
	else if (reg < 0x30)
		half_write(&r->avail, reg & 4, v);
	else if (reg < 0x38)
		half_write(&r->used, reg & 4, v);
	else
		fail();
	r->event_idx = (device.accepted & BIT(29)) != 0;
	assert_true(v <= 0xffff || reg >= 0x20);
}

static inline void common_write(u32 reg, u32 size, u64 v)
{
	if (reg == 0x00)
		device.feature_select = (u32)v;
	else if (reg == 0x08)
		device.accept_select = (u32)v;
	else if (reg == 0x0c)
		device.accepted |= v << (32 * device.accept_select);
	else if (reg == 0x10)
		device.config_vector = device.refuses_vectors ? 0xffff : (u16)v;
	else if (reg == 0x14)
		status_write((u8)v);
	else if (reg == 0x16)
		device.selected = (u16)v;
	else
		queue_write(reg, size, v);
	/* Nothing that was not offered. */
	assert_int_equal(device.accepted & ~device.offered, 0);
}

static inline u64 mmio_load(const volatile void *p, u32 size)
{
	u32 at = (u32)((u64)p - REGS - (4u << BAR_SHIFT));

	assert_int_equal(at % size, 0);
	if (device.gone)
		return ~0ull >> (64 - 8 * size);
	if (at < 0x38)
		return common_read(at, size);
	if (at == ISR) {
		u8 isr = device.isr;

		assert_int_equal(size, 1);
		device.isr = 0;
		return isr;
	}
	assert_in_range(at, CONFIG, CONFIG + CONFIG_SIZE - size);
	if (device.on_read != NULL)
		device.on_read(at - CONFIG);
	return ring_get((u64)device.config + at - CONFIG, size);
}

static inline void mmio_store(volatile void *p, u32 size, u64 v)
{
	u32 at = (u32)((u64)p - REGS - (4u << BAR_SHIFT));

	assert_int_equal(at % size, 0);
	if (device.gone)
		return;
	if (at < 0x38) {
		common_write(at, size, v);
	} else if (at >= CONFIG && at < CONFIG + CONFIG_SIZE) {
		memcpy(device.config + at - CONFIG, &v, size);
	} else {
		assert_int_equal(size, 2);
		assert_int_equal(at, NOTIFY + 4 * v);
		assert_true(v < device.num_queues && device.rings[v].enabled);
		assert_true(device.status & 4);
		device.bells[v]++;
		if (device.on_bell != NULL)
			device.on_bell((u32)v);
	}
}

/* A device of PCI id @id that does as it should. */
static inline void machine_setup(u16 id, u64 offered, u32 queues)
{
	fake_on_mmio_load = mmio_load;
	fake_on_mmio_store = mmio_store;
	fake_direct_base = 0;
	device =
		(struct device){ .offered = offered | BIT(32), .num_queues = queues, .vectors = 8 };
	for (u32 i = 0; i < RINGS; i++)
		device.queue_size[i] = i < queues ? 64 : 0;
	pci = (struct pci_device){ .vendor = 0x1af4, .device = id };
	pci.bar[4] = (struct pci_bar){ PCI_BAR_MEMORY, 0xfe000000, 0x4000 };
	memset(config_space, 0, sizeof(config_space));
	put_cap(0, 1, 4, COMMON, 0x38);
	put_cap(1, 3, 4, ISR, 1);
	put_cap(2, 4, 4, CONFIG, CONFIG_SIZE);
	put_cap(3, 2, 4, NOTIFY, 4 * RINGS);
	put_cap(4, 5, 0, 0, 0);
	memset(irqs, 0, sizeof(irqs));
	command_register = 0;
	now = 0;
	objects = pages = 0;
	memory_left = irq_requests_left = ~0u;
	log_lines = work_count = 0;
	cpu_count = 2;
}
