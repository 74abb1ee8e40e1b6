/* SPDX-License-Identifier: MIT */
/*
 * The rest of the kernel around the NVMe driver, for host tests: PCI, interrupts,
 * work, memory, time, the block layer. The controller of nvme_device.h works when the
 * driver sleeps or the test calls serve(). Included by one source of a program.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake/fake.h"
#include "rootpart/block/block.h"
#include "rootpart/cpu.h"
#include "rootpart/drivers/drivers.h"
#include "rootpart/drivers/nvme/nvme.h"
#include "rootpart/log.h"
#include "rootpart/task.h"
#include "rootpart/time.h"
#include "tests/unit/counted_memory.h"
#include "tests/unit/fake_root.h"
#include "tests/unit/nvme_device.h"

static struct pci_device pci;
static u16 command_register;
static u64 now;
static struct block_device *blocks[8];
static u32 block_count;
static int register_answer;
static u32 asked_recover;
static char logged[256];
static u32 log_lines;

struct cpu *cpus[HV_MAX_PROCESSORS];
u32 cpu_count = 2;

/* Pieces that ended. */
static struct {
	struct block_device *d;
	u32 queue, tag;
	int error;
} ended[PIECES];
static u32 ended_count;

static struct {
	irq_handler handler;
	void *ctx;
	u32 vp;
} irqs[QUEUES];
static struct work *works[QUEUES * 2];
static u32 work_count;

volatile void *pci_map(const struct pci_device *dev, u32 bar, u64 offset, u64 size)
{
	assert_int_equal(bar, 0);
	return offset + size <= dev->bar[0].size ? (volatile void *)(REGS + offset) : NULL;
}

void pci_command(const struct pci_device *dev, u16 set, u16 clear)
{
	(void)dev;
	command_register = (u16)((command_register & ~clear) | set);
}

const char *pci_name(const struct pci_device *dev, char *text)
{
	(void)dev;
	return strcpy(text, "0000:00:02.0");
}

u32 pci_irq_count(const struct pci_device *dev)
{
	(void)dev;
	return device.vectors;
}

bool pci_irq_is_shared(const struct pci_device *dev)
{
	(void)dev;
	return device.pin;
}

int pci_irq_request(struct pci_device *dev, u32 index, u32 vp, irq_handler handler, void *ctx)
{
	(void)dev;
	assert_true(index < device.vectors);
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

void work_init(struct work *w, void (*run)(struct work *w))
{
	*w = (struct work){ .run = run };
}

void work_ask(struct work *w)
{
	if (!w->asked)
		works[work_count++] = w;
	w->asked = true;
}

static inline void run_work(void);

void work_drain(const struct work *w)
{
	while (w->asked)
		run_work();
}

/* One round, as the VPs' tasks do it. */
static inline void run_work(void)
{
	struct work *round[QUEUES * 2];
	u32 count = work_count;

	memcpy(round, works, sizeof(works));
	work_count = 0;
	for (u32 i = 0; i < count; i++) {
		round[i]->asked = false;
		round[i]->run(round[i]);
	}
}

static inline void interrupt(u32 vector)
{
	fake_irq_on = false;
	irqs[vector].handler(irqs[vector].ctx);
	fake_irq_on = true;
}

/* The controller works, interrupts, and its answers are taken. */
static inline void serve(void)
{
	device_run();
	for (u32 i = 0; i < QUEUES; i++)
		if (irqs[i].handler != NULL)
			interrupt(i);
	while (work_count > 0)
		run_work();
}

u64 time_ns(void)
{
	return now;
}

static void (*on_sleep)(void); /* may be NULL */

void task_sleep_ns(u64 ns)
{
	assert_true(fake_irq_on);
	now += ns;
	if (on_sleep != NULL)
		on_sleep();
	device_run();
}

void mutex_init(struct mutex *m)
{
	*m = (struct mutex){ .held = false };
}

void mutex_lock(struct mutex *m)
{
	assert_false(m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	m->held = false;
}

void log_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	log_lines++;
}

int block_register(struct block_device *d, bool cd)
{
	assert_false(cd);
	if (register_answer != 0)
		return register_answer;
	blocks[block_count++] = d;
	return 0;
}

void block_ask_recover(struct block_device *d)
{
	assert_ptr_equal(d->ops, &nvme_block_ops);
	asked_recover++;
}

void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error)
{
	assert_true(queue < d->queue_count && tag < d->depth);
	ended[ended_count].d = d;
	ended[ended_count].queue = queue;
	ended[ended_count].tag = tag;
	ended[ended_count++].error = error;
}

/* As the layer does: one start, under a lock; the doorbell apart. */
static inline void start(struct block_device *d, u32 queue, u32 tag, struct block_piece *p)
{
	p->tag = tag;
	fake_irq_on = false;
	d->ops->start(d, queue, p);
	fake_irq_on = true;
}

static inline void kick(struct block_device *d, u32 queue)
{
	fake_irq_on = false;
	d->ops->kick(d, queue);
	fake_irq_on = true;
}

static inline void flush(struct block_device *d, u32 queue, u32 tag)
{
	struct block_piece p = { .op = BLOCK_FLUSH };

	start(d, queue, tag, &p);
	kick(d, queue);
}

/* Contiguous memory; returns how it ended. */
static inline int transfer_piece(struct block_device *d, struct block_piece *p)
{
	u32 before = ended_count;

	start(d, 0, 5, p);
	kick(d, 0);
	serve();
	assert_int_equal(ended_count, before + 1);
	assert_int_equal(ended[before].tag, 5);
	ended_count = before;
	return ended[before].error;
}

static int setup(void **state)
{
	u8 *disk = device.disk;

	(void)state;
	fake_on_mmio_load = reg_load;
	fake_on_mmio_store = reg_store;
	if (disk == NULL)
		disk = malloc(DISK_BYTES);
	device = (struct device){
		.cap = 0x3ff | 2ull << 24 | 1ull << 32 | BIT(37),
		.mdts = 7,
		.vwc = 1,
		.oncs = 4,
		.namespaces = { 1 },
		.format = 9 << 16,
		.queues_granted = 4,
		.vectors = 4,
		.disk = disk,
	};
	pci = (struct pci_device){ .class_code = 1, .subclass = 8, .interface = 2 };
	pci.bar[0] = (struct pci_bar){ PCI_BAR_MEMORY, 0xfe000000, 0x4000 };
	memset(irqs, 0, sizeof(irqs));
	memory_left = ~0u;
	now = 0;
	cpu_count = 2;
	command_register = 0;
	block_count = ended_count = work_count = asked_recover = log_lines = 0;
	register_answer = 0;
	return 0;
}

/* The driver has no end: what it keeps is given back here. */
static inline void drop_controller(void)
{
	struct nvme *n;

	if (irqs[0].ctx == NULL)
		return;
	n = ((struct nvme_queue *)irqs[0].ctx)->nvme;
	for (u32 i = 0; i < n->io_opened; i++)
		nvme_queue_free(&n->io[i]);
	for (u32 i = 0; i < n->namespace_count; i++)
		kfree(n->namespaces[i]);
	nvme_queue_free(&n->admin);
	kfree(n->io);
	(void)page_free(n->page, 0);
	kfree(n);
	memset(irqs, 0, sizeof(irqs));
}

static int teardown(void **state)
{
	(void)state;
	drop_controller();
	assert_int_equal(objects, 0);
	assert_int_equal(pages, 0);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
